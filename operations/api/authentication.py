"""API keys as bearer tokens."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from operations.api import guessing
from operations.models import Storefront
from operations.storefronts import BadApiKey, digest_of, living_key, note_use


def storefront_of(request: Request) -> Storefront:
    """Return the storefront that the request's API key belongs to. Raises NotAuthenticated."""
    client: object = request.user
    if not isinstance(client, Storefront):
        raise NotAuthenticated
    return client


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticate `Authorization: Bearer cf_…` as a storefront. Keys never travel in a URL."""

    def authenticate(self, request: Request) -> tuple[Storefront, int] | None:
        """Return the storefront and the id of its key; None without a header.

        Raises AuthenticationFailed (401), and RateLimited (429) where an address had too many of those.
        """
        parts = get_authorization_header(request).split()
        secret = _secret(parts)
        digest = digest_of(secret)
        guessing.require_patience(request, digest)
        if not parts:
            guessing.refused(request)
            return None
        if not secret:
            guessing.refused(request)
            raise AuthenticationFailed("The Authorization header must be 'Bearer <API key>'.")
        now = timezone.now()
        try:
            key = living_key(secret=secret, now=now)
        except BadApiKey as error:
            guessing.refused(request)
            raise AuthenticationFailed(str(error)) from error
        guessing.let_in(request, digest)
        note_use(key=key, now=now)
        return key.storefront, key.pk

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge that makes a refusal a 401."""
        return 'Bearer realm="counterfoil"'


def _secret(parts: list[bytes]) -> str:
    """Return the key that a header's words hold; nothing where it is no bearer token."""
    try:
        scheme, secret = (part.decode("ascii") for part in parts)
    except ValueError:
        return ""
    return secret if scheme.lower() == "bearer" else ""
