"""The scripts of the page that embeds the provider's form: an inventory, as PCI DSS 6.4.3 asks for one.

Written to docs/payment-page-scripts.md by the command `payment_page_scripts`; a test compares it with the page as it is
served. The redirect, which is the default, has no page of ours with a form on it, and so no script.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

_OURS = Path(__file__).resolve().parent.parent / "static" / "payments" / "embedded.js"
_PROVIDERS = "https://js.stripe.com/{train}/stripe.js"


@dataclass(frozen=True, kw_only=True)
class Script:
    """One script: where it comes from, what it is for, who answers for it, and how a change of it would show."""

    url: str
    purpose: str
    owner: str
    integrity: str


def inventory() -> list[Script]:
    """Return every script of the embedded payment page."""
    digest = base64.b64encode(hashlib.sha384(_OURS.read_bytes()).digest()).decode()
    return [
        Script(
            url=_PROVIDERS.format(train=settings.STRIPE_JS_TRAIN),
            purpose="the provider's form, in a frame of the provider's own; it alone sees the card",
            owner="Stripe, which changes it within a train and must not be pinned or copied (its terms)",
            integrity="by origin: the policy of the page lets scripts come from there and from us, nowhere else",
        ),
        Script(
            url=f"{settings.STATIC_URL}payments/embedded.js",
            purpose="mounts that form on the page",
            owner="Counterfoil, by review of each change",
            integrity=f"sha384-{digest}",
        ),
    ]


def document() -> str:
    """Return the inventory as a page of the documentation."""
    lines = [
        "# Scripts of the embedded payment page",
        "",
        "Written by `manage.py payment_page_scripts`. With `CHECKOUT_PAGE=redirect`, the default, buyers pay on the",
        "provider's own page and none of this applies.",
        "",
        "| script | what for | who answers for it | how a change shows |",
        "| --- | --- | --- | --- |",
        *(f"| `{one.url}` | {one.purpose} | {one.owner} | {one.integrity} |" for one in inventory()),
        "",
        "The page is served with a Content-Security-Policy that names these two origins for scripts, one of them",
        "for frames, and no others. Check at least weekly that the page is still served so (PCI DSS 11.6.1).",
    ]
    return "\n".join(lines) + "\n"
