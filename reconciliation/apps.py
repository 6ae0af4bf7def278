from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """The books against the outside world."""

    name = "reconciliation"
