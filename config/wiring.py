"""The switchboard: every asynchronous entrance of the system, on one page.

Rooms store kinds as strings; here stands who answers for each. A system check resolves every name.
"""

from datetime import timedelta

from operations.jobs.policy import ASK_THE_PROVIDER, RetryPolicy

# A checkout stays payable for a day, and the money may then be on its way for weeks: a debit takes 14 business days, a
# voucher is paid within 60 days. It is polled at growing intervals for as long.
_POLL = RetryPolicy(base_s=60, cap_s=1800, attempts=500)

# A shop that is down for days still gets its messages. How many tries a message has is the message's own count
# (payments.services.events): an endpoint that takes nothing fills its log, not the dead letters.
_TELL = RetryPolicy(base_s=5, cap_s=6 * 3600, attempts=100, later_only=True, in_line=True)

# What is not known here yet may become so; after three days, when the provider too gives up, a person looks.
_EVENT = RetryPolicy(base_s=2, cap_s=3600, attempts=80, patience=timedelta(days=3))
# What takes weeks at the provider is asked for a few times a day, for half a year.
_LATER = RetryPolicy(base_s=300, cap_s=6 * 3600, attempts=750)

# Durable jobs: kind -> function(**args, now).
JOBS = {
    "payments.register_attempt": "payments.services.register_attempt",
    "payments.sync_attempt": "payments.services.sync_attempt",
    "payments.carry_out": "payments.services.carry_out",
    "payments.watch_authorization": "payments.services.watch_authorization",
    "payments.send_back": "payments.services.send_back",
    "payments.handle_event": "payments.services.handle_event",
    "payments.send_refund": "payments.services.send_refund",
    "payments.poll_refund": "payments.services.poll_refund",
    "payments.poll_surplus": "payments.services.poll_surplus",
    "payments.true_up_fee": "payments.services.true_up_fee",
    "payments.settle_refund": "payments.services.settle_refund",
    "payments.sync_dispute": "payments.services.sync_dispute",
    "payments.send_evidence": "payments.services.send_evidence",
    "payments.send_evidence_file": "payments.services.send_evidence_file",
    "payments.warn_of_deadline": "payments.services.warn_of_deadline",
    "payments.open_seller_account": "payments.services.open_seller_account",
    "payments.watch_seller_account": "payments.services.watch_seller_account",
    "payments.sync_seller_account": "payments.services.sync_seller_account",
    "payments.deliver_event": "payments.services.deliver_event",
    "payouts.send_payout": "payouts.services.send_payout",
    "payouts.confirm_payout": "payouts.services.confirm_payout",
    "payouts.release_again": "payouts.services.release_again",
}

RETRY_POLICIES = {
    "payments.register_attempt": ASK_THE_PROVIDER,
    "payments.sync_attempt": _POLL,
    "payments.handle_event": _EVENT,
    "payments.carry_out": ASK_THE_PROVIDER,
    "payments.watch_authorization": _POLL,
    "payments.send_back": ASK_THE_PROVIDER,
    "payments.send_refund": ASK_THE_PROVIDER,
    "payments.poll_refund": _LATER,
    "payments.poll_surplus": _LATER,
    "payments.true_up_fee": _LATER,
    "payments.settle_refund": _LATER,
    "payments.sync_dispute": _LATER,
    "payments.warn_of_deadline": _LATER,
    "payments.send_evidence": ASK_THE_PROVIDER,
    "payments.send_evidence_file": ASK_THE_PROVIDER,
    "payments.open_seller_account": ASK_THE_PROVIDER,
    "payments.watch_seller_account": _LATER,
    "payments.sync_seller_account": ASK_THE_PROVIDER,
    "payments.deliver_event": _TELL,
    "payouts.send_payout": ASK_THE_PROVIDER,
    "payouts.confirm_payout": ASK_THE_PROVIDER,
}

