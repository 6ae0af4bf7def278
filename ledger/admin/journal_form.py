"""The form in which people write a journal: everything in it is text until the service reads it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from ledger.admin.suggestions import suggested_accounts
from ledger.journals.typed import (
    ATTACHMENT_BYTES_MAX,
    ATTACHMENTS_MAX,
    CONTENT_TYPES,
    DESCRIPTION_MAX,
    DESCRIPTION_MIN,
    LINES_MAX,
    AttachmentRefused,
    LinesRefused,
    TypedLine,
    Upload,
    ValueDateRefused,
    read_attachments,
)
from ledger.models import ManualJournal
from ledger.selectors import currencies
from operations.admin_base import TextInput, WindowAdmin, shielded
from operations.errors import DomainError
from operations.ids import new_id
from operations.texts import TextRefused

# Shown at once; the others unfold, without a script.
LINES_SHOWN = 6
_MEGABYTES = ATTACHMENT_BYTES_MAX // 1024 // 1024


class EvidenceInput(forms.FileInput):
    """The browser's own file field, for several files: it needs no script to say what was chosen."""

    allow_multiple_selected = True

    def __init__(self) -> None:
        accept = ",".join(f".{kind}" for kind in CONTENT_TYPES)
        super().__init__(attrs={"multiple": True, "accept": accept, "class": "cf-file"})

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the field with the place where the theme's script wants to write the chosen name; nobody sees it.

        Without one, the script fails on every choice of a file.
        """
        field = super().render(name, value, attrs, renderer)
        return format_html('<span><span>{}</span><input type="text" hidden disabled></span>', field)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Any]:
        """Return every file that was sent."""
        return files.getlist(name) if hasattr(files, "getlist") else []


class EvidenceField(forms.Field):
    """Files that show why, checked before they are read into memory."""

    widget = EvidenceInput

    def __init__(self) -> None:
        kinds = ", ".join(CONTENT_TYPES)
        super().__init__(
            required=False,
            label="Attachments",
            help_text=f"Up to {ATTACHMENTS_MAX} files of at most {_MEGABYTES} MB: {kinds}. Choose several at once.",
        )

    def to_python(self, value: Any) -> list[Upload]:
        """Return the files as uploads."""
        if len(value or ()) > ATTACHMENTS_MAX:
            raise forms.ValidationError(f"These are {len(value)} files, and {ATTACHMENTS_MAX} are allowed.")
        for file in value or ():
            if file.size > ATTACHMENT_BYTES_MAX:
                raise forms.ValidationError(f"{file.name} is larger than {_MEGABYTES} MB.")
        uploads = [Upload(name=file.name or "", content=file.read()) for file in value or ()]
        try:
            read_attachments(uploads)
        except AttachmentRefused as error:
            raise forms.ValidationError(str(error)) from error
        return uploads


class WhyForm(forms.Form):
    """The reason, which goes into the books, and the evidence."""

    description = forms.CharField(
        label="Reason",
        min_length=DESCRIPTION_MIN,
        max_length=DESCRIPTION_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Goes into the books with the entry. Say what happened and what shows it.",
    )
    attachments = EvidenceField()

    def clean_description(self) -> str:
        """Return the reason with the line ends that everybody but a browser uses."""
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")


class HeadForm(WhyForm):
    """What stands above the lines."""

    value_date = forms.DateField(
        required=False,
        widget=TextInput(attrs={"type": "date"}),
        help_text="The day the money moved in the outside world. Empty: the day it is booked.",
    )
    key = forms.CharField(max_length=60, widget=forms.HiddenInput)
    field_order = ("description", "value_date", "attachments")


class LineForm(forms.Form):
    """One line, as it is typed."""

    account = forms.CharField(required=False, widget=TextInput(attrs={"list": "accounts", "autocomplete": "off"}))
    debit = forms.CharField(required=False, widget=TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
    credit = forms.CharField(required=False, widget=TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
    currency = forms.CharField(required=False, widget=TextInput(attrs={"list": "currencies", "maxlength": 3}))
    item = forms.CharField(required=False, widget=TextInput(attrs={"autocomplete": "off"}))


class JournalForm:
    """A journal's form: the head, and as many lines as a journal may have."""

    def __init__(self, request: HttpRequest, start: ManualJournal | None = None) -> None:
        posted = request.method == "POST"
        data, files = (request.POST, request.FILES) if posted else (None, None)
        self.head = HeadForm(data, files, initial=_head(start))
        rows = _rows(start)
        self.lines = [
            LineForm(data, prefix=f"line-{number}", initial=rows[number - 1] if number <= len(rows) else {})
            for number in range(1, LINES_MAX + 1)
        ]
        self.problems: list[str] = []

    @property
    def first_lines(self) -> Sequence[tuple[int, LineForm]]:
        """Return the lines that are seen at once, with their numbers."""
        return list(enumerate(self.lines, start=1))[:LINES_SHOWN]

    @property
    def more_lines(self) -> Sequence[tuple[int, LineForm]]:
        """Return the lines that unfold."""
        return list(enumerate(self.lines, start=1))[LINES_SHOWN:]

    @property
    def unfolded(self) -> bool:
        """Tell whether something stands in the lines that unfold."""
        names = ("account", "debit", "credit", "item")
        return any(form[name].value() for _, form in self.more_lines for name in names)

    def is_valid(self) -> bool:
        """Check what a form can check; the service does the rest."""
        return all([self.head.is_valid(), *(form.is_valid() for form in self.lines)])

    def refuse_answers(self) -> None:
        """Say at the top what the form itself refused, each with its field."""
        self.problems += [
            f"{self.head[name].label}: {text}" for name, texts in self.head.errors.items() for text in texts
        ]
        self.problems += [
            f"Line {number}, {name}: {text}"
            for number, line in enumerate(self.lines, start=1)
            for name, texts in line.errors.items()
            for text in texts
        ]

    def answers(self) -> dict[str, Any]:
        """Return what the service takes, but for the key."""
        return {
            "lines": [TypedLine(**form.cleaned_data) for form in self.lines],
            "description": self.head.cleaned_data["description"],
            "value_date": self.head.cleaned_data["value_date"],
            "attachments": self.head.cleaned_data["attachments"],
        }

    def refuse(self, error: DomainError) -> None:
        """Put what the service refused at the top, and where it belongs."""
        if isinstance(error, LinesRefused):
            self.problems += [str(problem) for problem in error.problems]
            for problem in error.problems:
                self.lines[problem.line - 1].add_error(problem.field, problem.problem)
            return
        self.problems.append(str(error))
        field = _FIELD_OF.get(type(error))
        if field:
            self.head.add_error(field, str(error))


