"""`manage.py payments_inspect ID`: one payment's whole story."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.errors import UnknownPayment
from payments.models import EvidenceFile, Instruction
from payments.story import Moment, Story, story

_SINGULAR = {"surpluses": "surplus", "evidence": "evidence"}


class Command(BaseCommand):
    """Print everything that is known of one payment, in the order in which it happened."""

    help = (
        "Print one payment's whole story: the checkout, its orders, attempts, instructions, surpluses, refunds and "
        "disputes with their evidence as they stand, each open one with whom it waits for and since when, and then "
        "everything that happened to them, oldest first: moves with who made them and why, calls to the provider and "
        "what came back (the bodies with --json), webhooks, journal entries with their lines, jobs, messages to the "
        "storefront, questions for people, decisions. ID may be anybody's: ours (chk_, ord_, att_, ins_, sur_, rfd_, "
        "dsp_, evi_, evf_, evt_, dlv_), the storefront's checkout or payment order, the provider's (cs_, pi_, ch_, "
        "re_, du_, prv_, file_, evt_, or what it calls an attempt after us, as chk_…:2), or a journal entry's "
        "reference. It reads only. Exit status 1: nothing here has that id."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("id", help="any id that belongs to the payment")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find and print."""
        try:
            found = story(any_id=options["id"])
        except UnknownPayment as error:
            raise CommandError(f"Nothing here has the id {options['id']}.") from error
        self.stdout.write(json.dumps(_facts(found), indent=2, ensure_ascii=False) if options["json"] else _words(found))


def _facts(found: Story) -> dict[str, Any]:
    checkout = found.checkout
    return {
        "checkout": {
            "id": checkout.pk,
            "storefront": checkout.storefront_id,
            "checkout_id": checkout.checkout_id,
            "total": checkout.total.text,
            "currency": checkout.currency,
            "is_payment_done": checkout.is_payment_done,
            "created_at": checkout.created_at.isoformat(),
            "expires_at": checkout.expires_at.isoformat(),
        },
        "orders": [
            {
                "id": order.pk,
                "payment_order_id": order.payment_order_id,
                "seller": order.seller_id,
                "amount": order.amount.text,
                "commission": order.commission.text,
                "refunded": order.refunded.text,
                "state": order.state,
                **_waits(found, order.pk),
            }
            for order in found.orders
        ],
        "attempts": [
            {
                "id": attempt.pk,
                "number": attempt.number,
                "state": attempt.state,
                "psp": attempt.psp,
                "session": attempt.psp_ref,
                "payment": attempt.payment_ref,
                "charge": attempt.charge_ref,
                "last_error": attempt.last_error,
                **_waits(found, attempt.pk),
            }
            for attempt in found.attempts
        ],
        "instructions": [_instruction(found, told) for told in found.instructions],
        "surpluses": [_reversal(found, surplus) for surplus in found.surpluses],
        "refunds": [_reversal(found, refund) for refund in found.refunds],
        "disputes": [_reversal(found, dispute) for dispute in found.disputes],
        "evidence": [{**_handed_in(each), "final": each.final} for each in found.evidence],
        "files": [_file(each) for each in found.files],
        "story": [{**vars(moment), "at": moment.at.isoformat()} for moment in found.moments],
    }


def _reversal(found: Story, row: Any) -> dict[str, Any]:
    facts = {"id": row.pk, "psp_ref": row.psp_ref, "amount": row.amount.text, "state": row.state}
    return {**facts, **_waits(found, row.pk)}


def _instruction(found: Story, told: Instruction) -> dict[str, Any]:
    return {
        "id": told.pk,
        "kind": told.kind,
        "purpose": told.purpose,
        "amount": told.amount.text,
        "state": told.state,
        "last_error": told.last_error,
        **_waits(found, told.pk),
    }


def _file(file: EvidenceFile) -> dict[str, Any]:
    return {**_handed_in(file), "psp_ref": file.psp_ref, "kind": file.kind, "name": file.name, "size": file.size}


def _handed_in(row: Any) -> dict[str, Any]:
    facts = {"id": row.pk, "dispute": row.dispute_id, "state": row.state, "submitted_by": row.submitted_by}
    return {**facts, "last_error": row.last_error}


def _waits(found: Story, key: str) -> dict[str, Any]:
    waits = found.waits.get(key)
    return {"waiting": {"on": waits.on, "for": waits.what, "since": waits.since.isoformat()} if waits else None}


def _words(found: Story) -> str:
    facts = _facts(found)
    lines = [_line(facts["checkout"])]
    for kind in ("orders", "attempts", "instructions", "surpluses", "refunds", "disputes", "evidence", "files"):
        for row in facts[kind]:
            waits = row.pop("waiting", None)
            lines.append(f"  {_SINGULAR.get(kind, kind[:-1]):12} {_line(row)}")
            if waits:
                lines.append(f"  {'':12} waits for: {waits['on']}, {waits['for']}, since {waits['since'][:19]}")
    lines.append("")
    for moment in found.moments:
        lines.append(f"{moment.at:%Y-%m-%d %H:%M:%S}  {moment.kind:8} {moment.text}")
        lines += _below(moment)
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    return "  ".join(f"{name}={value}" for name, value in row.items() if value not in (None, ""))


def _below(moment: Moment) -> list[str]:
    """Return a journal entry's lines as a table, and of anything else the facts."""
    indent = " " * 30
    if moment.kind != "journal":
        facts = {name: value for name, value in moment.facts.items() if name != "body"}
        return [indent + _line(facts)] if facts else []
    rows = [(line["account"], line["debit"]) for line in moment.facts["lines"]]
    width = max(len(account) for account, _ in rows)
    return [
        f"{indent}{account:{width}}  {'Cr' if debit.startswith('-') else 'Dr'} {debit.lstrip('-'):>12}"
        f" {moment.facts['currency']}"
        for account, debit in rows
    ]
