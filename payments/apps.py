from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Money in."""

    name = "payments"
