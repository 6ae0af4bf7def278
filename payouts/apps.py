from django.apps import AppConfig


class PayoutsConfig(AppConfig):
    """Money out."""

    name = "payouts"
