"""The books' reports in the console: each a page with a form in its address, and the same as CSV."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from ledger import selectors
from ledger.admin.report_forms import (
    AccountForm,
    DayForm,
    GeneralLedgerForm,
    MomentForm,
    PeriodForm,
    ReportForm,
    SellerForm,
    StatementForm,
)
from ledger.admin.report_panels import (
    account_links,
    balance_sheet_panels,
    currency_links,
    explanation_facts,
    explanation_panel,
    general_ledger_facts,
    general_ledger_pager,
    general_ledger_panels,
    income_statement_panels,
    report_link,
    seller_link,
    seller_panel,
    statement_panel,
)
from ledger.admin.trial_balance import trial_balance_panels
from ledger.explain import explain_balance
from ledger.exports.csv_files import balances_csv, general_ledger_csv, statement_csv
from ledger.exports.csv_reports import (
    balance_sheet_csv,
    explanation_csv,
    income_statement_csv,
    seller_statement_csv,
)
from ledger.general_ledger import general_ledger_page
from ledger.reports import balance_sheet, income_statement, seller_statement
from ledger.statements import account_statement
from operations.admin_base import WindowAdmin, shielded
from operations.admin_display import Cell, Panel
from operations.errors import DomainError

LINES_SHOWN = 500
# Of a page of the general ledger: whichever comes first.
LINES_ON_A_PAGE, ACCOUNTS_ON_A_PAGE = 200, 50
ITEMS_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class Group:
    """Tables that belong together, side by side where there is room, under a heading."""

    title: str = ""
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a page shows, and how the same is written as CSV. `file` is the download's name, without its ending."""

    groups: Sequence[Group]
    csv: Callable[[], Iterator[str]]
    file: str
    facts: Sequence[tuple[str, Cell]] = ()
    links: Sequence[SafeString] = field(default_factory=list)
    pager: Sequence[SafeString] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """A report's address, its form, and who makes it of the form's answers. Raises DomainError for wrong ones."""

    address: str
    title: str
    form: type[ReportForm]
    make: Callable[[Any], Report]

    @property
    def name(self) -> str:
        """Return the page's url name."""
        return f"ledger_account_{self.address.replace('-', '_')}"


def report_urls(window: WindowAdmin) -> list[URLPattern]:
    """Return the addresses of all reports, below those of the accounts' window."""
    return [
        path(f"{page.address}/", window.admin_site.admin_view(partial(_serve, window, page)), name=page.name)
        for page in PAGES
    ]


def _serve(window: WindowAdmin, page: ReportPage, request: HttpRequest) -> HttpResponseBase:
    if request.method != "GET" or not window.has_view_permission(request):
        raise PermissionDenied
    form = page.form.asked_by(request, today=selectors.business_day(now=timezone.now()))
    report = None
    if form.is_valid():
        try:
            report = page.make(form)
        except DomainError as error:
            form.add_error(None, str(error))
    if report is not None and request.GET.get("download") == "csv":
        return _download(report)
    return _shown(window, page, request, form, report)


