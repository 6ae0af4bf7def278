"""The application's own wiring, but for the provider."""

from config.wiring import *  # noqa: F403 - a wiring module is what its names are

GATEWAYS = {"stripe": "benchmarks.bare.gateway.make"}
