"""What Mollie tells without a signature: believed in nothing, and not from everybody."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations.models import Job
from payments.models import Attempt, Seller, WebhookEvent
from payments.services import ListingFailed, sync_events
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie, webhook
from tests.snapshot import nothing_changes
from tests.world import World

__all__ = ["mollie"]

CREATE = "POST payments"
FORM = "application/x-www-form-urlencoded"
SOON = timedelta(seconds=30)


class TestAWebhook:
    @pytest.mark.parametrize("forged", ["", "nonsense", "chk_1.", ".0", "another", "ümläut.0"])
    def test_with_a_wrong_token_is_refused_and_makes_us_fetch_nothing(
        self, world: World, mollie: Mollie, ann: Seller, forged: str
    ) -> None:
        world.order("cart-1", {"ann": "100.00"})
        asked = len(mollie.calls)
        if forged == "another":
            good = mollie.only()["webhookUrl"].partition("token=")[2]
            forged = f"chk_another.{good.rpartition('.')[2]}"

        with nothing_changes():
            answer = webhook(world, mollie, mollie.only()["id"], token=forged)

        assert (answer.status_code, len(mollie.calls)) == (400, asked)

    def test_is_refused_where_no_secret_is_set_with_which_anybody_could_sign(self, world: World, settings: Any) -> None:
        settings.MOLLIE_WEBHOOK_SECRET = ""
        forged = "chk_1." + hmac.new(b"", b"webhook:chk_1", hashlib.sha256).hexdigest()

        with nothing_changes():
            answer = world.shop.client.post(f"/webhooks/mollie?token={forged}", "id=tr_1", FORM)

        assert answer.status_code == 400

    @pytest.mark.parametrize("body", [b"", b"id=", b"id=re_1", b"id=tr_1&id=tr_2", b"id=tr_../x", b"\xff", b"tr_1"])
    def test_that_makes_no_sense_is_refused(self, world: World, mollie: Mollie, ann: Seller, body: bytes) -> None:
        world.order("cart-1", {"ann": "100.00"})
        address = mollie.only()["webhookUrl"].partition("/webhooks/")[2]

        with nothing_changes():
            answer = world.shop.client.post(
                f"/webhooks/{address}", data=body, content_type="application/x-www-form-urlencoded"
            )

        assert answer.status_code == 400

    def test_is_believed_in_nothing(self, world: World, mollie: Mollie, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        assert world.status("cart-1.ann") == "EXECUTING"

    def test_of_a_burst_is_one_event_acted_on_after_the_second(
        self, world: World, mollie: Mollie, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.order("cart-1", {"ann": "100.00"})
        address = mollie.only()["webhookUrl"].partition("/webhooks/")[2]
        form = f"id={mollie.only()['id']}"
        moment = timezone.now().replace(microsecond=0)
        for tenth in range(5):
            monkeypatch.setattr(timezone, "now", lambda tenth=tenth: moment + timedelta(milliseconds=100 * tenth))
            assert world.shop.client.post(f"/webhooks/{address}", form, FORM).status_code == 200

        assert WebhookEvent.objects.get().event_id == f"{mollie.only()['id']}:{int(moment.timestamp())}"
        assert Job.objects.get(kind="payments.handle_event").next_at == moment + timedelta(seconds=1)

    def test_for_a_payment_that_was_given_up_counts_what_was_paid(
        self, world: World, mollie: Mollie, ann: Seller
    ) -> None:
        mollie.plan(CREATE, "cut after")
        world.order("cart-1", {"ann": "100.00"})
        hidden = mollie.forget()
        world.work(later=timedelta(minutes=61))
        mollie.payments |= hidden
        [first] = hidden
        mollie.pay(first)

        webhook(world, mollie, first)
        world.work(later=SOON)

        assert Attempt.objects.get(number=1).state == "succeeded"
        assert world.status("cart-1.ann") == "SUCCESS"

    def test_cannot_be_listed_which_is_said(self, world: World, mollie: Mollie) -> None:
        with pytest.raises(ListingFailed, match="a list of events"):
            sync_events(psp="mollie", actor="system:test", now=timezone.now())
