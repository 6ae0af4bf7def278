"""`manage.py payments_inspect ID`: one payment's whole story."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.errors import UnknownPayment
from payments.story import Moment, Story, story


class Command(BaseCommand):
    """Print everything that is known of one payment, in the order in which it happened."""

    help = (
        "Print one payment's whole story: the checkout, its orders, attempts, refunds and disputes as they stand, and "
        "then everything that happened to them, oldest first: moves with who made them and why, webhooks, journal "
        "entries with their lines, jobs, messages to the storefront, decisions. ID may be anybody's: ours (chk_, ord_, "
        "att_, rfd_, dsp_), the storefront's checkout or payment order, or the provider's (cs_, pi_, ch_, re_, du_, "
        "evt_). It reads only. Exit status 1: nothing here has that id."
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
            }
            for attempt in found.attempts
        ],
        "refunds": [_reversal(refund) for refund in found.refunds],
        "disputes": [_reversal(dispute) for dispute in found.disputes],
        "story": [{**vars(moment), "at": moment.at.isoformat()} for moment in found.moments],
    }


def _reversal(row: Any) -> dict[str, Any]:
    return {"id": row.pk, "psp_ref": row.psp_ref, "amount": row.amount.text, "state": row.state}


def _words(found: Story) -> str:
    facts = _facts(found)
    lines = [_line(facts["checkout"])]
    for kind in ("orders", "attempts", "refunds", "disputes"):
        lines += [f"  {kind[:-1]:8} {_line(row)}" for row in facts[kind]]
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
        return [indent + _line(moment.facts)] if moment.facts else []
    rows = [(line["account"], line["debit"]) for line in moment.facts["lines"]]
    width = max(len(account) for account, _ in rows)
    return [
        f"{indent}{account:{width}}  {'Cr' if debit.startswith('-') else 'Dr'} {debit.lstrip('-'):>12}"
        f" {moment.facts['currency']}"
        for account, debit in rows
    ]
