"""What the matrix does not crash, each with its reason."""

_ADMINISTRATIVE = "a person's or a shop's act beside the payment: one transaction, repeated by whoever did it"
_QUESTION = "asks a person, where recovery has come to its end or after hours: one transaction, asked once"
_NO_MONEY = "one transaction that keeps or tells something, and moves no money"
_PAY_OUT = "not pay-in"
_READ = "read only, and asked again at its next time"
_REFUSED = "passed where the provider refused: one transaction, and the request or its job comes to it again"
_AGAIN = "one transaction of a job, which comes to it again and looks, locked, at what it would move"

LEFT_OUT = {
    "balance.fetch": _READ,
    "dispute.find": "only for a provider that tells of disputes by the charge alone, which Stripe does not",
    "disputes.warn": _NO_MONEY,
    "endpoints.create": _ADMINISTRATIVE,
    "endpoints.delete": _ADMINISTRATIVE,
    "endpoints.rotate": _ADMINISTRATIVE,
    "endpoints.update": _ADMINISTRATIVE,
    "event.list": "how recovery hears of what no webhook told: read only, and asked again",
    "events.drop": _NO_MONEY,
    "events.record": _NO_MONEY,
    "events.resend": _ADMINISTRATIVE,
    "events.resend_delivery": _ADMINISTRATIVE,
    "instructions.ask_person": _QUESTION,
    "instructions.let_go": _REFUSED,
    "instructions.refused": _REFUSED,
    "janitor.ask_person": _QUESTION,
    "janitor.revive": "only after a failure that nobody thought of: the matrix asserts that there is none",
    "jobs.discard": _ADMINISTRATIVE,
    "jobs.line": _NO_MONEY,
    "jobs.replay": _ADMINISTRATIVE,
    "payments.ask_person": _QUESTION,
    "payments.buyer_returned": _NO_MONEY,
    "payments.not_sent": "passed where nothing was sent: one transaction that frees the key",
    "payments.pass_on": "passed where nothing was sent: one transaction, and the job of either attempt goes on",
    "payments.refused": _REFUSED,
    "payments.watch_authorization": _NO_MONEY,
    "sellers.agree": _ADMINISTRATIVE,
    "sellers.look_after": _NO_MONEY,
    "refund.list": "only for a provider that tells of refunds by the payment alone, which Stripe does not",
    "statement.fetch": _READ,
    "statement.span": _READ,
    "surplus.again": _ADMINISTRATIVE,
    "surplus.ask_person": _QUESTION,
    "surplus.elsewhere": _AGAIN,
    "transfer.create": _PAY_OUT,
    "transfer.fetch": _PAY_OUT,
    "transfer.find": _PAY_OUT,
    "webhooks.forget": _NO_MONEY,
    "webhooks.listed": "how recovery hears of what no webhook told: listed again from the last time on",
    "webhooks.replay": _ADMINISTRATIVE,
}
