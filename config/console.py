"""The frame of the finance console: navigation, environment label, first page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.urls import reverse, reverse_lazy
from django.utils import timezone

from config.dashboard import first_page
from operations.selectors import dead_letters, waiting_approvals, waiting_tasks
from payments.selectors import disputes_wanting_evidence
from reconciliation.selectors import open_discrepancies


@dataclass(frozen=True, kw_only=True)
class Page:
    """One entry of the sidebar: a list's url name, who may see it, and its icon."""

    title: str
    url: str
    permission: str
    icon: str
    badge: str = ""
    #: Of a list that several pages share: what this one shows of it.
    query: str = ""

    def __str__(self) -> str:
        return self.title

    @property
    def link(self) -> str:
        """Return the page's address."""
        return reverse(f"admin:{self.url}") + self.query


def _list(title: str, model: str, icon: str, badge: str = "") -> Page:
    app, name = model.split(".")
    return Page(title=title, url=f"{app}_{name}_changelist", permission=f"{app}.view_{name}", icon=icon, badge=badge)


SECTIONS: dict[str, tuple[Page, ...]] = {
    "Money in": (
        _list("Checkouts", "payments.checkout", "shopping_cart"),
        _list("Payment orders", "payments.paymentorder", "receipt_long"),
        Page(
            title="Payments to look at",
            url="operations_approval_changelist",
            permission="operations.view_approval",
            icon="policy",
            badge="risk_reviews",
            query="?state__exact=requested&kind=payments.risk_review",
        ),
        _list("Refunds", "payments.refund", "undo", badge="refunds"),
        _list("Paid twice", "payments.surplus", "content_copy"),
        _list("Disputes", "payments.dispute", "gavel", badge="disputes"),
        _list("Sellers and wallets", "payments.seller", "storefront"),
        _list("Commission rates", "payments.commissionrate", "percent"),
        Page(
            title="Acceptance",
            url="payments_providercall_acceptance",
            permission="payments.view_providercall",
            icon="price_check",
        ),
        _list("Calls to providers", "payments.providercall", "call_made"),
        _list("Webhooks received", "payments.webhookevent", "inbox"),
        _list("Webhooks compared", "payments.eventlisting", "rule"),
        _list("Messages to shops", "payments.storefrontevent", "outbox"),
        _list("Deliveries of messages", "payments.eventdelivery", "send"),
        _list("Endpoints of shops", "payments.webhookendpoint", "webhook"),
    ),
    "The books": (
        Page(
            title="Trial balance",
            url="ledger_account_trial_balance",
            permission="ledger.view_account",
            icon="balance",
        ),
        Page(
            title="Balance sheet",
            url="ledger_account_balance_sheet",
            permission="ledger.view_account",
            icon="account_balance",
        ),
        Page(
            title="Income statement",
            url="ledger_account_income_statement",
            permission="ledger.view_account",
            icon="trending_up",
        ),
        Page(
            title="General ledger",
            url="ledger_account_general_ledger",
            permission="ledger.view_account",
            icon="import_contacts",
        ),
        _list("Accounts", "ledger.account", "account_balance_wallet"),
        _list("Journal entries", "ledger.journalentry", "menu_book"),
        _list("Journal lines", "ledger.journalline", "format_list_bulleted"),
        _list("Manual journals", "ledger.manualjournal", "edit_note", badge="journals"),
        _list("Closed days", "ledger.closedday", "lock"),
        _list("Proofs", "ledger.proof", "verified"),
    ),
    "Money out": (
        _list("Payout batches", "payouts.batch", "payments", badge="batches"),
        _list("Payouts", "payouts.payout", "send_money"),
        _list("Deliveries", "payouts.delivery", "local_shipping"),
    ),
    "Reconciliation": (
        _list("Statements", "reconciliation.statement", "description"),
        _list("Statement lines", "reconciliation.statementline", "table_rows"),
        _list("Discrepancies", "reconciliation.discrepancy", "difference", badge="discrepancies"),
    ),
    "Operations": (
        _list("Questions", "operations.humantask", "contact_support", badge="questions"),
        _list("Jobs and dead letters", "operations.job", "work_history", badge="dead_letters"),
        _list("Approvals", "operations.approval", "how_to_reg"),
        _list("Stop switches", "operations.stopswitch", "front_hand"),
        _list("Audit trail", "operations.auditentry", "history"),
        _list("State changes", "operations.statechange", "swap_horiz"),
        _list("Storefronts", "operations.storefront", "store"),
        _list("API keys", "operations.apikey", "key"),
        _list("People", "auth.user", "group"),
        _list("Roles", "auth.group", "badge"),
    ),
}