def _download(report: Report) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(report.csv(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{report.file}.csv"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _shown(
    window: WindowAdmin, page: ReportPage, request: HttpRequest, form: ReportForm, report: Report | None
) -> HttpResponse:
    asked = {name: form.data.get(name, "") for name in form.fields}
    context = {
        **window.admin_site.each_context(request),
        "title": page.title,
        "content_title": page.title,
        "form": form,
        # Before anybody asked, an empty form is no mistake.
        "problems": _problems(form) if request.GET else [],
        "report": report,
        "said": form.said if report else "",
        "download": urlencode({**asked, "download": "csv"}),
    }
    return shielded(TemplateResponse(request, "console/report.html", context))


def _problems(form: ReportForm) -> list[str]:
    """Return what is wrong with the answers, each with the field that it is about."""
    return [
        f"{form[name].label}: {text}" if name in form.fields else str(text)
        for name, texts in form.errors.items()
        for text in texts
    ]


def _trial_balance(form: MomentForm) -> Report:
    moments = {name: form.cleaned_data.get(name) or None for name in ("on", "at", "effective_on")}
    balances = selectors.trial_balance(**moments)
    day = next((str(found.date() if name == "at" else found) for name, found in moments.items() if found), "now")
    panels = trial_balance_panels(
        balances, account_links=account_links, report_links=partial(currency_links, on=moments["on"])
    )
    return Report(
        groups=[Group(panels=[panel]) for panel in panels],
        csv=partial(balances_csv, opening=[], closing=balances),
        file=f"trial-balance-{day}",
    )


def _balance_sheet(form: DayForm) -> Report:
    day = form.cleaned_data["on"]
    sheets = [balance_sheet(currency=currency, on=day) for currency in form.currencies]
    return Report(
        groups=[Group(title=sheet.currency, panels=balance_sheet_panels(sheet)) for sheet in sheets],
        csv=partial(balance_sheet_csv, sheets=sheets),
        file=f"balance-sheet-{day or 'now'}",
    )


def _income_statement(form: PeriodForm) -> Report:
    period = form.cleaned_data["period"]
    statements = [income_statement(currency=currency, period=period) for currency in form.currencies]
    return Report(
        groups=[Group(panels=income_statement_panels(statement)) for statement in statements],
        csv=partial(income_statement_csv, statements=statements),
        file=f"income-statement-{_days(form)}",
    )


def _statement(form: StatementForm) -> Report:
    code, currency = form.cleaned_data["account"], form.cleaned_data["currency"]
    period = form.cleaned_data["period"]
    statement = account_statement(code=code, currency=currency, period=period, limit=LINES_SHOWN)
    links = [report_link("explain", "Explain this balance", account=code, currency=currency)]
    if code.startswith("seller:"):
        dates = {"since": period.since or "", "until": period.until or ""}
        seller = code.split(":")[1]
        links.append(report_link("seller_statement", "Seller statement", seller=seller, currency=currency, **dates))
    return Report(
        groups=[Group(panels=[statement_panel(statement)])],
        csv=partial(statement_csv, since=period.since, until=period.until, code=code, currency=currency),
        file=f"statement-{_file_name(code)}-{currency}-{_days(form)}",
        links=links,
    )


def _general_ledger(form: GeneralLedgerForm) -> Report:
    period, place = form.cleaned_data["period"], form.cleaned_data["place"]
    page = general_ledger_page(
        period=period, choice=form.choice, place=place, lines=LINES_ON_A_PAGE, accounts=ACCOUNTS_ON_A_PAGE
    )
    asked = {name: form.data.get(name, "") for name in form.fields if name != "place"}
    return Report(
        groups=[Group(panels=[panel]) for panel in general_ledger_panels(page)],
        csv=partial(general_ledger_csv, since=period.since, until=period.until, choice=form.choice),
        file=f"general-ledger-{_days(form)}",
        facts=general_ledger_facts(page),
        pager=general_ledger_pager(page, asked, is_first=place is None),
    )


def _seller_statement(form: SellerForm) -> Report:
    seller, currency = form.cleaned_data["seller"], form.cleaned_data["currency"]
    statement = seller_statement(seller=seller, currency=currency, period=form.cleaned_data["period"])
    return Report(
        groups=[Group(panels=[seller_panel(statement)])],
        csv=partial(seller_statement_csv, statement=statement),
        file=f"seller-{_file_name(seller)}-{currency}-{_days(form)}",
        links=[seller_link(seller)],
    )


def _explain(form: AccountForm) -> Report:
    facts = {"code": form.cleaned_data["account"], "currency": form.cleaned_data["currency"], "now": timezone.now()}
    explained = explain_balance(**facts, limit=ITEMS_SHOWN)
    return Report(
        groups=[Group(panels=[explanation_panel(explained)])],
        csv=lambda: explanation_csv(explanation=explain_balance(**facts)),
        file=f"explained-{_file_name(explained.code)}-{explained.currency}",
        facts=explanation_facts(explained),
        links=[report_link("statement", "Account statement", account=explained.code, currency=explained.currency)],
    )


def _days(form: ReportForm) -> str:
    period = form.cleaned_data["period"]
    return f"{period.since or 'beginning'}-{period.until or 'now'}"


def _file_name(text: str) -> str:
    """Return a text with nothing in it that a header or a file system takes for something else."""
    return "".join(each if each.isascii() and each.isalnum() else "-" for each in text)[:80]


PAGES: Iterable[ReportPage] = (
    ReportPage(address="trial-balance", title="Trial balance", form=MomentForm, make=_trial_balance),
    ReportPage(address="balance-sheet", title="Balance sheet", form=DayForm, make=_balance_sheet),
    ReportPage(address="income-statement", title="Income statement", form=PeriodForm, make=_income_statement),
    ReportPage(address="statement", title="Account statement", form=StatementForm, make=_statement),
    ReportPage(address="general-ledger", title="General ledger", form=GeneralLedgerForm, make=_general_ledger),
    ReportPage(address="seller-statement", title="Seller statement", form=SellerForm, make=_seller_statement),
    ReportPage(address="explain", title="Explain a balance", form=AccountForm, make=_explain),
)
