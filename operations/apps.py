from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What keeps work safe: jobs, idempotency, approvals, audit, switches and the four primitives."""

    name = "operations"

    def ready(self) -> None:
        """Tell the OpenAPI generator about our keys."""
        from operations.api import schema  # noqa: F401, PLC0415 - registers itself, once apps are loaded
