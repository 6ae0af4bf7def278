"""API keys as bearer tokens."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from operations.models import Storefront
from operations.storefronts import BadApiKey, living_key


def storefront_of(request: Request) -> Storefront:
    """Return the storefront that the request's API key belongs to. Raises NotAuthenticated."""
    client: object = request.user
    if not isinstance(client, Storefront):
        raise NotAuthenticated
    return client


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticate `Authorization: Bearer cf_…` as a storefront. Keys never travel in a URL."""

    def authenticate(self, request: Request) -> tuple[Storefront, int] | None:
        """Return the storefront and the id of its key; None without a header. Raises AuthenticationFailed (401)."""
        parts = get_authorization_header(request).split()
        if not parts:
            return None
        try:
            scheme, secret = (part.decode("ascii") for part in parts)
        except ValueError as error:
            raise AuthenticationFailed("The Authorization header must be 'Bearer <API key>'.") from error
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("The Authorization header must be 'Bearer <API key>'.")
        try:
            key = living_key(secret=secret, now=timezone.now())
        except BadApiKey as error:
            raise AuthenticationFailed(str(error)) from error
        return key.storefront, key.pk

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge that makes a refusal a 401."""
        return 'Bearer realm="counterfoil"'
