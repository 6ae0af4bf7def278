"""System checks: the switchboard resolves, and unsafe production settings are refused."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.module_loading import import_string

from config import wiring

_TABLES = (
    "JOBS",
    "PSP_EVENTS",
    "APPROVALS",
    "REJECTIONS",
    "ALERTS",
    "SUBJECT_NAMES",
    "WRITTEN_ALONG",
    "GATEWAYS",
    "STATEMENT_FORMATS",
)
# Of what opens a door by itself: too long to be guessed, however often it is tried.
_LEAST_SECRET = 32


@register()
def switchboard(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Every name in `config/wiring.py` is a function, and takes its arguments by keyword."""
    problems: list[CheckMessage] = []
    for table in _TABLES:
        for kind, path in getattr(wiring, table).items():
            try:
                found = import_string(path)
            except ImportError as error:
                problems.append(Error(f"{table}[{kind!r}] cannot be imported: {error}", id="counterfoil.E001"))
                continue
            if table not in ("GATEWAYS", "STATEMENT_FORMATS") and not _keyword_only(found):
                problems.append(Error(f"{table}[{kind!r}] must take keyword arguments only", id="counterfoil.E002"))
    problems += [
        Error(f"RETRY_POLICIES names the unknown job {kind!r}", id="counterfoil.E003")
        for kind in wiring.RETRY_POLICIES
        if kind not in wiring.JOBS
    ]
    return problems


@register()
def providers(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Every route leads to providers that we have, that are set up, and that can do what the route is for."""
    routes: dict[str, list[str]] = settings.PSP_ROUTES
    found: list[CheckMessage] = [] if "*" in routes else [_bad_route("*", "is missing: it is for all other payments")]
    for entry, order in routes.items():
        found += [_bad_route(entry, problem) for problem in _problems_of(entry, order)]
    chosen = {psp for order in routes.values() for psp in order}
    secret = settings.MOLLIE_WEBHOOK_SECRET
    if "mollie" in chosen and not (settings.MOLLIE_API_KEY and secret):
        problem = "payments go to mollie: set MOLLIE_API_KEY and MOLLIE_WEBHOOK_SECRET"
        found.append(Error(problem, id="counterfoil.E016"))
    elif secret and len(secret) < _LEAST_SECRET:
        problem = f"MOLLIE_WEBHOOK_SECRET must have {_LEAST_SECRET} characters at least"
        found.append(Error(problem, id="counterfoil.E016"))
    return found


def _bad_route(entry: str, problem: str) -> CheckMessage:
    return Error(f"PSP_ROUTES[{entry!r}] {problem}", id="counterfoil.E017")


def _problems_of(entry: str, order: list[str]) -> Iterator[str]:
    """Yield what is wrong with one route."""
    _, _, currency = entry.partition("/")
    if len(set(order)) < len(order):
        yield f"names a provider twice: {'>'.join(order)}"
    embeds = []
    for psp in dict.fromkeys(order):
        if psp not in wiring.GATEWAYS:
            yield f"names {psp!r}, which is not in GATEWAYS"
            continue
        abilities = import_string(wiring.GATEWAYS[psp])(settings).abilities
        if currency and currency not in abilities.currencies:
            yield f"names {psp}, which does not take {currency}"
        embeds.append(abilities.embedded_page)
    if settings.CHECKOUT_PAGE == "embedded" and embeds and not any(embeds):
        yield "names none whose page can be embedded, and CHECKOUT_PAGE is embedded"


@register(Tags.security, deploy=True)
def production(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Production runs with a provider and secrets of its own, and without ways to crash it."""
    found: list[CheckMessage] = []
    if not settings.PRODUCTION:
        found.append(Warning("COUNTERFOIL_ENV is not production", id="counterfoil.W001"))
        return found
    if settings.FAILPOINTS_ALLOWED:
        found.append(Error("failpoints can be armed", id="counterfoil.E010"))
    if settings.STRIPE_API_KEY == "sk_test_sandbox" or settings.SANDBOX_URL:
        found.append(Error("the provider is the sandbox: set STRIPE_API_KEY and no SANDBOX_URL", id="counterfoil.E011"))
    if not all(secret.startswith("whsec_") and len(secret) >= 20 for secret in settings.STRIPE_WEBHOOK_SECRETS):
        found.append(Error("STRIPE_WEBHOOK_SECRET must hold the endpoint's whsec_ secrets", id="counterfoil.E012"))
    if settings.CHECKOUT_PAGE == "embedded" and not settings.STRIPE_PUBLISHABLE_KEY.startswith("pk_live_"):
        found.append(Error("CHECKOUT_PAGE=embedded needs STRIPE_PUBLISHABLE_KEY", id="counterfoil.E014"))
    if settings.WEBHOOK_PRIVATE_ADDRESSES:
        found.append(Error("WEBHOOK_PRIVATE_ADDRESSES lets storefronts reach our own network", id="counterfoil.E015"))
    if not settings.PUBLIC_URL.startswith("https://"):
        found.append(Error("PUBLIC_URL must be https", id="counterfoil.E013"))
    if settings.STATUS_TOKEN and len(settings.STATUS_TOKEN) < _LEAST_SECRET:
        found.append(Error(f"STATUS_TOKEN must have {_LEAST_SECRET} characters at least", id="counterfoil.E018"))
    return found


def _keyword_only(function: Any) -> bool:
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    return kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
