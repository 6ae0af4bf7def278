"""The application's own settings, but for the provider and one address more."""

from config.settings import *  # noqa: F403 - a settings module is what its names are
from config.settings import API_RATES

SWITCHBOARD = "benchmarks.bare.wiring"
ROOT_URLCONF = "benchmarks.bare.urls"
# The load is not to be refused for coming from one key; taking the token is still paid for.
API_RATES = {**API_RATES, "write": 100_000}
