"""What to do about each kind of question, and where: the runbook in a sentence, on the question's own page.

Kinds and pages of higher rooms stand here as strings, as they do in the rows.
"""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html

from operations.admin_display import Cell


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What to do, and the page where it is done: its address by name, a query, and what to call it."""

    say: str
    page: str = ""
    query: str = ""
    called: str = ""


_REPLAY = "Mend what the last error says, then replay the job on its page."
_DEAD = {"page": "operations_job_changelist", "query": "?state__exact=dead", "called": "Dead letters"}
_WRITE = {"page": "ledger_manualjournal_write", "called": "New manual journal"}
_CALLS = {"page": "payments_providercall_changelist", "called": "Calls to providers"}

GUIDES = {
    "operations.dead_letters": Guide(say=_REPLAY, **_DEAD),
    "operations.jobs_late": Guide(
        say="See that workers and the scheduler run; each job tells since when it is due.",
        page="operations_job_changelist",
        query="?state__exact=todo&o=5",
        called="Jobs to do",
    ),
    "payments.stuck": Guide(say=_REPLAY, **_DEAD),
    "payments.orders_stuck": Guide(
        say="See whom the payments wait for, and what the provider last answered.",
        page="payments_paymentorder_changelist",
        query="?state__in=NOT_STARTED,EXECUTING,UNKNOWN",
        called="Payments without an outcome",
    ),
    "payments.acceptance_fell": Guide(
        say="See which currency and which class of refusals it is, and ask the provider.",
        page="payments_providercall_acceptance",
        called="Acceptance",
    ),
    "payments.provider_unanswered": Guide(say="See which calls, and whether the provider reports trouble.", **_CALLS),
    "payments.webhooks_parked": Guide(
        say="See what each waits for; it is acted on again once that is known here.",
        page="payments_webhookevent_changelist",
        query="?state__exact=parked",
        called="Parked webhooks",
    ),
    "payments.webhooks_missed": Guide(
        say="What was missed is taken in already. See that the provider has our address, and that it answers.",
        page="payments_eventlisting_changelist",
        called="Webhooks compared",
    ),
    "payments.provider_unclear": Guide(
        say="Look our reference up at the provider. We ask on every hour, and the question closes by itself.", **_CALLS
    ),
    "payments.instruction_unclear": Guide(
        say="Look the payment up at the provider. We ask on, and the question closes by itself.", **_CALLS
    ),
    "payments.refund_failed": Guide(
        say="The buyer does not have the money, and nothing is sent by itself. Ask the shop to refund again or to name "
        "another way; then close the question."
    ),
    "payments.refund_elsewhere": Guide(
        say="Ask whoever made it whose sale it takes back, and book it as a manual journal, on the provider's clearing "
        "account with the refund's id as item. The question then closes by itself.",
        **_WRITE,
    ),
    "payments.surplus_stuck": Guide(
        say="Send it back again on its page; where the buyer's bank refused it, send it another way and book that as a "
        "manual journal from suspense:unidentified.",
        page="payments_surplus_changelist",
        query="?state__exact=failed",
        called="Paid twice, not sent back",
    ),
    "payments.settlement_unclear": Guide(
        say="Look the balance transaction up at the provider, and book the exchange as a manual journal in both "
        "currencies, under the provider's object as item.",
        **_WRITE,
    ),
}


def what_to_do(kind: str) -> list[Cell]:
    """Return what to do about a kind of question, and a link to where; nothing for a kind that has no guide."""
    guide = GUIDES.get(kind)
    if guide is None:
        return []
    if not guide.page:
        return [guide.say]
    address = reverse(f"admin:{guide.page}") + guide.query
    return [format_html('{} <a class="cf-link" href="{}">{}</a>', guide.say, address, guide.called)]
