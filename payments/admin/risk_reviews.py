"""The decision of a risk review, on the page of the checkout that waits for it."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from operations.admin_base import Question, ReasonForm, WindowAdmin, actor_of, ask
from operations.admin_display import Cell, amount, name
from operations.selectors import open_approval
from operations.services import ApprovalMissing, grant_approval, reject_approval
from payments.models import Checkout

_KIND = "payments.risk_review"


def in_review(checkout: Checkout) -> bool:
    """Tell whether a person must decide about a checkout."""
    return open_approval(kind=_KIND, subject=f"checkout:{checkout.pk}") is not None


def review_notices(checkout: Checkout) -> list[Cell]:
    """Return what the check asks about a checkout."""
    found = open_approval(kind=_KIND, subject=f"checkout:{checkout.pk}")
    return [f"The risk check wants somebody to look at this payment: {found.reason}."] if found else []


def decide(window: WindowAdmin, request: HttpRequest, object_id: str, *, passes: bool) -> HttpResponse:
    """Show the question, and decide the review when it is answered."""
    checkout = get_object_or_404(Checkout, pk=object_id)
    subject = f"checkout:{checkout.pk}"
    approval = open_approval(kind=_KIND, subject=subject)
    question = Question(
        title="Let this payment pass?" if passes else "Refuse this payment?",
        explanation="The buyer gets a page to pay on." if passes else "The payment fails before anybody is charged.",
        button="Let it pass" if passes else "Refuse it",
        danger=not passes,
        facts=[
            ("Amount", amount(checkout.total.display)),
            ("Buyer", name(str(checkout.buyer_info.get("name", "")) or "not named")),
            ("Why it waits", approval.reason if approval else ""),
        ],
        refusal="" if approval else "Nobody waits for a decision about this checkout.",
    )

    def act(answers: Mapping[str, Any]) -> str:
        found = open_approval(kind=_KIND, subject=subject)
        if found is None:
            raise ApprovalMissing(approval_id=f"for {checkout.pk}")
        verb = grant_approval if passes else reject_approval
        verb(approval_id=found.pk, checker=actor_of(request), now=timezone.now(), note=answers["reason"])
        return "The payment passes." if passes else "The payment is refused."

    back = reverse("admin:payments_checkout_change", args=[object_id])
    return ask(
        window=window, request=request, question=question, form_class=ReasonForm, act=act, back=back, row=checkout
    )
