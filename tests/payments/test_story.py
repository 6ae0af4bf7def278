"""One payment's whole story, from any id that somebody has in hand."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from payments.models import Attempt, Checkout, PaymentOrder, Refund, Seller, WebhookEvent
from tests.snapshot import nothing_changes
from tests.world import World


def inspect(any_id: str, *options: str) -> str:
    out = StringIO()
    call_command("payments_inspect", any_id, *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def refunded(world: World, ann: Seller) -> Checkout:
    """A sale of ann's that was paid, and then refunded in part."""
    checkout = world.sell("cart-1", {"ann": "100.00"})
    body = {"payment_order_id": "cart-1.ann", "amount": "30.00", "currency": "EUR", "reason": "one lamp was broken"}
    assert world.shop.post("/v1/refunds", body, key="refund-1").status_code == 201
    world.settle()
    return checkout


class TestPaymentsInspect:
    def test_finds_the_payment_by_anybodys_id(self, refunded: Checkout) -> None:
        attempt, order, refund = Attempt.objects.get(), PaymentOrder.objects.get(), Refund.objects.get()
        event = WebhookEvent.objects.filter(type="checkout.session.completed").get()
        ids = [refunded.pk, order.pk, attempt.pk, refund.pk, "cart-1", "cart-1.ann", event.event_id]
        ids += [str(ref) for ref in (attempt.psp_ref, attempt.payment_ref, attempt.charge_ref, refund.psp_ref)]

        found = {any_id: json.loads(inspect(any_id, "--json"))["checkout"]["id"] for any_id in ids}

        assert found == dict.fromkeys(ids, refunded.pk)

    def test_tells_everything_in_the_order_in_which_it_happened(self, refunded: Checkout) -> None:
        told = json.loads(inspect("cart-1", "--json"))

        story = told["story"]
        assert [moment["at"] for moment in story] == sorted(moment["at"] for moment in story)
        assert {moment["kind"] for moment in story} >= {"checkout", "state", "webhook", "journal", "job", "event"}
        texts = [moment["text"] for moment in story]
        assert texts[0] == "the storefront acme created cart-1 over 100.00 EUR"
        assert "payment_order EXECUTING → SUCCESS by psp:stripe" in texts
        assert any(text.startswith("refund_succeeded") for text in texts)
        assert "payment.succeeded for the storefront: no endpoint wanted it" in texts
        [refund] = told["refunds"]
        assert (refund["amount"], refund["state"]) == ("30.00", "succeeded")

    def test_prints_journal_entries_as_debits_and_credits(self, refunded: Checkout) -> None:
        charge = Attempt.objects.get().charge_ref

        lines = inspect("cart-1").splitlines()

        [first] = [number for number, line in enumerate(lines) if line.endswith(f"payment_captured {charge}")]
        assert [line.split() for line in lines[first + 1 : first + 4]] == [
            ["psp:stripe:clearing", "Dr", "100.00", "EUR"],
            [f"seller:{PaymentOrder.objects.get().seller_id}:pending", "Cr", "90.00", "EUR"],
            ["platform:commission", "Cr", "10.00", "EUR"],
        ]

    def test_changes_nothing(self, refunded: Checkout) -> None:
        with nothing_changes():
            inspect("cart-1")

    @pytest.mark.parametrize("any_id", ["chk_nobody", "evt_nobody", "", "%", "' OR 1=1 --"])
    def test_says_when_nothing_here_has_the_id(self, refunded: Checkout, any_id: str) -> None:
        with pytest.raises(CommandError, match="Nothing here has the id"):
            inspect(any_id)
