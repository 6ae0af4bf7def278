"""What a person chooses before a report is shown. Forms go by address, so that a report can be sent as a link."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest

from ledger import selectors
from ledger.admin.suggestions import suggested_accounts, suggested_sellers
from ledger.chart import AccountType
from ledger.general_ledger import AccountChoice, NoPlace, Place
from ledger.reports import Period, PeriodReversed
from operations.admin_base import SelectInput, TextInput


def day_field(label: str, help_text: str = "") -> forms.DateField:
    """Return a field for one day, that may be left out."""
    return forms.DateField(label=label, required=False, widget=TextInput({"type": "date"}), help_text=help_text)


def account_field() -> forms.CharField:
    """Return a field for an account's code, with suggestions."""
    return forms.CharField(widget=TextInput({"list": "accounts", "autocomplete": "off"}))


class ReportForm(forms.Form):
    """The base. A currency field, where a form has one, offers the currencies in which anything was booked."""

    #: What has to be chosen before there is anything to show, and what to suggest for it.
    asks = ""
    suggestions: tuple[str, Callable[[], list[tuple[str, str]]]] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("currency")
        if isinstance(field, forms.ChoiceField):
            used = [(currency, currency) for currency in selectors.currencies()]
            field.choices = used if field.required else [("", "All"), *used]

    @classmethod
    def asked_by(cls, request: HttpRequest, *, today: date) -> "ReportForm":
        """Return the form as the address fills it; a period that it says nothing about is this month so far."""
        answers = request.GET.copy()
        if "since" in cls.base_fields and not {"since", "until"} & set(answers):
            answers.update({"since": str(today.replace(day=1)), "until": str(today)})
        return cls(answers)

    @property
    def said(self) -> str:
        """Return, for above the tables, which moment or days they are about."""
        return "As the books stand now."

    @property
    def suggested(self) -> dict[str, list[tuple[str, str]]]:
        """Return suggestions by the id of their list."""
        return {self.suggestions[0]: self.suggestions[1]()} if self.suggestions else {}

    @property
    def currencies(self) -> list[str]:
        """Return the chosen currency, or all of them."""
        chosen = self.cleaned_data.get("currency")
        return [chosen] if chosen else selectors.currencies()


class MomentForm(ReportForm):
    """A moment, in one of the three senses in which books have one."""

    on = day_field("Business day", "what the books of that day say")
    at = forms.DateTimeField(
        label="Recorded by (UTC)",
        required=False,
        widget=TextInput({"type": "datetime-local", "step": "1"}),
        help_text="what the books said at that moment",
    )
    effective_on = day_field("Value date", "by the day that money moved")

    @property
    def said(self) -> str:
        """Return the moment, and in which sense."""
        on, at, effective = (self.cleaned_data.get(name) for name in ("on", "at", "effective_on"))
        if at:
            return f"As the books stood at {at:%Y-%m-%d %H:%M:%S} UTC."
        if effective:
            return f"By value date, to the end of {effective}."
        return _at_the_end_of(on) or super().said

    def clean(self) -> dict[str, Any]:
        """Refuse more than one moment."""
        answers = super().clean() or {}
        if sum(1 for name in ("on", "at", "effective_on") if answers.get(name)) > 1:
            raise forms.ValidationError("Choose one of the three: business day, recorded by, or value date.")
        return answers


class DayForm(ReportForm):
    """A business day, in one currency or all."""

    on = day_field("At the end of business day")
    currency = forms.ChoiceField(required=False, widget=SelectInput())

    @property
    def said(self) -> str:
        """Return the day."""
        return _at_the_end_of(self.cleaned_data.get("on")) or super().said


def _at_the_end_of(day: date | None) -> str:
    return f"At the end of business day {day}." if day else ""


class PeriodForm(ReportForm):
    """Business days from one to another, in one currency or all."""

    since = day_field("From business day")
    until = day_field("To business day")
    currency = forms.ChoiceField(required=False, widget=SelectInput())

    @property
    def said(self) -> str:
        """Return the days."""
        period = self.cleaned_data["period"]
        first, last = period.since or "the beginning", period.until or "now"
        return f"Business days from {first} to {last}."

    def clean(self) -> dict[str, Any]:
        """Make the period, and refuse one that ends before it begins."""
        answers = super().clean() or {}
        try:
            answers["period"] = Period(since=answers.get("since"), until=answers.get("until"))
        except PeriodReversed as error:
            self.add_error("until", str(error))
        return answers


class AccountForm(ReportForm):
    """An account in a currency."""

    asks = "an account"
    suggestions = ("accounts", suggested_accounts)
    account = account_field()
    currency = forms.ChoiceField(widget=SelectInput())


class StatementForm(PeriodForm):
    """An account in a currency, between two business days."""

    asks = "an account"
    suggestions = ("accounts", suggested_accounts)
    account = account_field()
    currency = forms.ChoiceField(widget=SelectInput())
    field_order = ("account", "currency", "since", "until")


class GeneralLedgerForm(PeriodForm):
    """All accounts, of a type or below a code, between two business days; page by page."""

    suggestions = ("accounts", suggested_accounts)
    type = forms.ChoiceField(
        required=False,
        widget=SelectInput(),
        choices=[("", "All"), *((kind, kind.capitalize()) for kind in AccountType)],
    )
    under = forms.CharField(
        label="At or below",
        required=False,
        widget=TextInput({"list": "accounts", "autocomplete": "off"}),
        help_text="such as psp:stripe or seller:…",
    )
    place = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ("type", "under", "currency", "since", "until")

    def clean_place(self) -> Place | None:
        """Return where the page begins."""
        text = self.cleaned_data["place"]
        try:
            return Place.read(text) if text else None
        except NoPlace as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def choice(self) -> AccountChoice:
        """Return the accounts that were chosen."""
        chosen = {name: self.cleaned_data.get(name) or None for name in ("currency", "type", "under")}
        kind = chosen.pop("type")
        return AccountChoice(**chosen, type=AccountType(kind) if kind else None)


class SellerForm(PeriodForm):
    """A seller in a currency, between two business days."""

    asks = "a seller"
    suggestions = ("sellers", suggested_sellers)
    seller = forms.CharField(widget=TextInput({"list": "sellers", "autocomplete": "off"}))
    currency = forms.ChoiceField(widget=SelectInput())
    field_order = ("seller", "currency", "since", "until")
