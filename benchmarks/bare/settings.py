"""The application's own settings, but for the provider and one address more."""

from config.settings import *  # noqa: F403 - a settings module is what its names are
from config.settings import REST_FRAMEWORK

SWITCHBOARD = "benchmarks.bare.wiring"
ROOT_URLCONF = "benchmarks.bare.urls"
# The bare view answers without asking who calls; what it costs to know is part of what is measured.
REST_FRAMEWORK = {**REST_FRAMEWORK}
