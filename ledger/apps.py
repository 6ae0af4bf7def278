from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The books."""

    name = "ledger"
