"""One payment's whole story, from any id that somebody has in hand: what happened, when, and by whom."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from ledger.selectors import entries_about
from operations.selectors import audit_trail, histories, jobs_about
from payments.errors import UnknownPayment
from payments.models import (
    Attempt,
    Checkout,
    Dispute,
    Instruction,
    PaymentOrder,
    Refund,
    StorefrontEvent,
    Surplus,
    WebhookEvent,
)
from payments.selectors import calls_about
from payments.waits import (
    Waiting,
    attempts_wait,
    disputes_wait,
    instructions_wait,
    refunds_wait,
    surpluses_wait,
    waiting,
)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened: of what kind, to what, in words, with what else is known."""

    at: datetime
    kind: str
    subject: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Story:
    """A checkout with everything that belongs to it, and what happened in the order in which it did."""

    checkout: Checkout
    orders: tuple[PaymentOrder, ...]
    attempts: tuple[Attempt, ...]
    instructions: tuple[Instruction, ...]
    surpluses: tuple[Surplus, ...]
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    waits: dict[str, Waiting]
    moments: tuple[Moment, ...]


def story(*, any_id: str) -> Story:
    """Return the story of the payment to which an id belongs. Raises UnknownPayment.

    Ours: of a checkout, payment order, attempt, refund or dispute. The storefront's: of a checkout or payment order.
    The provider's: of a session, payment, charge, refund, dispute or event.
    """
    checkout = _checkout(any_id)
    orders = tuple(checkout.orders.select_related("seller").order_by("pk"))
    attempts = tuple(checkout.attempts.order_by("number"))
    told = Instruction.objects.filter(attempt__checkout=checkout).select_related("attempt")
    refunds = tuple(Refund.objects.filter(order__checkout=checkout).select_related("order").order_by("pk"))
    disputes = tuple(checkout.disputes.order_by("pk"))
    instructions = tuple(told.order_by("pk"))
    surpluses = tuple(Surplus.objects.filter(attempt__checkout=checkout).order_by("pk"))
    found = Story(
        checkout=checkout,
        orders=orders,
        attempts=attempts,
        instructions=instructions,
        surpluses=surpluses,
        refunds=refunds,
        disputes=disputes,
        waits={
            **waiting(orders=orders, attempts=attempts),
            **attempts_wait(attempts=attempts),
            **instructions_wait(instructions=instructions),
            **surpluses_wait(surpluses=surpluses),
            **refunds_wait(refunds=refunds),
            **disputes_wait(disputes=disputes),
        },
        moments=(),
    )
    moments = sorted(_moments(found), key=lambda moment: moment.at)
    return Story(**{**vars(found), "moments": tuple(moments)})


def _checkout(any_id: str) -> Checkout:
    """Look where the id may be from, the unmistakable first."""
    if not any_id:
        raise UnknownPayment(payment_id=any_id)
    event = WebhookEvent.objects.filter(event_id=any_id).exclude(object_id="").first()
    if event is not None:
        return _checkout(event.object_id)
    tries = (
        Q(pk=any_id),
        Q(orders__pk=any_id),
        Q(attempts__pk=any_id),
        Q(orders__refunds__pk=any_id),
        Q(disputes__pk=any_id),
        Q(attempts__psp_ref=any_id),
        Q(attempts__payment_ref=any_id),
        Q(attempts__charge_ref=any_id),
        Q(orders__refunds__psp_ref=any_id),
        Q(disputes__psp_ref=any_id),
        Q(checkout_id=any_id),
        Q(orders__payment_order_id=any_id),
    )
    for wanted in tries:
        found = Checkout.objects.filter(wanted).order_by("-pk").first()
        if found is not None:
            return found
    raise UnknownPayment(payment_id=any_id)


def _moments(story: Story) -> Iterator[Moment]:
    checkout = story.checkout
    text = f"the storefront {checkout.storefront_id} created {checkout.checkout_id} over {checkout.total}"
    yield Moment(at=checkout.created_at, kind="checkout", subject=checkout.pk, text=text)
    yield from _moves(story)
    yield from _calls(story)
    yield from _webhooks(story)
    yield from _entries(checkout)
    yield from _jobs(story)
    yield from _events(checkout)
    for subject in _subjects(story):
        for entry in audit_trail(subject=subject):
            text = f"{entry.action} by {entry.actor}"
            yield Moment(at=entry.at, kind="audit", subject=subject, text=text, facts=entry.facts)


