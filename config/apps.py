from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The composition root: commands, the console's frame, system checks."""

    name = "config"
    verbose_name = "Counterfoil"

    def ready(self) -> None:
        """Bind Celery to our configuration and register the system checks."""
        from config import celery, checks  # noqa: F401, PLC0415 - only once the apps are loaded
