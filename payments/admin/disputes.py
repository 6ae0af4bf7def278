from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from ledger.selectors import currencies, entries_about
from operations.admin_base import Question, TextInput, WindowAdmin, actor_of, ask, currency_filter, hand
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    audit_panel,
    code_column,
    columns,
    entry_panels,
    history_panel,
    moment,
    money_column,
    name,
    page_link,
    state_column,
    state_label,
    time_column,
    words,
)
from operations.selectors import audit_trail, histories
from operations.texts import problem_of
from payments.admin.calls import calls_panel
from payments.admin.checkout_panels import waits, waits_in_full
from payments.models import Dispute, DisputeEvidence, EvidenceFile, EvidenceKind
from payments.services import EVIDENCE_FIELDS, EvidenceFileRefused, submit_evidence
from payments.services.evidence import LONGEST_TEXT, UNDER_WAY
from payments.services.evidence_files import MOST_BYTES, media_type_of
from payments.states import WANTS_EVIDENCE
from payments.waits import disputes_wait

# How the texts are asked for.
_LABELS = {
    "access_activity_log": "Log of the customer's access or activity",
    "billing_address": "Billing address",
    "cancellation_policy_disclosure": "How the customer was shown the cancellation policy",
    "cancellation_rebuttal": "Why the customer's subscription was not canceled",
    "customer_email_address": "Customer's e-mail address",
    "customer_name": "Customer's name",
    "customer_purchase_ip": "Customer's purchase IP address",
    "duplicate_charge_explanation": "How this charge differs from the other one",
    "duplicate_charge_id": "The other charge's id",
    "product_description": "What was sold",
    "refund_policy_disclosure": "How the customer was shown the refund policy",
    "refund_refusal_explanation": "Why the customer is not entitled to a refund",
    "service_date": "Date of the service",
    "shipping_address": "Shipping address",
    "shipping_carrier": "Carrier",
    "shipping_date": "Date of shipping",
    "shipping_tracking_number": "Tracking number",
    "uncategorized_text": "Anything else",
}
_FILE_LABELS = {f"file_{kind.value}": f"File: {kind.label}" for kind in EvidenceKind}
# What needs one line; the others are told at length.
_SHORT = (
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_id",
    "service_date",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
)


class EvidenceFileField(forms.FileField):
    """A file that the bank takes; whatever it is called, its content says what it is."""

    widget = UnfoldAdminFileFieldWidget

    def __init__(self, *, label: str) -> None:
        megabytes = MOST_BYTES // 1024 // 1024
        super().__init__(
            required=False,
            label=label,
            allow_empty_file=True,
            help_text=f"A PDF, JPEG or PNG of at most {megabytes} MB. Its name is not kept.",
        )

    def clean(self, data: Any, initial: Any = None) -> bytes | None:
        """Return the content. What is too large is refused before it is read."""
        upload = super().clean(data, initial)
        if not upload:
            return None
        try:
            if upload.size > MOST_BYTES:
                raise EvidenceFileRefused(problem=f"is larger than {MOST_BYTES // 1024 // 1024} MB")
            content: bytes = upload.read()
            media_type_of(content)
        except EvidenceFileRefused as error:
            raise forms.ValidationError(str(error)) from error
        return content


