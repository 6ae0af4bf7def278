from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter

from ledger.selectors import currencies, entries_about
from operations.admin_base import WindowAdmin, currency_filter, hand
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    code,
    code_column,
    columns,
    entry_panels,
    history_panel,
    moment,
    money_column,
    name,
    page_link,
    state_label,
    time_column,
)
from operations.selectors import histories
from payments.admin.calls import calls_panel
from payments.admin.checkout_panels import (
    instructions_panel,
    questions_of,
    risk_panel,
    surplus_panel,
    waits,
    waits_of_refunds,
)
from payments.admin.risk_reviews import decide, in_review, review_notices
from payments.any_id import checkout_of
from payments.errors import UnknownPayment
from payments.models import Attempt, Checkout, Dispute, Instruction, PaymentOrder, Refund, Surplus
from payments.selectors import events_about
from payments.waits import Waiting, attempts_wait, disputes_wait, waiting


@admin.register(Checkout)
class CheckoutAdmin(WindowAdmin):
    """Purchases, with everything that happened to each on one page."""

    list_display = ("their_id", "shop", "states", "total_money", "order_count", "created", "id_code")
    list_filter = (
        ("orders__state", ChoicesDropdownFilter),
        currency_filter(currencies),
        ("storefront", RelatedDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("storefront",)
    search_fields = (
        "id__exact",
        "checkout_id__exact",
        "orders__payment_order_id__exact",
        "attempts__psp_ref__exact",
        "attempts__charge_ref__exact",
        "attempts__payment_ref__exact",
        "orders__refunds__psp_ref__exact",
    )
    search_help_text = (
        "Any id of ours, the storefront's, the provider's or the journal's: payment, refund, dispute, event."
    )
    ordering = ("-created_at", "-id")
    fields = ("their_id", "id_code", "shop", "states", "total_money", "buyer", "return_url", "created", "expires")

    actions_detail = ("let_pass", "refuse")

    their_id = code_column("checkout_id", "Checkout")
    id_code = code_column("id", "Our id")
    total_money = money_column("total", "Total")
    created = time_column("created_at", "Created")
    expires = time_column("expires_at", "Payable until")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Checkout]:
        """Fetch the orders of a page in one query."""
        rows: QuerySet[Checkout] = super().get_queryset(request)
        return rows.prefetch_related("orders")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Checkout], search_term: str
    ) -> tuple[QuerySet[Checkout], bool]:
        """Look in the columns first, and for what is in none of them wherever an id of a payment may stand."""
        found, twice = super().get_search_results(request, queryset, search_term)
        wanted = search_term.strip()
        if not wanted or found.exists():
            return found, twice
        try:
            return queryset.filter(pk=checkout_of(any_id=wanted).pk), False
        except UnknownPayment:
            return found, twice

    @admin.display(description="Storefront", ordering="storefront")
    def shop(self, row: Checkout) -> SafeString:
        """Return the storefront's name."""
        return name(row.storefront.name)

    @admin.display(description="State")
    def states(self, row: Checkout) -> SafeString:
        """Return the states in which the orders are, each once."""
        found = {order.state: order.get_state_display() for order in row.orders.all()}
        return format_html_join(" ", "{}", ((state_label(*pair),) for pair in sorted(found.items())))

    @admin.display(description="Orders")
    def order_count(self, row: Checkout) -> int:
        """Return how many sellers' orders it holds."""
        return len(row.orders.all())

    @admin.display(description="Buyer")
    def buyer(self, row: Checkout) -> SafeString:
        """Return what the storefront said about the buyer."""
        return format_html_join(", ", "{}: {}", ((key, name(str(value))) for key, value in row.buyer_info.items()))

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say what a person is asked about the checkout."""
        return [*questions_of(row), *review_notices(row)]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer the decision of a risk review while one is needed."""
        return frozenset({"let_pass", "refuse"} if in_review(row) else ())

    @hand(title="Let pass", permission="operations.change_approval", path="let-pass", icon="check")
    def let_pass(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Accept a payment that the risk check wanted looked at."""
        return decide(self, request, object_id, passes=True)

    @hand(title="Refuse", permission="operations.change_approval", path="refuse", icon="block", danger=True)
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse a payment that the risk check wanted looked at."""
        return decide(self, request, object_id, passes=False)

    def panels(self, row: Any) -> list[Panel]:
        """Return orders, attempts, refunds, journal entries, state history and webhooks."""
        orders = list(row.orders.select_related("seller").order_by("pk"))
        attempts = list(row.attempts.order_by("number"))
        refunds = list(Refund.objects.filter(order__checkout=row).select_related("order").order_by("created_at"))
        disputes = list(row.disputes.order_by("opened_at", "pk"))
        surpluses = list(Surplus.objects.filter(attempt__checkout=row))
        told = {
            "attempt": [attempt.pk for attempt in attempts],
            "instruction": list(Instruction.objects.filter(attempt__checkout=row).values_list("pk", flat=True)),
            "surplus": [surplus.pk for surplus in surpluses],
            "refund": [refund.pk for refund in refunds],
            "dispute": [dispute.pk for dispute in disputes],
        }
        moves = histories(machines={**told, "payment_order": [order.pk for order in orders]})
        return [
            _orders(orders, attempts, row),
            _attempts(attempts),
            instructions_panel(row),
            surplus_panel(row),
            refunds_panel(refunds),
            *([_disputes(disputes)] if disputes else []),
            risk_panel(row),
            *entry_panels(entries_about(subjects=[f"checkout:{row.pk}"])),
            history_panel(moves),
            calls_panel([f"{kind}:{key}" for kind, keys in told.items() for key in keys]),
            _webhooks(attempts, refunds, disputes, surpluses),
        ]


def refunds_panel(refunds: list[Refund]) -> Panel:
    """Return refunds as a table."""
    found = waits_of_refunds(refunds)
    return Panel(
        title="Refunds",
        columns=columns(
            "Refund", "Order", "State", "Waits for", "Amount#", "Reason", "Requested by", "When", "Last error"
        ),
        rows=[
            (
                page_link("payments_refund", refund.pk, str(refund)),
                name(refund.order.payment_order_id),
                state_label(refund.state, refund.get_state_display()),
                waits(found.get(refund.pk)),
                amount(refund.amount.display),
                refund.reason or NOTHING,
                refund.requested_by,
                moment(refund.created_at),
                refund.last_error or NOTHING,
            )
            for refund in refunds
        ],
        empty="Nothing was refunded.",
    )


def _orders(orders: list[PaymentOrder], attempts: list[Attempt], checkout: Checkout) -> Panel:
    found = waiting(orders=orders, attempts=attempts)
    return Panel(
        title="Payment orders",
        columns=columns(
            "Order", "Seller", "Cart#", "State", "Waits for", "Amount#", "Captured#", "Commission#", "Refunded#", "Paid"
        ),
        rows=[_order_cells(order, found.get(order.pk)) for order in orders],
        total=("Total", "", str(checkout.cart), "", "", amount(checkout.total.display), "", "", "", "")
        if orders
        else (),
    )


def _order_cells(order: PaymentOrder, waits_for: Waiting | None) -> tuple[Cell, ...]:
    return (
        page_link("payments_paymentorder", order.pk, order.payment_order_id),
        page_link("payments_seller", order.seller_id, name(order.seller.name)),
        str(order.cart),
        state_label(order.state, order.get_state_display()),
        waits(waits_for),
        amount(order.amount.display),
        amount(order.captured.display if order.captured_minor else None),
        amount(order.commission.display),
        amount(order.refunded.display if order.refunded_minor else None),
        moment(order.paid_at),
    )


def _attempts(attempts: list[Attempt]) -> Panel:
    found = attempts_wait(attempts=attempts)
    return Panel(
        title="Attempts at the provider",
        columns=columns("No.#", "State", "Waits for", "Provider", "Session", "Payment", "Charge", "Sent", "Last error"),
        rows=[
            (
                str(attempt.number),
                state_label(attempt.state, attempt.get_state_display()),
                waits(found.get(attempt.pk)),
                attempt.psp,
                code(attempt.psp_ref),
                code(attempt.payment_ref),
                code(attempt.charge_ref),
                moment(attempt.sent_at),
                attempt.last_error or NOTHING,
            )
            for attempt in attempts
        ],
    )


def _disputes(disputes: list[Dispute]) -> Panel:
    found = disputes_wait(disputes=disputes)
    return Panel(
        title="Disputes",
        columns=columns("Dispute", "State", "Waits for", "Disputed#", "Withdrawn#", "Reason", "Evidence due", "Opened"),
        rows=[
            (
                page_link("payments_dispute", dispute.pk, str(dispute)),
                state_label(dispute.state, dispute.get_state_display()),
                waits(found.get(dispute.pk)),
                amount(dispute.amount.display),
                amount(dispute.withdrawn.display),
                dispute.reason or NOTHING,
                moment(dispute.evidence_due_by),
                moment(dispute.opened_at),
            )
            for dispute in disputes
        ],
    )


def _webhooks(
    attempts: list[Attempt], refunds: list[Refund], disputes: list[Dispute], surpluses: list[Surplus]
) -> Panel:
    objects = [refund.psp_ref for refund in refunds] + [dispute.psp_ref for dispute in disputes]
    objects += [ref for surplus in surpluses for ref in (surplus.charge_ref, surplus.psp_ref)]
    events = events_about(attempts=attempts, objects=objects)
    return Panel(
        title="Webhooks received",
        columns=columns("Event", "Type", "Object", "State", "Received", "Acted on"),
        rows=[
            (
                page_link("payments_webhookevent", event.pk, event.event_id),
                code(event.type),
                code(event.object_id),
                state_label(event.state, event.get_state_display()),
                moment(event.received_at),
                moment(event.handled_at),
            )
            for event in events
        ],
        empty="None yet.",
    )
