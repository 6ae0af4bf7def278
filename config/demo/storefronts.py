"""The storefronts of a development system, with keys that everybody knows. Refused in production."""

from dataclasses import dataclass

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


DEMO = DemoStorefront(slug="demo", name="Demo market", api_key="cf_test_demo_0123456789abcdefghijklmnop")
REPLAY = DemoStorefront(slug="replay", name="Replayed orders", api_key="cf_test_replay_0123456789abcdefghijkl")


def ensure(storefront: DemoStorefront) -> None:
    """Create a demo storefront and its key where they are missing. Raises NotInProduction."""
    if settings.PRODUCTION:
        raise NotInProduction(NotInProduction.__doc__)
    now = timezone.now()
    register_storefront(
        slug=storefront.slug, name=storefront.name, return_origins=[settings.PUBLIC_URL], actor="system:seed", now=now
    )
    issue_api_key(slug=storefront.slug, label="development", actor="system:seed", now=now, secret=storefront.api_key)