class EvidenceForm(forms.Form):
    """What the bank should read. Empty fields are left as they are at the provider."""

    final = forms.BooleanField(
        required=False,
        initial=True,
        label="Hand it to the bank now",
        widget=UnfoldBooleanWidget,
        help_text="After that nothing can be added. Without it the evidence waits at the provider for more.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in EVIDENCE_FIELDS:
            widget = TextInput() if field in _SHORT else UnfoldAdminTextareaWidget(attrs={"rows": 3})
            self.fields[field] = forms.CharField(
                required=False, max_length=LONGEST_TEXT, label=_LABELS[field], widget=widget
            )
        self.fields |= {field: EvidenceFileField(label=label) for field, label in _FILE_LABELS.items()}
        self.order_fields([*EVIDENCE_FIELDS, *_FILE_LABELS, "final"])

    def clean(self) -> dict[str, Any]:
        """Refuse evidence that says nothing, or that holds a card number."""
        answers: dict[str, Any] = super().clean() or self.cleaned_data
        texts = {field: answers.get(field, "") for field in EVIDENCE_FIELDS}
        for field, text in texts.items():
            problem = problem_of(text, lines=True)
            if problem:
                self.add_error(field, f"This {problem}.")
        if not self.errors and not any(texts.values()) and not any(answers.get(name) for name in _FILE_LABELS):
            raise forms.ValidationError("Give at least one text, or a file.")
        return answers


@admin.register(Dispute)
class DisputeAdmin(WindowAdmin):
    """Payments that buyers' banks took back, or ask about."""

    list_display = (
        "id_code",
        "checkout_link",
        "state_name",
        "waits_for",
        "amount_money",
        "withdrawn_money",
        "reason",
        "due",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        currency_filter(currencies),
        ("evidence_due_by", RangeDateTimeFilter),
        ("opened_at", RangeDateTimeFilter),
    )
    list_select_related = ("checkout",)
    search_fields = (
        "id__exact",
        "psp_ref__exact",
        "charge_ref__exact",
        "checkout__id__exact",
        "checkout__checkout_id__exact",
        "shares__order__payment_order_id__exact",
    )
    search_help_text = "Our id, the provider's id of the dispute or charge, or the checkout or order."
    ordering = ("-opened_at", "-id")
    fields = (
        "id_code",
        "provider_code",
        "charge_code",
        "checkout_link",
        "state_name",
        "waits_whole",
        "amount_money",
        "withdrawn_money",
        "fee_money",
        "fee_borne_by",
        "reason",
        "due",
        "opened",
        "closed",
    )
    actions_detail = ("hand_in",)

    id_code = code_column("id", "Dispute")
    provider_code = code_column("psp_ref", "At the provider")
    charge_code = code_column("charge_ref", "Charge")
    state_name = state_column()
    amount_money = money_column("amount", "Disputed")
    withdrawn_money = money_column("withdrawn", "Withdrawn")
    fee_money = money_column("fee", "Provider's fees")
    due = time_column("evidence_due_by", "Evidence due")
    opened = time_column("opened_at", "Opened")
    closed = time_column("closed_at", "Closed")

    def attach(self, rows: list[Any]) -> None:
        """Fetch whom the disputes of a page wait for."""
        found = disputes_wait(disputes=rows)
        for row in rows:
            row.waits = found.get(row.pk)

    @admin.display(description="Waits for")
    def waits_for(self, row: Any) -> Cell:
        """Return whom it waits for, and since when."""
        return waits(row.waits)

    @admin.display(description="Waits for")
    def waits_whole(self, row: Any) -> Cell:
        """Return whom it waits for, for what, and since when."""
        return waits_in_full(row.waits)

    @admin.display(description="Checkout", ordering="checkout")
    def checkout_link(self, row: Dispute) -> SafeString:
        """Return the disputed checkout."""
        return page_link("payments_checkout", row.checkout_id, row.checkout.checkout_id)

    def panels(self, row: Any) -> list[Panel]:
        """Return who bears it, the evidence, the books behind it, its history and the audit trail."""
        return [
            _shares(row),
            _evidence(row),
            _files(row),
            *entry_panels(_entries(row)),
            history_panel(histories(machines={"dispute": [row.pk]})),
            calls_panel([f"dispute:{row.pk}"]),
            audit_panel(audit_trail(subject=f"dispute:{row.pk}")),
        ]

    def get_urls(self) -> list[URLPattern]:
        """Add the way to the files."""
        view = self.admin_site.admin_view(self.file)
        address = "<path:object_id>/files/<slug:file_id>/"
        return [path(address, view, name="payments_dispute_file"), *super().get_urls()]

    def file(self, request: HttpRequest, object_id: str, file_id: str) -> HttpResponse:
        """Hand a file over as a download, never as a page that a browser would show or run."""
        if not request.user.has_perm("payments.view_evidencefile"):
            raise PermissionDenied("payments.view_evidencefile")
        found = get_object_or_404(EvidenceFile, pk=file_id, dispute=object_id)
        answer = HttpResponse(bytes(found.content), content_type=found.media_type)
        answer["Content-Disposition"] = content_disposition_header(True, found.name)
        answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say until when the bank waits for us."""
        if row.state not in WANTS_EVIDENCE or row.evidence_due_by is None:
            return []
        return [format_html("The bank takes evidence until {}. Without any, it is lost.", moment(row.evidence_due_by))]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to hand in evidence while the bank takes some."""
        return frozenset() if _refusal(row) else frozenset({"hand_in"})

    @hand(title="Hand in evidence", permission="payments.change_dispute", path="evidence", icon="upload_file")
    def hand_in(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep evidence and have it sent to the provider."""
        dispute = get_object_or_404(Dispute, pk=object_id)
        question = Question(
            title=f"Evidence against the dispute of {dispute.amount.display}",
            explanation="Tell the buyer's bank why the payment was right. Fill in what applies.",
            button="Hand in",
            facts=[
                ("The bank's reason", words(dispute.reason) or NOTHING),
                ("Taken until", moment(dispute.evidence_due_by)),
            ],
            refusal=_refusal(dispute),
        )

        def act(answers: Mapping[str, Any]) -> str:
            submit_evidence(
                dispute=dispute.pk,
                evidence={field: answers[field] for field in EVIDENCE_FIELDS if answers[field]},
                uploads={kind: answers[f"file_{kind}"] for kind in EvidenceKind.values if answers[f"file_{kind}"]},
                final=answers["final"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            return "The evidence is on its way to the provider."

        back = reverse("admin:payments_dispute_change", args=[dispute.pk])
        return ask(
            window=self,
            request=request,
            question=question,
            form_class=EvidenceForm,
            act=act,
            back=back,
            row=dispute,
        )


def _refusal(dispute: Dispute) -> str:
    """Say why no evidence can be handed in now; nothing where it can."""
    if dispute.state not in WANTS_EVIDENCE:
        return "The bank takes no evidence now."
    if dispute.evidence.filter(state__in=UNDER_WAY).exists():
        return "Evidence is on its way to the provider already."
    return ""


def _entries(dispute: Dispute) -> list[dict[str, Any]]:
    """Return the dispute's journal entries: those of its later rounds have a number after the provider's id."""
    found = entries_about(subjects=[f"checkout:{dispute.checkout_id}"])
    return [entry for entry in found if entry["reference"].split(":")[0] == dispute.psp_ref]


def _shares(dispute: Dispute) -> Panel:
    return Panel(
        title="At stake",
        columns=columns("Order", "Seller", "Borne by", "Amount#"),
        rows=[
            (
                page_link("payments_paymentorder", share.order_id, share.order.payment_order_id),
                page_link("payments_seller", share.order.seller_id, name(share.order.seller.name)),
                share.get_borne_by_display(),
                amount(share.amount.display),
            )
            for share in dispute.shares.select_related("order__seller").order_by("order_id")
        ],
    )


def _evidence(dispute: Dispute) -> Panel:
    return Panel(
        title="Evidence",
        columns=columns("State", "What", "To the bank", "By", "When", "Last error"),
        rows=[
            (
                state_label(each.state, each.get_state_display()),
                ", ".join(_named(each)),
                "yes" if each.final else "not yet",
                each.submitted_by,
                moment(each.created_at),
                each.last_error or NOTHING,
            )
            for each in dispute.evidence.order_by("id")
        ],
        empty="Nothing was handed in.",
    )


def _named(evidence: DisputeEvidence) -> list[str]:
    """Return what evidence consists of, in words."""
    texts = [_LABELS.get(field, words(field)) for field in sorted(evidence.params["evidence"])]
    return texts + [_FILE_LABELS[f"file_{kind}"] for kind in sorted(evidence.params.get("files", {}))]


def _files(dispute: Dispute) -> Panel:
    return Panel(
        title="Files",
        columns=columns("File", "What it shows", "State", "Size#", "By", "When", "Last error"),
        rows=[
            (
                format_html(
                    '<a class="cf-link" href="{}">{}</a>',
                    reverse("admin:payments_dispute_file", args=[dispute.pk, each.pk]),
                    each.name,
                ),
                each.get_kind_display(),
                state_label(each.state, each.get_state_display()),
                f"{each.size:,} bytes",
                each.submitted_by,
                moment(each.created_at),
                each.last_error or NOTHING,
            )
            for each in dispute.files.defer("content").order_by("id")
        ],
        empty="None.",
    )
