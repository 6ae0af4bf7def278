"""Where storefronts want to be told: endpoints, which events they want, and the secrets that sign."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from operations import idempotency
from operations.addresses import target_of
from operations.edges import money_tx
from operations.errors import DomainError
from operations.services import hold_storefront, record_audit
from payments.errors import UnknownEndpoint
from payments.event_catalogue import EVENT_TYPES
from payments.models import EndpointSecret, WebhookEndpoint
from payments.services.events import disable

MAX_ENDPOINTS = 16
_BY_OWNER = "its storefront disabled it"


class UnknownEventTypes(DomainError):
    """There are no events of the types {types}."""

    code = "unknown_event_types"
    parameter = "event_types"


class TooManyEndpoints(DomainError):
    """A storefront has at most {limit} endpoints."""

    code = "too_many_endpoints"


class EndpointGone(DomainError):
    """The endpoint that this key made was deleted meanwhile."""

    code = "endpoint_gone"


def create_endpoint(
    *,
    storefront: str,
    url: str,
    description: str,
    event_types: Sequence[str],
    key: str,
    fingerprint: str,
    actor: str,
    now: datetime,
) -> tuple[WebhookEndpoint, str, int]:
    """Note where a storefront wants to be told; no types named means all.

    Returns the endpoint, the secret that signs its messages, and the idempotency key's row. Raises AddressRefused,
    UnknownEventTypes, TooManyEndpoints, EndpointGone, KeyReused, RequestInProgress.
    """
    _check_types(event_types)
    scope = f"storefront:{storefront}"
    # Before the transaction: a resolver is a network too. A repetition has its answer, wherever the name leads by now.
    if not idempotency.remembered(scope=scope, key=key, now=now):
        target_of(url)
    with money_tx("endpoints.create"):
        claim = idempotency.claim(scope=scope, key=key, fingerprint=fingerprint, now=now)
        if not claim.fresh:
            made = _living(storefront).filter(pk=claim.subject).first()
            if made is None:
                raise EndpointGone()
            return made, _current_secret(made), claim.key_id
        hold_storefront(slug=storefront)
        if _living(storefront).count() >= MAX_ENDPOINTS:
            raise TooManyEndpoints(limit=MAX_ENDPOINTS)
        endpoint = WebhookEndpoint.objects.create(
            storefront_id=storefront,
            url=url,
            description=description,
            event_types=sorted(set(event_types)),
            created_at=now,
        )
        secret = _new_secret(endpoint, now=now)
        idempotency.bind(key_id=claim.key_id, subject=endpoint.id)
        _audit("created", endpoint, actor=actor, now=now)
    return endpoint, secret, claim.key_id


def update_endpoint(
    *,
    storefront: str,
    endpoint: str,
    actor: str,
    now: datetime,
    url: str | None = None,
    description: str | None = None,
    event_types: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Change what is given, and nothing else. Raises UnknownEndpoint, AddressRefused, UnknownEventTypes."""
    if event_types is not None:
        _check_types(event_types)
    if url is not None:
        target_of(url)
    with money_tx("endpoints.update"):
        found = _locked(storefront, endpoint)
        if enabled is False:
            disable(found, reason=_BY_OWNER, actor=actor, now=now)
        elif enabled and not found.enabled:
            found.failing_since, found.enabled, found.disabled_reason = None, True, ""
            found.save(update_fields=["failing_since", "enabled", "disabled_reason"])
        found.refresh_from_db()
        found.url = found.url if url is None else url
        found.description = found.description if description is None else description
        found.event_types = found.event_types if event_types is None else sorted(set(event_types))
        found.save(update_fields=["url", "description", "event_types"])
        _audit("updated", found, actor=actor, now=now)
    return found


def delete_endpoint(*, storefront: str, endpoint: str, actor: str, now: datetime) -> None:
    """Send nothing to an endpoint any more; what it was told stays in the log. Raises UnknownEndpoint."""
    with money_tx("endpoints.delete"):
        found = _locked(storefront, endpoint)
        WebhookEndpoint.objects.filter(pk=found.pk).update(
            enabled=False, disabled_reason="its storefront deleted it", deleted_at=now
        )
        EndpointSecret.objects.filter(endpoint=found, expires_at=None).update(expires_at=now)
        _audit("deleted", found, actor=actor, now=now)


def rotate_secret(
    *, storefront: str, endpoint: str, overlap: timedelta, key: str, fingerprint: str, actor: str, now: datetime
) -> tuple[WebhookEndpoint, str, int]:
    """Give an endpoint a new secret; for the overlap messages bear both signatures, the new one's first.

    Returns the endpoint, the new secret and the idempotency key's row. Raises UnknownEndpoint, KeyReused,
    RequestInProgress.
    """
    with money_tx("endpoints.rotate"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        found = _locked(storefront, endpoint)
        if not claim.fresh:
            return found, _current_secret(found), claim.key_id
        EndpointSecret.objects.filter(endpoint=found, expires_at=None).update(expires_at=now + overlap)
        secret = _new_secret(found, now=now)
        idempotency.bind(key_id=claim.key_id, subject=found.id)
        _audit("secret_rotated", found, actor=actor, now=now)
    return found, secret, claim.key_id


def _living(storefront: str) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(storefront=storefront, deleted_at=None)


def _locked(storefront: str, endpoint: str) -> WebhookEndpoint:
    found = _living(storefront).select_for_update().filter(pk=endpoint).first()
    if found is None:
        raise UnknownEndpoint(endpoint=endpoint)
    return found


def _check_types(types: Sequence[str]) -> None:
    unknown = sorted(set(types) - set(EVENT_TYPES))
    if unknown:
        raise UnknownEventTypes(types=", ".join(unknown))


def _new_secret(endpoint: WebhookEndpoint, *, now: datetime) -> str:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    EndpointSecret.objects.create(endpoint=endpoint, secret=secret, created_at=now)
    return secret


def _current_secret(endpoint: WebhookEndpoint) -> str:
    return EndpointSecret.objects.get(endpoint=endpoint, expires_at=None).secret


def _audit(what: str, endpoint: WebhookEndpoint, *, actor: str, now: datetime) -> None:
    record_audit(
        action=f"payments.endpoint.{what}",
        actor=actor,
        subject=f"webhook_endpoint:{endpoint.pk}",
        now=now,
        url=endpoint.url,
    )
