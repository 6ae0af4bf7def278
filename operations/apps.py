from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What keeps work safe: jobs, idempotency, approvals, audit, switches and the four primitives."""

    name = "operations"