# Webhooks of the provider: event type -> function(event, now). Other types are kept and not acted on.
PSP_EVENTS = {
    "checkout.session.completed": "payments.services.webhooks.checkout_changed",
    "checkout.session.async_payment_succeeded": "payments.services.webhooks.checkout_changed",
    "checkout.session.async_payment_failed": "payments.services.webhooks.checkout_changed",
    "checkout.session.expired": "payments.services.webhooks.checkout_changed",
    "payment_intent.requires_action": "payments.services.webhooks.checkout_changed",
    "payment_intent.payment_failed": "payments.services.webhooks.checkout_changed",
    "payment_intent.canceled": "payments.services.webhooks.checkout_changed",
    "charge.captured": "payments.services.webhooks.checkout_changed",
    "review.closed": "payments.services.webhooks.review_closed",
    "refund.created": "payments.services.webhooks.refund_changed",
    "refund.updated": "payments.services.webhooks.refund_changed",
    "refund.failed": "payments.services.webhooks.refund_changed",
    "charge.dispute.created": "payments.services.disputes.dispute_changed",
    "charge.dispute.updated": "payments.services.disputes.dispute_changed",
    "charge.dispute.closed": "payments.services.disputes.dispute_changed",
    "charge.dispute.funds_withdrawn": "payments.services.disputes.dispute_changed",
    "charge.dispute.funds_reinstated": "payments.services.disputes.dispute_changed",
    "mollie.payment.changed": "payments.services.webhooks.payment_changed",
    "account.updated": "payments.services.webhooks.account_changed",
    "account.external_account.created": "payments.services.webhooks.account_changed",
    "account.external_account.updated": "payments.services.webhooks.account_changed",
    "account.external_account.deleted": "payments.services.webhooks.account_changed",
    "transfer.created": "payouts.services.transfer_changed",
    "transfer.updated": "payouts.services.transfer_changed",
    "transfer.reversed": "payouts.services.transfer_changed",
}

# Two-person decisions: kind -> what is done when a second person grants, or rejects, it.
APPROVALS = {
    "ledger.manual_journal": "ledger.services.post_journal",
    "payments.refund": "payments.services.approve_refund",
    "payments.risk_review": "payments.services.accept_risk",
    "payouts.batch": "payouts.services.approve_batch",
}
REJECTIONS = {
    "ledger.manual_journal": "ledger.services.reject_journal",
    "payments.refund": "payments.services.reject_refund",
    "payments.risk_review": "payments.services.refuse_risk",
    "payouts.batch": "payouts.services.cancel_batch",
}

# What is watched, under the code of its alert -> function(now) -> readings. A wrong one is a question for people.
ALERTS = {
    "operations.jobs_late": "operations.alerts.jobs_late",
    "operations.dead_letters": "operations.alerts.dead_letters",
    "payments.orders_stuck": "payments.alerts.orders_in_flight",
    "payments.acceptance_fell": "payments.alerts.acceptance_fell",
    "payments.provider_unanswered": "payments.alerts.providers_unanswered",
    "payments.webhooks_parked": "payments.alerts.webhooks_parked",
    "payments.webhooks_missed": "payments.alerts.webhooks_missed",
}

# How the console calls what a subject (kind:id) is about: kind -> function(keys) -> names by id.
SUBJECT_NAMES = {"seller": "payments.selectors.seller_names"}

# What is noted outside of every transaction and written with the next one: kind -> function(facts).
WRITTEN_ALONG = {
    "payments.provider_call": "payments.services.calls.write_calls",
    "payments.event_handled": "payments.services.inbox.write_handled",
}

# Checks of a payment before it is executed: kind -> function(question) -> verdict. RISK_CHECK names the one in use.
RISK_CHECKS = {"accept": "payments.risk.accept", "lists": "payments.risk.by_lists"}

# Settlement files: format -> parser(bytes) -> lines, or all errors by line.
STATEMENT_FORMATS = {"stripe_activity_csv": "reconciliation.parsers.stripe_reports.parse"}

# Payment providers: name -> factory(settings).
GATEWAYS = {
    "stripe": "payments.gateway.stripe_adapter.make",
    "mollie": "payments.gateway.mollie_adapter.make",
}
