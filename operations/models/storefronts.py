from django.db import models


class Storefront(models.Model):
    """A client of the API: one shop front of the marketplace. Storefronts never see each other's objects."""

    slug = models.SlugField(primary_key=True)
    name = models.TextField()
    return_origins = models.JSONField(
        default=list, help_text="origins (https://shop.example) to which a buyer may be sent back"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    # What REST framework asks of a request's user.
    is_authenticated = True
    is_active = True

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        """Return the storefront as an actor."""
        return f"storefront:{self.slug}"


class ApiKey(models.Model):
    """A storefront's secret, kept only as its SHA-256 (192 random bits need no slow hash)."""

    storefront = models.ForeignKey(Storefront, on_delete=models.PROTECT, related_name="api_keys")
    prefix = models.TextField(help_text="the readable beginning, by which people recognise a key")
    digest = models.TextField(unique=True)
    label = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"
