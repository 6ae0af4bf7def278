from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter

from ledger import chart
from ledger.selectors import AccountLine, Wallet, latest_lines, wallets_of
from operations.admin_base import Question, ReasonForm, SelectInput, WindowAdmin, actor_of, ask, hand
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    audit_panel,
    code,
    code_column,
    columns,
    list_link,
    moment,
    name,
    page_link,
    subject_link,
    time_column,
    two_lines,
    words,
)
from operations.selectors import audit_trail
from payments.models import Bearer, CommissionRate, Seller
from payments.services import agree_on_disputes
from payments.services.dispute_money import bearer_of

LINES_SHOWN = 25


class BearerForm(ReasonForm):
    """Who bears lost disputes, and why."""

    borne_by = forms.ChoiceField(
        choices=[("", "as usual"), *Bearer.choices], required=False, label="Borne by", widget=SelectInput
    )
    field_order = ("borne_by", "reason")


@admin.register(Seller)
class SellerAdmin(WindowAdmin):
    """Sellers and what they have with us."""

    list_display = (
        "shown_name",
        "their_id",
        "shop",
        "payouts_enabled",
        "pending_money",
        "available_money",
        "reserved_money",
        "receivable_money",
    )
    list_filter = (("storefront", RelatedDropdownFilter), "payouts_enabled")
    list_select_related = ("storefront",)
    search_fields = ("id__exact", "seller_id__exact", "psp_account__exact", "name__istartswith")
    search_help_text = "Our id, the storefront's id, the account at the provider, or how the name begins."
    ordering = ("name", "id")
    fields = (
        "shown_name",
        "their_id",
        "id_code",
        "shop",
        "country",
        "commission",
        "tax_on_commission",
        "disputes",
        "account_code",
        "payouts_enabled",
        "bank_changed",
        "created",
    )
    actions_detail = ("agree",)

    their_id = code_column("seller_id", "Storefront's id")
    id_code = code_column("id", "Our id")
    account_code = code_column("psp_account", "Account at the provider")
    bank_changed = time_column("bank_changed_at", "Bank account changed")
    created = time_column("created_at", "Registered")

    def attach(self, rows: list[Any]) -> None:
        """Fetch the wallets of the page's sellers."""
        found = wallets_of(sellers=[row.pk for row in rows])
        for row in rows:
            row.wallets = found.get(row.pk, [])

    @admin.display(description="Name", ordering="name")
    def shown_name(self, row: Seller) -> SafeString:
        """Return the name as the storefront gave it."""
        return name(row.name)

    @admin.display(description="Storefront", ordering="storefront")
    def shop(self, row: Seller) -> SafeString:
        """Return the storefront's name."""
        return name(row.storefront.name)

    @admin.display(description="Commission", ordering="commission_bps")
    def commission(self, row: Seller) -> str:
        """Return our commission in percent."""
        return percent(row.commission_bps)

    @admin.display(description="Tax on our commission")
    def tax_on_commission(self, row: Seller) -> SafeString | str:
        """Return the tax's rate and account."""
        if not row.commission_tax_bps:
            return NOTHING
        return format_html("{} {}", percent(row.commission_tax_bps), code(chart.tax(row.commission_tax)))

    @admin.display(description="Lost disputes are borne by")
    def disputes(self, row: Seller) -> str:
        """Return who bears the seller's lost disputes."""
        usual = "" if row.disputes_borne_by else ", as usual"
        return f"{bearer_of(row).label}{usual}"

    @hand(title="Who bears lost disputes", permission="payments.change_seller", path="disputes", icon="gavel")
    def agree(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Note who bears the seller's lost disputes."""
        seller = get_object_or_404(Seller, pk=object_id)
        question = Question(
            title="Who bears lost disputes of this seller?",
            explanation="It counts for disputes that open from now on. Those that are open stay as they are.",
            button="Agree",
            facts=[("Seller", name(seller.name)), ("Now", self.disputes(seller))],
        )

        def act(answers: Mapping[str, Any]) -> str:
            agree_on_disputes(
                seller=seller.pk,
                borne_by=answers["borne_by"],
                reason=answers["reason"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            return "Agreed. It counts from the next dispute on."

        back = reverse("admin:payments_seller_change", args=[seller.pk])
        return ask(
            window=self, request=request, question=question, form_class=BearerForm, act=act, back=back, row=seller
        )

    @admin.display(description="Pending")
    def pending_money(self, row: Any) -> SafeString:
        """Return what is on hold, per currency."""
        return _part(row.wallets, "pending")

    @admin.display(description="Available")
    def available_money(self, row: Any) -> SafeString:
        """Return what may be paid out, per currency."""
        return _part(row.wallets, "available")

    @admin.display(description="Reserved")
    def reserved_money(self, row: Any) -> SafeString:
        """Return the rolling reserve, per currency."""
        return _part(row.wallets, "reserved")

    @admin.display(description="Owes us")
    def receivable_money(self, row: Any) -> SafeString:
        """Return what the seller owes us, per currency."""
        return _part(row.wallets, "receivable")

    def panels(self, row: Any) -> list[Panel]:
        """Return the wallets, rates by category, minimums by currency, account statements and the audit trail."""
        wallets = wallets_of(sellers=[row.pk]).get(row.pk, [])
        return [
            _wallets(row.pk, wallets),
            _rates(row),
            _minimums(row),
            *(panel for wallet in wallets for part in _ACCOUNT_OF if (panel := _statement(part, wallet)).rows),
            audit_panel(audit_trail(subject=f"seller:{row.pk}")),
        ]

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Lead to the seller's orders and payouts."""
        return [
            format_html_join(
                " · ",
                "{}",
                (
                    (list_link("payments_paymentorder", "Orders of this seller", f"?q={row.pk}"),),
                    (list_link("payouts_payout", "Payouts to this seller", f"?q={row.pk}"),),
                ),
            )
        ]


@admin.register(CommissionRate)
class CommissionRateAdmin(WindowAdmin):
    """The rates of our commission on categories, instead of the sellers' own."""

    list_display = ("shown_category", "seller_link", "rate", "usual")
    list_select_related = ("seller",)
    search_fields = ("category__exact", "seller__id__exact", "seller__seller_id__exact", "seller__name__istartswith")
    search_help_text = "The category, our id or the storefront's id of the seller, or how its name begins."
    ordering = ("seller__name", "category")
    fields = ("shown_category", "seller_link", "rate", "usual")

    @admin.display(description="Category", ordering="category")
    def shown_category(self, row: CommissionRate) -> SafeString:
        """Return the category as the storefront named it."""
        return name(row.category)

    @admin.display(description="Seller", ordering="seller__name")
    def seller_link(self, row: CommissionRate) -> SafeString:
        """Return the seller."""
        return page_link("payments_seller", row.seller_id, name(row.seller.name))

    @admin.display(description="Commission", ordering="bps")
    def rate(self, row: CommissionRate) -> str:
        """Return the category's rate in percent."""
        return percent(row.bps)

    @admin.display(description="Seller's usual rate", ordering="seller__commission_bps")
    def usual(self, row: CommissionRate) -> str:
        """Return the rate of the seller's other sales in percent."""
        return percent(row.seller.commission_bps)


def percent(bps: int) -> str:
    """Return basis points as people read them: 1250 -> 12.50 %."""
    whole, hundredths = divmod(bps, 100)
    return f"{whole}.{hundredths:02} %"


def _rates(seller: Seller) -> Panel:
    return Panel(
        title="Commission by category",
        columns=columns("Category", "Commission#"),
        rows=[(name(rate.category), percent(rate.bps)) for rate in seller.commission_rates.order_by("category")],
        empty="Every category has the seller's usual rate.",
    )


def _minimums(seller: Seller) -> Panel:
    return Panel(
        title="Least commission on a sale",
        columns=columns("Currency", "Least commission#"),
        rows=[
            (found.currency, amount(found.minimum.display)) for found in seller.commission_minimums.order_by("currency")
        ],
        empty="There is none: the rate alone counts, in every currency.",
    )


def _part(wallets: list[Wallet], part: str) -> SafeString:
    amounts = [getattr(wallet, part) for wallet in wallets]
    return format_html_join(" ", "{}", ((amount(found.display),) for found in amounts if found.minor))


def _wallets(seller: str, wallets: list[Wallet]) -> Panel:
    return Panel(
        title="Wallets",
        columns=columns("Currency", "Pending#", "Available#", "Reserved#", "Owes us#", "Look into"),
        rows=[
            (
                wallet.currency,
                amount(wallet.pending.display),
                amount(wallet.available.display),
                amount(wallet.reserved.display),
                amount(wallet.receivable.display),
                _statement_link(seller, wallet.currency),
            )
            for wallet in wallets
        ],
        empty="Nothing was ever booked for this seller.",
    )


def _statement_link(seller: str, currency: str) -> SafeString:
    query = urlencode({"seller": seller, "currency": currency})
    return format_html('<a class="cf-link" href="{}?{}">Statement</a>', reverse(_SELLER_STATEMENT), query)


_SELLER_STATEMENT = "admin:ledger_account_seller_statement"
_ACCOUNT_OF = {
    "available": chart.available,
    "pending": chart.pending,
    "reserved": chart.reserved,
    "receivable": chart.receivable,
}


def _statement(part: str, wallet: Wallet) -> Panel:
    account = _ACCOUNT_OF[part](wallet.seller)
    lines = latest_lines(code=account, currency=wallet.currency, limit=LINES_SHOWN)
    return Panel(
        title=f"Account statement: {part}, {wallet.currency}",
        note=f"The newest {LINES_SHOWN} lines, newest first." if len(lines) == LINES_SHOWN else "",
        columns=columns("Event", "About~", "Out#", "In#"),
        rows=[_line_cells(line, grows_by_debit=part == "receivable") for line in lines],
    )


def _line_cells(line: AccountLine, *, grows_by_debit: bool) -> tuple[Cell, ...]:
    moved = line.debit if grows_by_debit else -line.debit
    return (
        two_lines(page_link("ledger_journalentry", line.entry_id, words(line.recipe)), moment(line.recorded_at)),
        subject_link(line.subject),
        amount((-moved).display if moved.minor < 0 else None),
        amount(moved.display if moved.minor > 0 else None),
    )