_FIELD_OF: Mapping[type[DomainError], str] = {
    TextRefused: "description",
    ValueDateRefused: "value_date",
    AttachmentRefused: "attachments",
}


def journal_page(
    *,
    window: WindowAdmin,
    request: HttpRequest,
    title: str,
    back: str,
    save: Callable[[JournalForm], ManualJournal],
    start: ManualJournal | None = None,
) -> HttpResponse:
    """Show the form, or save once what was posted, and go on to the preview.

    What is refused is shown on the form again, with everything that was typed; files have to be chosen again,
    because browsers do not give them back.
    """
    form = JournalForm(request, start)
    if request.method == "POST":
        if form.is_valid():
            try:
                journal = save(form)
            except DomainError as error:
                form.refuse(error)
            else:
                return redirect(reverse("admin:ledger_manualjournal_submit", args=[journal.pk]))
        else:
            form.refuse_answers()
    context = {
        **window.admin_site.each_context(request),
        "opts": window.model._meta,
        "original": start,
        "title": title,
        "form": form,
        "back": back,
        "accounts": suggested_accounts(),
        "currencies": currencies(),
        "files_lost": bool(request.FILES),
        "files_kept": start.attachments.order_by("pk").values_list("name", flat=True) if start else (),
    }
    return shielded(TemplateResponse(request, "console/journal_form.html", context))


def _head(start: ManualJournal | None) -> dict[str, Any]:
    fresh = {"key": new_id("form")}
    return {**fresh, "description": start.description, "value_date": start.value_date} if start else fresh


def _rows(start: ManualJournal | None) -> list[dict[str, str]]:
    return [
        {
            "account": line.account,
            "debit": line.amount.text if line.amount.minor > 0 else "",
            "credit": (-line.amount).text if line.amount.minor < 0 else "",
            "currency": line.amount.currency,
            "item": line.item,
        }
        for line in (start.entry_lines if start else ())
    ]