def environment_label(request: HttpRequest) -> list[str]:
    """Return the label that tells a person where they are."""
    return ["Production", "danger"] if settings.PRODUCTION else [settings.ENV.capitalize(), "info"]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the first page's context: what a finance officer needs in the morning."""
    return {
        **context,
        "title": "This morning",
        **first_page(request.user, waiting=_waiting(request), now=timezone.now()),
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar: the sections and pages that the person may see, with what waits as badges."""
    badges = _badges(request)
    here = page_of(request)
    home = {"title": "This morning", "icon": "wb_twilight", "link": reverse_lazy("admin:index")}
    sections: list[dict[str, Any]] = [{"title": "", "items": [home]}]
    for title, pages in SECTIONS.items():
        items = [_item(page, badges, here) for page in pages if request.user.has_perm(page.permission)]
        if items:
            sections.append({"title": title, "separator": True, "items": items})
    return sections


def _item(page: Page, badges: dict[str, int], here: Page | None) -> dict[str, Any]:
    item: dict[str, Any] = {
        "title": page.title,
        "icon": page.icon,
        "link": page.link,
        "active": page == here,
    }
    if badges.get(page.badge):
        item |= {"badge": str(badges[page.badge]), "badge_variant": "danger", "badge_style": "solid"}
    return item


def page_of(request: HttpRequest) -> Page | None:
    """Return the page that an address belongs to: the trial balance's begins with that of the accounts."""
    asked = set(request.GET.items())
    found = [
        page
        for pages in SECTIONS.values()
        for page in pages
        if request.path.startswith(reverse(f"admin:{page.url}")) and asked >= set(QueryDict(page.query[1:]).items())
    ]
    return max(found, key=lambda page: len(page.link), default=None)


def _waiting(request: HttpRequest) -> dict[str, int]:
    """Return how many approvals wait, by kind; asked once for a page, whose sidebar and cards tell it."""
    found: dict[str, int] | None = getattr(request, "waiting_approvals", None)
    if found is None:
        found = waiting_approvals()
        request.waiting_approvals = found  # type: ignore[attr-defined]
    return found


def _badges(request: HttpRequest) -> dict[str, int]:
    """Count what waits for a person, where this person may see it."""
    waiting = _waiting(request)
    counts: dict[str, tuple[str, Callable[[], int]]] = {
        "batches": ("payouts.view_batch", lambda: waiting.get("payouts.batch", 0)),
        "journals": ("ledger.view_manualjournal", lambda: waiting.get("ledger.manual_journal", 0)),
        "discrepancies": ("reconciliation.view_discrepancy", open_discrepancies),
        "risk_reviews": ("operations.view_approval", lambda: waiting.get("payments.risk_review", 0)),
        "refunds": ("payments.view_refund", lambda: waiting.get("payments.refund", 0)),
        "disputes": ("payments.view_dispute", disputes_wanting_evidence),
        "questions": ("operations.view_humantask", waiting_tasks),
        "dead_letters": ("operations.view_job", dead_letters),
    }
    return {badge: count() for badge, (permission, count) in counts.items() if request.user.has_perm(permission)}
