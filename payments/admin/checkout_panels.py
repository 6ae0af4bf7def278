"""What a checkout's page tells besides orders and attempts: instructions, surplus money, risk, and who must act."""

from collections.abc import Sequence

from django.utils.html import format_html

from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    code,
    columns,
    moment,
    page_link,
    state_label,
)
from operations.selectors import open_questions
from payments.models import Checkout, Instruction, Refund, RiskVerdict, Surplus
from payments.waits import Waiting, instructions_wait, refunds_wait, surpluses_wait


def waits(found: Waiting | None) -> Cell:
    """Return whom a row waits for, and since when; for what shows when one rests on it."""
    if found is None:
        return NOTHING
    return format_html('<span title="{}">{}, since {}</span>', found.what, found.on, moment(found.since))


def waits_in_full(found: Waiting | None) -> Cell:
    """Return whom a row waits for, for what, and since when."""
    if found is None:
        return "nobody: it is over"
    return format_html("{}, {}, since {}", found.on, found.what, moment(found.since))


def waits_of_refunds(refunds: Sequence[Refund]) -> dict[str, Waiting]:
    """Return whom refunds wait for; one that ended and left a question waits for who answers it."""
    found = refunds_wait(refunds=refunds)
    over = sorted(f"refund:{refund.pk}" for refund in refunds if refund.pk not in found)
    for task in open_questions(subjects=over) if over else []:
        waits = Waiting(on="person", what="to answer the question about it", since=task.since)
        found.setdefault(task.subject.partition(":")[2], waits)
    return found


def instructions_panel(checkout: Checkout) -> Panel:
    """Return what the provider was told to do with the attempts."""
    told = list(Instruction.objects.filter(attempt__checkout=checkout).select_related("attempt").order_by("created_at"))
    found = instructions_wait(instructions=told)
    return Panel(
        title="Instructions to the provider",
        columns=columns("Kind", "Attempt#", "Why", "State", "Waits for", "Amount#", "By", "When", "Last error"),
        rows=[
            (
                each.kind,
                str(each.attempt.number),
                each.purpose,
                state_label(each.state, each.get_state_display()),
                waits(found.get(each.pk)),
                amount(each.amount.display if each.amount_minor else None),
                each.actor,
                moment(each.created_at),
                each.last_error or NOTHING,
            )
            for each in told
        ],
        empty="None.",
    )


def surplus_panel(checkout: Checkout) -> Panel:
    """Return what was paid once too often."""
    found = list(Surplus.objects.filter(attempt__checkout=checkout).order_by("created_at"))
    waiting = surpluses_wait(surpluses=found)
    return Panel(
        title="Paid once too often",
        columns=columns("Charge", "State", "Waits for", "Amount#", "Came", "Last error"),
        rows=[
            (
                page_link("payments_surplus", each.pk, each.charge_ref),
                state_label(each.state, each.get_state_display()),
                waits(waiting.get(each.pk)),
                amount(each.amount.display),
                moment(each.created_at),
                each.last_error or NOTHING,
            )
            for each in found
        ],
        empty="Nothing.",
    )


def risk_panel(checkout: Checkout) -> Panel:
    """Return what the risk check, and a person after it, said."""
    return Panel(
        title="Risk verdicts",
        columns=columns("Cart#", "Check", "Verdict", "Rule", "Reason", "By", "When"),
        rows=[
            (
                str(each.cart),
                code(each.check_kind),
                state_label(each.decision, each.get_decision_display()),
                each.rule or NOTHING,
                each.reason or NOTHING,
                each.decided_by,
                moment(each.at),
            )
            for each in RiskVerdict.objects.filter(checkout=checkout).order_by("id")
        ],
        empty="None: this payment is older than the check.",
    )


def questions_of(checkout: Checkout) -> list[Cell]:
    """Return what people are asked about a checkout and its refunds."""
    refunds = Refund.objects.filter(order__checkout=checkout).values_list("pk", flat=True)
    return question_notices([f"checkout:{checkout.pk}", *(f"refund:{refund}" for refund in refunds)])


def question_notices(subjects: list[str]) -> list[Cell]:
    """Return what people are asked about some subjects (kind:id)."""
    return [page_link("operations_humantask", task.pk, task.reason) for task in open_questions(subjects=subjects)]
