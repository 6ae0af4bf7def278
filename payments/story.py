"""One payment's whole story, from any id that somebody has in hand: what happened, when, and by whom."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.selectors import entries_about
from operations.selectors import audit_trails, histories, jobs_about, questions_about
from payments.any_id import checkout_of
from payments.models import (
    Attempt,
    Checkout,
    Dispute,
    DisputeEvidence,
    EvidenceFile,
    Instruction,
    PaymentOrder,
    Refund,
    StorefrontEvent,
    Surplus,
    WebhookEvent,
)
from payments.selectors import calls_about, events_about
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
    evidence: tuple[DisputeEvidence, ...]
    files: tuple[EvidenceFile, ...]
    waits: dict[str, Waiting]
    moments: tuple[Moment, ...]


def story(*, any_id: str) -> Story:
    """Return the story of the payment to which an id belongs. Raises UnknownPayment.

    Ours: of a checkout, payment order, attempt, instruction, surplus, refund, dispute, evidence, a file of it, or a
    message to the storefront. The storefront's: of a checkout or payment order. The provider's: of a session, payment,
    charge, refund, dispute, file or event, and what it calls an attempt after us. The books': a reference.
    """
    checkout = checkout_of(any_id=any_id)
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
        evidence=tuple(DisputeEvidence.objects.filter(dispute__checkout=checkout).order_by("pk")),
        files=tuple(EvidenceFile.objects.filter(dispute__checkout=checkout).defer("content").order_by("pk")),
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


def _moments(story: Story) -> Iterator[Moment]:
    checkout = story.checkout
    text = f"the storefront {checkout.storefront_id} created {checkout.checkout_id} over {checkout.total}"
    yield Moment(at=checkout.created_at, kind="checkout", subject=checkout.pk, text=text)
    told, messages = webhooks_of(story), _messages(checkout)
    jobs = jobs_about(keys=_keys_of_jobs(story, told, messages))
    yield from _moves(story)
    yield from _calls(story)
    yield from _webhooks(told)
    yield from _entries(checkout)
    yield from _jobs(jobs)
    yield from _events(messages)
    yield from _questions(story)
    yield from _decisions(
        [
            *_subjects(story),
            *(f"event:{row.event_id}" for row in told),
            *(f"job:{job.pk}" for job in jobs),
            *(f"storefront_event:{message.pk}" for message in messages),
        ]
    )


def _messages(checkout: Checkout) -> list[StorefrontEvent]:
    found = StorefrontEvent.objects.filter(
        storefront=checkout.storefront_id, payload__data__checkout_id=checkout.checkout_id
    )
    return list(found.order_by("pk").prefetch_related("deliveries__endpoint"))


def _events(messages: Iterable[StorefrontEvent]) -> Iterator[Moment]:
    for event in messages:
        deliveries = sorted(event.deliveries.all(), key=lambda each: each.pk)
        fates = ", ".join(f"{each.state} at {each.endpoint.url}" for each in deliveries)
        text = f"{event.type} for the storefront: {fates or 'no endpoint wanted it'}"
        yield Moment(at=event.created_at, kind="event", subject=event.pk, text=text)


def _questions(story: Story) -> Iterator[Moment]:
    """Tell what people were asked, and how it ended: two moments where it did."""
    for task in questions_about(subjects=_subjects(story)):
        text = f"{task.waits_for} was asked ({task.kind}, {task.state}): {task.reason}"
        yield Moment(at=task.since, kind="question", subject=task.subject, text=text)
        if task.closed_at is not None:
            note = f": {task.note}" if task.note else ""
            text = f"{task.kind} is {task.state} by {task.closed_by}{note}"
            yield Moment(at=task.closed_at, kind="question", subject=task.subject, text=text)


def _decisions(subjects: list[str]) -> Iterator[Moment]:
    for entry in audit_trails(subjects=subjects):
        text = f"{entry.action} by {entry.actor}"
        yield Moment(at=entry.at, kind="audit", subject=entry.subject, text=text, facts=entry.facts)


def _moves(story: Story) -> Iterator[Moment]:
    machines = {
        "payment_order": [order.pk for order in story.orders],
        "attempt": [attempt.pk for attempt in story.attempts],
        "instruction": [told.pk for told in story.instructions],
        "surplus": [surplus.pk for surplus in story.surpluses],
        "refund": [refund.pk for refund in story.refunds],
        "dispute": [dispute.pk for dispute in story.disputes],
        "dispute_evidence": [evidence.pk for evidence in story.evidence],
        "evidence_file": [file.pk for file in story.files],
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


def webhooks_of(story: Story) -> list[WebhookEvent]:
    """Return what the provider told of a payment, in the order in which it came."""
    objects = [surplus.charge_ref for surplus in story.surpluses] + [one.psp_ref for one in story.surpluses]
    objects += [refund.psp_ref for refund in story.refunds] + [dispute.psp_ref for dispute in story.disputes]
    return events_about(attempts=story.attempts, objects=objects)


def _webhooks(told: Iterable[WebhookEvent]) -> Iterator[Moment]:
    for row in told:
        waits = f": {row.waiting_for}" if row.waiting_for else ""
        text = f"{row.type} about {row.object_id} came as a {row.source}; {row.state}{waits}"
        yield Moment(at=row.received_at, kind="webhook", subject=row.event_id, text=text)


def _entries(checkout: Checkout) -> Iterator[Moment]:
    for entry in entries_about(subjects=[f"checkout:{checkout.pk}"]):
        lines = [{"account": line["account"], "debit": line["amount"].text} for line in entry["lines"]]
        text = f"{entry['recipe']} {entry['reference']}"
        facts = {"currency": checkout.currency, "lines": lines}
        yield Moment(at=entry["recorded_at"], kind="journal", subject=str(entry["id"]), text=text, facts=facts)


def _keys_of_jobs(story: Story, told: Iterable[WebhookEvent], messages: Iterable[StorefrontEvent]) -> list[str]:
    """Return what the keys of a payment's jobs are, or begin with."""
    rows = (*story.orders, *story.attempts, *story.instructions, *story.surpluses, *story.refunds)
    keys = [story.checkout.pk, *(row.pk for row in (*rows, *story.disputes, *story.evidence, *story.files))]
    # One that is sent back once more is keyed by what the provider knows it by.
    keys += [f"surplus:{surplus.pk}" for surplus in story.surpluses]
    keys += [f"{row.psp}:{row.event_id}" for row in told]
    return keys + [delivery.pk for message in messages for delivery in message.deliveries.all()]


def _jobs(jobs: Iterable[Any]) -> Iterator[Moment]:
    for job in jobs:
        due = f", due {job.next_at:%Y-%m-%d %H:%M:%S}" if job.state == "todo" else ""
        problem = f": {job.last_error}" if job.last_error else ""
        text = f"{job.kind} {job.key} is {job.state} after {job.attempts} attempts{due}{problem}"
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