def _events(checkout: Checkout) -> Iterator[Moment]:
    found = StorefrontEvent.objects.filter(
        storefront=checkout.storefront_id, payload__data__checkout_id=checkout.checkout_id
    )
    for event in found.prefetch_related("deliveries__endpoint"):
        deliveries = sorted(event.deliveries.all(), key=lambda each: each.pk)
        fates = ", ".join(f"{each.state} at {each.endpoint.url}" for each in deliveries)
        text = f"{event.type} for the storefront: {fates or 'no endpoint wanted it'}"
        yield Moment(at=event.created_at, kind="event", subject=event.pk, text=text)


def _moves(story: Story) -> Iterator[Moment]:
    machines = {
        "payment_order": [order.pk for order in story.orders],
        "attempt": [attempt.pk for attempt in story.attempts],
        "instruction": [told.pk for told in story.instructions],
        "surplus": [surplus.pk for surplus in story.surpluses],
        "refund": [refund.pk for refund in story.refunds],
        "dispute": [dispute.pk for dispute in story.disputes],
    }
    for move in histories(machines=machines):
        because = f" ({move.reason})" if move.reason else ""
        text = f"{move.machine} {move.from_state} → {move.to_state} by {move.actor}{because}"
        yield Moment(at=move.at, kind="state", subject=move.subject_id, text=text)


def _calls(story: Story) -> Iterator[Moment]:
    for call in calls_about(subjects=subjects_of_calls(story)):
        answer = f", HTTP {call.http_status}" if call.http_status else ""
        because = f": {call.reason}" if call.reason else ""
        text = f"{call.op} asked of {call.psp}: {call.outcome}{answer} after {call.took_ms} ms{because}"
        facts = {
            "about": call.about,
            "key": call.key,
            "request_id": call.request_id,
            "object_id": call.object_id,
            "requests": call.requests,
            "body": call.body,
        }
        yield Moment(at=call.sent_at, kind="call", subject=call.pk, text=text, facts=facts)


def _webhooks(story: Story) -> Iterator[Moment]:
    refs = [ref for attempt in story.attempts for ref in (attempt.psp_ref, attempt.payment_ref, attempt.charge_ref)]
    refs += [refund.psp_ref for refund in story.refunds] + [dispute.psp_ref for dispute in story.disputes]
    rows = WebhookEvent.objects.filter(object_id__in=[ref for ref in refs if ref]).defer("payload").order_by("id")
    for row in rows:
        waits = f": {row.waiting_for}" if row.waiting_for else ""
        text = f"{row.type} about {row.object_id} came as a {row.source}; {row.state}{waits}"
        yield Moment(at=row.received_at, kind="webhook", subject=row.event_id, text=text)


def _entries(checkout: Checkout) -> Iterator[Moment]:
    for entry in entries_about(subjects=[f"checkout:{checkout.pk}"]):
        lines = [{"account": line["account"], "debit": line["amount"].text} for line in entry["lines"]]
        text = f"{entry['recipe']} {entry['reference']}"
        facts = {"currency": checkout.currency, "lines": lines}
        yield Moment(at=entry["recorded_at"], kind="journal", subject=str(entry["id"]), text=text, facts=facts)


def _jobs(story: Story) -> Iterator[Moment]:
    keys = [thing.pk for thing in (*story.attempts, *story.refunds, *story.disputes, *story.orders)]
    keys += [thing.pk for thing in (*story.instructions, *story.surpluses)]
    for job in jobs_about(keys=[*keys, story.checkout.pk]):
        due = f", due {job.next_at:%Y-%m-%d %H:%M:%S}" if job.state == "todo" else ""
        problem = f": {job.last_error}" if job.last_error else ""
        text = f"{job.kind} is {job.state} after {job.attempts} attempts{due}{problem}"
        yield Moment(at=job.created_at, kind="job", subject=str(job.pk), text=text)


def subjects_of_calls(story: Story) -> list[str]:
    """Return what the provider calls of a payment are kept under."""
    rows = {
        "attempt": story.attempts,
        "instruction": story.instructions,
        "surplus": story.surpluses,
        "refund": story.refunds,
        "dispute": story.disputes,
    }
    return [f"{kind}:{row.pk}" for kind, found in rows.items() for row in found]


def _subjects(story: Story) -> list[str]:
    named = {"checkout": [story.checkout], "order": story.orders, "refund": story.refunds, "dispute": story.disputes}
    return [f"{kind}:{row.pk}" for kind, rows in named.items() for row in rows]
