"""The storefronts of a development system, with keys that everybody knows. Refused in production."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from operations.services import issue_api_key, register_storefront


class NotInProduction(Exception):
    """Demonstrations play with money that must not be real: COUNTERFOIL_ENV is production."""


@dataclass(frozen=True, kw_only=True)
class DemoStorefront:
    """A storefront with a published API key."""

    slug: str
    name: str
    api_key: str


#: Where a shop under development listens: the usual ports of the frameworks that one is made with.
SHOP_PORTS = (3000, 4200, 5000, 5173, 8080)
DEMO = DemoStorefront(slug="demo", name="Demo market", api_key="cf_test_demo_0123456789abcdefghijklmnop")
REPLAY = DemoStorefront(slug="replay", name="Replayed orders", api_key="cf_test_replay_0123456789abcdefghijkl")


def return_origins() -> list[str]:
    """Return where buyers of a demo storefront may come back to: here, or a shop on the same machine."""
    here = urlsplit(settings.PUBLIC_URL)
    ports = sorted({*SHOP_PORTS, *([here.port] if here.port else [])})
    there = [f"http://{host}:{port}" for host in ("127.0.0.1", "localhost") for port in ports]
    return list(dict.fromkeys([settings.PUBLIC_URL, *there]))


def ensure(storefront: DemoStorefront) -> None:
    """Create a demo storefront and its key where they are missing. Raises NotInProduction."""
    if settings.PRODUCTION:
        raise NotInProduction(NotInProduction.__doc__)
    now = timezone.now()
    register_storefront(
        slug=storefront.slug, name=storefront.name, return_origins=return_origins(), actor="system:seed", now=now
    )
    issue_api_key(slug=storefront.slug, label="development", actor="system:seed", now=now, secret=storefront.api_key)
