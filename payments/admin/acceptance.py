"""How the providers do and what they accept: one page of the console, for a span of days."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import partial

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from operations.admin_base import WindowAdmin, shielded
from operations.admin_display import NOTHING, Cell, Panel, columns, moment, state_label
from payments.figures import Acceptance, ProviderHealth, acceptance, provider_health
from payments.selectors import configured_providers

SPANS = (1, 7, 30)
_VERDICTS = {
    "answers": "every call was answered",
    "partly": "some calls were not answered, or not made",
    "silent": "no call was answered",
    "idle": "nothing was asked",
}


def acceptance_page(window: WindowAdmin, request: HttpRequest) -> HttpResponse:
    """Show how providers do now, and what was accepted in the last days (`days` in the address)."""
    if request.method != "GET" or not window.has_view_permission(request):
        raise PermissionDenied
    asked = request.GET.get("days", "7")
    days = int(asked) if asked in map(str, SPANS) else 7
    now = timezone.now()
    since = datetime.combine(now.date() - timedelta(days=days - 1), time(), tzinfo=now.tzinfo)
    context = {
        **window.admin_site.each_context(request),
        "title": "Acceptance",
        "content_title": "Acceptance",
        "said": f"Attempts that ended from {since:%d %B %Y} until now, UTC. Pages on which nobody tried to pay, and "
        "what our own risk check kept out, do not count.",
        "links": [_link(span, chosen=span == days) for span in SPANS],
        "panels": _panels(since, now),
    }
    return shielded(TemplateResponse(request, "console/figures.html", context))


def verdict_label(one: ProviderHealth) -> SafeString:
    """Return how a provider does as a coloured word."""
    return state_label(one.verdict, _VERDICTS[one.verdict])


def _panels(since: datetime, now: datetime) -> list[Panel]:
    found = partial(acceptance, since=since, until=now)
    return [
        _providers(now),
        _table("By provider and currency", found(by=("psp", "currency")), ("psp", "currency")),
        _table("By shop", found(by=("storefront", "psp")), ("storefront", "psp")),
        _table("By day", found(by=("day", "psp")), ("day", "psp")),
    ]


def _providers(now: datetime) -> Panel:
    return Panel(
        title="Providers in the last 15 minutes",
        columns=columns(
            "Provider", "State", "Calls#", "Unanswered#", "Not made#", "Median#", "95%#", "Passed on#", "Last answer"
        ),
        rows=[
            (
                one.psp,
                verdict_label(one),
                f"{one.calls:,}",
                _count(one.unanswered),
                _count(one.not_sent),
                _ms(one.p50_ms),
                _ms(one.p95_ms),
                _count(one.passed_on),
                moment(one.last_answer),
            )
            for one in provider_health(psps=configured_providers(), now=now)
        ],
        note="By the log of calls of all processes",
    )


_TITLES = {"psp": "Provider", "currency": "Currency", "storefront": "Shop", "day": "Day"}


def _table(title: str, found: Sequence[Acceptance], by: tuple[str, str]) -> Panel:
    return Panel(
        title=title,
        columns=columns(
            *(_TITLES[name] for name in by),
            *("Accepted#", "Tried#", "Paid or reserved#", "Declined#", "Why declined~", "Left#", "Kept out#"),
        ),
        rows=[(*(_named(one, name) for name in by), *_cells(one)) for one in found],
        empty="No attempt ended in this time.",
    )


def _named(one: Acceptance, name: str) -> Cell:
    if name == "day" and one.day:
        return format_html('<time class="cf-time" datetime="{}">{}</time>', one.day, f"{one.day:%d %b %Y}")
    return str(getattr(one, name))


def _cells(one: Acceptance) -> tuple[Cell, ...]:
    reasons = sorted(one.by_class.items(), key=lambda pair: -pair[1])
    why = ", ".join(f"{count:,} {kind}" for kind, count in reasons) or NOTHING
    rate = f"{one.rate_bps // 100}.{one.rate_bps // 10 % 10}%" if one.rate_bps is not None else NOTHING
    counts = (one.tried, one.accepted, one.declined)
    return (rate, *(f"{count:,}" for count in counts), why, _count(one.left), _count(one.kept_out))


def _count(count: int) -> Cell:
    return f"{count:,}" if count else NOTHING


def _ms(took: int | None) -> Cell:
    return f"{took:,} ms" if took is not None else NOTHING


def _link(span: int, *, chosen: bool) -> SafeString:
    text = "Today" if span == 1 else f"Last {span} days"
    if chosen:
        return format_html('<strong aria-current="page">{}</strong>', text)
    return format_html('<a href="?days={}">{}</a>', span, text)
