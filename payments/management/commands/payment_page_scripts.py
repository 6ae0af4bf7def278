"""`manage.py payment_page_scripts`: write the inventory of the payment page's scripts."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from payments.pages.scripts import document


class Command(BaseCommand):
    """Write the inventory into the documentation."""

    help = "Write docs/payment-page-scripts.md, the inventory of the scripts on the embedded page (PCI DSS 6.4.3)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it."""
        path = Path(settings.BASE_DIR) / "docs" / "payment-page-scripts.md"
        path.write_text(document(), encoding="utf-8")
        self.stdout.write(f"Wrote {path.name}.")
