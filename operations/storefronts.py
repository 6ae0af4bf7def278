"""Storefronts and their API keys."""

import hashlib
import json
import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q

from operations import audit
from operations.edges import require_transaction
from operations.errors import DomainError
from operations.models import ApiKey, Storefront
from operations.prepared import ask_prepared, prepared
from operations.texts import require_fit

# By which people, and scanners for leaked secrets, tell a key of production from others; both have this length.
_LIVE, _TEST = "cf_live_", "cf_test_"
# What a key's storefront is read with.
_STOREFRONT = ("slug", "name", "return_origins")
USE_NOTED_EVERY = timedelta(hours=1)
_SLUG = re.compile(r"[a-z0-9][-a-z0-9_]{0,49}")
# As a return address begins, up to its path.
_ORIGIN = re.compile(r"https?://[-a-z0-9.]+(:[0-9]{1,5})?")


class BadApiKey(DomainError):
    """The API key is missing, unknown, expired or revoked."""

    code = "unauthorized"


class StorefrontRefused(DomainError):
    """The {field} {value!r} {problem}."""

    code = "storefront_refused"


class StorefrontMissing(DomainError):
    """There is no storefront {slug}."""

    code = "storefront_missing"


def register(*, slug: str, name: str, return_origins: list[str], actor: str, now: datetime) -> Storefront:
    """Create a storefront, or bring an existing one's name and return origins up to date.

    Raises StorefrontRefused and TextRefused.
    """
    _require_sound(slug=slug, return_origins=return_origins)
    require_fit(name=name)
    facts = {"name": name, "return_origins": return_origins}
    before = Storefront.objects.filter(pk=slug).values("name", "return_origins").first()
    storefront, created = Storefront.objects.update_or_create(slug=slug, defaults=facts)
    subject = f"storefront:{slug}"
    if created:
        audit.record(action="operations.storefront.registered", actor=actor, subject=subject, now=now)
    elif before != facts:
        audit.record(action="operations.storefront.changed", actor=actor, subject=subject, now=now, **facts)
    return storefront


def _require_sound(*, slug: str, return_origins: list[str]) -> None:
    """Raise StorefrontRefused for what no route could name, and for what no return address begins with."""
    if not _SLUG.fullmatch(slug):
        problem = "must be 1 to 50 small letters, digits, - and _, and begin with a letter or digit"
        raise StorefrontRefused(field="slug", value=slug, problem=problem)
    for origin in return_origins:
        if not _ORIGIN.fullmatch(origin):
            problem = "must be like https://shop.example or https://shop.example:8443, without a path"
            raise StorefrontRefused(field="return origin", value=origin, problem=problem)


def hold(*, slug: str) -> None:
    """Have whoever holds the same storefront wait for this transaction: what it has can be counted meanwhile."""
    require_transaction("hold")
    Storefront.objects.select_for_update(no_key=True).get(pk=slug)


def issue_key(*, slug: str, label: str, actor: str, now: datetime, secret: str | None = None) -> str:
    """Create an API key and return its secret, which is shown this once and stored only as a digest.

    `secret` lets a development seed hand out the same key each time; it must look like one of ours. Raises
    StorefrontMissing and TextRefused.
    """
    require_fit(label=label)
    if not Storefront.objects.filter(pk=slug).exists():
        raise StorefrontMissing(slug=slug)
    prefix = _LIVE if settings.PRODUCTION else _TEST
    secret = secret or prefix + secrets.token_urlsafe(24)
    _, created = ApiKey.objects.get_or_create(
        digest=digest_of(secret),
        defaults={"storefront_id": slug, "prefix": secret[: len(prefix) + 4], "label": label},
    )
    if created:
        subject = f"storefront:{slug}"
        audit.record(action="operations.api_key.issued", actor=actor, subject=subject, now=now, prefix=secret[:12])
    return secret


def authenticate(*, secret: str, now: datetime) -> Storefront:
    """Return the storefront whose living key this is. Raises BadApiKey."""
    return living_key(secret=secret, now=now).storefront


def living_key(*, secret: str, now: datetime) -> ApiKey:
    """Return the living key with this secret, with its storefront. Raises BadApiKey."""
    statement = prepared("operations", "living_key")
    for key_id, used_at, slug, name, origins in ask_prepared(statement, [digest_of(secret), now]):
        # What nobody asks of a client is left to be fetched should somebody ask.
        storefront = Storefront.from_db(DEFAULT_DB_ALIAS, _STOREFRONT, (slug, name, json.loads(origins or "[]")))
        used = datetime.fromisoformat(used_at) if used_at else None
        return ApiKey(id=int(key_id or 0), storefront=storefront, last_used_at=used)
    raise BadApiKey()


def note_use(*, key: ApiKey, now: datetime) -> None:
    """Note that a key is in use, at most once an hour, so that a request seldom pays for it."""
    stale = now - USE_NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > stale:
        return
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=stale)
    ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)


def revoke(*, key_id: int, actor: str, now: datetime) -> None:
    """Make a key worthless from the next request on."""
    key = ApiKey.objects.get(pk=key_id)
    ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=now)
    audit.record(
        action="operations.api_key.revoked",
        actor=actor,
        subject=f"storefront:{key.storefront_id}",
        now=now,
        prefix=key.prefix,
    )


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
