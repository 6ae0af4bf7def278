"""What can break beside the straight way: paid twice, replaced, refused late, refunded elsewhere, run out, given up."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone

from operations.models import Job
from payments.models import Attempt, Checkout, PaymentOrder, Refund, StorefrontEvent, Surplus
from payments.services import tidy_up
from tests.faults.processes import run
from tests.faults.story import INBOX, JOBS, SOLD, Story, charges, judge_books, make_known
from tests.flows.test_a_review import HELD_FOR_REVIEW
from tests.flows.test_carts_that_change import replace
from tests.payments.faults import rule
from tests.payments.test_fees import fee_later
from tests.payments.test_refunds_elsewhere import refund_at_provider
from tests.world import World

NOBODYS = {
    "unidentified_received": """
        debit   psp:stripe:clearing   100.00 EUR
        credit  suspense:unidentified 100.00 EUR
    """,
    "unidentified_returned": """
        debit   suspense:unidentified 100.00 EUR
        credit  psp:stripe:clearing   100.00 EUR
    """,
    "provider_fee_charged": SOLD["provider_fee_charged"],
}
LONG_AGO = timedelta(hours=21)


class Detour(Story):
    """A way that few payments take."""

    detour = True


class PaidTwice(Detour):
    """The provider did not show the first page, so there is a second one, and the buyer pays both."""

    name = "paid-twice"
    writes = ("refund.create",)
    reads = ("refund.list", "refund.retrieve", "checkout.session.retrieve")
    transactions = ("payments.record_facts", "surplus.claim", "surplus.record")
    calls = ("checkout.fetch", "refund.find", "refund.create", "refund.fetch")
    acts = ("refund.create",)
    by_webhook = ()
    repeated = (*JOBS, *INBOX, "surplus.record")

    def prepare(self, world: World) -> None:
        """Sell on the second page."""
        make_known(world)
        unlisted = {"op": "checkout.session.list", "action": "empty_list", "times": 0}
        world.provider.plan([rule("checkout.session.create", "cut after"), unlisted])
        world.order("cart-1", {"ann": "100.00"})
        world.work(later=LONG_AGO)
        world.work(later=LONG_AGO + timedelta(minutes=1))
        world.provider.plan([])
        world.buyer.pay(url=str(Attempt.objects.get(number=2).page_url))
        world.settle()
        assert world.status("cart-1.ann") == "SUCCESS"

    def go(self, world: World) -> Any:
        """Pay the first page, too."""
        for session in world.provider.ledger()["sessions"]:
            if session["status"] == "open":
                world.buyer.pay(url=f"{world.provider.base_url}/c/pay/{session['id']}")

    def ended(self, world: World) -> bool:
        """Ask what the shop was told."""
        return StorefrontEvent.objects.filter(type="payment.double_returned").exists()

    def judge(self, world: World) -> None:
        """Two charges, of which one was given back, once; the sale stands."""
        assert sorted(charges(world)) == [("succeeded", 10_000, 0), ("succeeded", 10_000, 10_000)]
        assert [refund["amount"] for refund in world.provider.ledger()["refunds"]] == [10_000]
        assert [surplus.state for surplus in Surplus.objects.all()] == ["returned"]
        assert world.status("cart-1.ann") == "SUCCESS"
        # The provider charged a fee for each.
        judge_books({**SOLD, **NOBODYS}, entries=5)


class Replaced(Detour):
    """The shop replaces a cart whose page is open, and the buyer pays the new page."""

    name = "replaced"
    writes = ("checkout.session.expire", "checkout.session.create")
    reads = ("checkout.session.retrieve", "checkout.session.list")
    transactions = (
        "carts.intend",
        "instructions.claim",
        "payments.record_facts",
        "payments.risk_verdict",
        "payments.record_registration",
    )
    calls = ("checkout.expire", "checkout.fetch", "checkout.register")
    acts = ("checkout.expire", "checkout.register")
    shared = (*JOBS, *INBOX, "payments.answer")
    repeated = (*JOBS, *INBOX, "payments.record_facts", "checkout.fetch")

    def prepare(self, world: World) -> None:
        """Open the page."""
        make_known(world)
        world.order("cart-1", {"ann": "100.00"})
        world.settle()

    def go(self, world: World) -> Any:
        """Replace the cart, under the one key, and pay the page that there is in the end."""
        answer = replace(world, "70.00")
        if answer.status_code == 200 and world.status("cart-1.ann.2") == "EXECUTING":
            world.pay(answer)
        return answer

    def ended(self, world: World) -> bool:
        """Ask for the payment, and for the answer."""
        return world.status("cart-1.ann.2") == "SUCCESS" and replace(world, "70.00").status_code == 200

    def judge(self, world: World) -> None:
        """The old page closed and never paid; one new page, one charge, of the new amount, booked once."""
        assert [session["status"] for session in world.provider.ledger()["sessions"]] == ["expired", "complete"]
        assert charges(world) == [("succeeded", 7_000, 0)]
        assert (world.status("cart-1.ann"), world.status("cart-1.ann.2")) == ("CANCELED", "SUCCESS")
        assert PaymentOrder.objects.count() == Attempt.objects.count() == 2
        judge_books(
            {
                "payment_captured": """
                    debit   psp:stripe:clearing   70.00 EUR
                    credit  seller:ann:pending    63.00 EUR
                    credit  platform:commission    7.00 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees        2.33 EUR
                    credit  psp:stripe:clearing    2.33 EUR
                """,
            }
        )
        assert replace(world, "70.00").headers["Idempotent-Replayed"] == "true"


class RefusedLate(Detour):
    """The provider looks at a payment that it took, and refuses it: it gives the money back by itself."""

    name = "review"
    writes = ()
    reads = ("checkout.session.retrieve", "refund.list", "refund.retrieve")
    transactions = ("payments.record_facts", "surplus.claim", "surplus.record", "webhooks.parked")
    calls = ("checkout.fetch", "refund.find", "refund.fetch")
    acts = ()
    repeated = (*JOBS, *INBOX)

    def prepare(self, world: World) -> None:
        """Have a payment held for review."""
        make_known(world)
        world.pay(world.order("cart-1", {"ann": "100.00"}), card=HELD_FOR_REVIEW)
        world.settle()
        assert world.status("cart-1.ann") == "IN_REVIEW"

    def go(self, world: World) -> Any:
        """Let the provider decide."""
        for review in world.provider.ledger()["reviews"]:
            if review["open"]:
                world.provider.decide_review(review["id"], approve=False)

    def ended(self, world: World) -> bool:
        """Ask for the payment, and whether nobody's money is left."""
        left = Surplus.objects.exclude(state="returned").exists()
        return world.status("cart-1.ann") == "FAILED" and not left

    def judge(self, world: World) -> None:
        """No sale; what was taken is back with the buyer, and was nobody's in between."""
        assert charges(world) == [("succeeded", 10_000, 10_000)]
        assert [refund["amount"] for refund in world.provider.ledger()["refunds"]] == [10_000]
        assert [surplus.state for surplus in Surplus.objects.all()] == ["returned"]
        assert StorefrontEvent.objects.filter(type="payment.failed").count() == 1
        judge_books(NOBODYS)


class RefundedElsewhere(Detour):
    """Somebody gives 25.00 back in the provider's dashboard."""

    name = "refund-elsewhere"
    writes = ()
    reads = ("refund.retrieve",)
    # What was given back there only the provider can say.
    unchecked = reads
    transactions = ("refunds.adopt",)
    calls = ("refund.fetch",)
    acts = ()
    repeated = ()

    def prepare(self, world: World) -> None:
        """Sell."""
        make_known(world)
        world.sell("cart-1", {"ann": "100.00"})

    def go(self, world: World) -> Any:
        """Give it back there, once."""
        if not world.provider.ledger()["refunds"]:
            refund_at_provider(world, 2_500)

    def ended(self, world: World) -> bool:
        """Ask what is refunded of the payment."""
        return bool(world.shop.get("/v1/payments/cart-1.ann").json()["refunded"] == "25.00")

    def judge(self, world: World) -> None:
        """Booked once, as one of ours is."""
        assert charges(world) == [("succeeded", 10_000, 2_500)]
        assert [(refund.state, refund.amount_minor) for refund in Refund.objects.all()] == [("succeeded", 2_500)]
        assert world.shop.get("/v1/payments/cart-1.ann").json()["refunded"] == "25.00"
        judge_books(
            {
                **SOLD,
                "refund_succeeded": """
                    debit   seller:ann:pending    22.50 EUR
                    debit   platform:commission    2.50 EUR
                    credit  psp:stripe:clearing   25.00 EUR
                """,
            }
        )


class RunOut(Detour):
    """Nobody paid a page, and its time is over."""

    name = "run-out"
    writes, reads = ("checkout.session.expire",), ("checkout.session.retrieve",)
    transactions = ("checkouts.expire", "instructions.claim", "payments.record_facts")
    calls = ("checkout.expire", "checkout.fetch")
    acts = ("checkout.expire",)
    repeated = (*JOBS, "payments.record_facts", "checkout.fetch")

    def prepare(self, world: World) -> None:
        """Open the page, and let its time pass."""
        make_known(world)
        world.order("cart-1", {"ann": "100.00"})
        world.settle()
        Checkout.objects.update(expires_at=timezone.now() - timedelta(hours=1))

    def go(self, world: World) -> Any:
        """Let the janitor make its round."""
        run(lambda: tidy_up(now=timezone.now()))

    def ended(self, world: World) -> bool:
        """Ask for the payment."""
        return world.status("cart-1.ann") == "EXPIRED"

    def judge(self, world: World) -> None:
        """Closed there before it is over here; nothing was taken."""
        assert [session["status"] for session in world.provider.ledger()["sessions"]] == ["expired"]
        assert world.provider.ledger()["payment_intents"] == []
        assert world.status("cart-1.ann") == "EXPIRED"
        assert StorefrontEvent.objects.filter(type="payment.expired").count() == 1
        judge_books({})


class GivenUp(Detour):
    """A page was asked for, and the provider never heard of it; by now the key is too old to ask again under it."""

    name = "given-up"
    # The second page is made at once: the provider's clock stands still, so its list from that hour on is empty.
    writes, reads = (), ("checkout.session.list",)
    transactions = ("payments.give_up",)
    calls = ("checkout.find",)
    acts = ()
    shared = JOBS
    repeated = ()
    # With a key that old a person is asked as well, and the provider once an hour.
    pace = timedelta(hours=1)

    def prepare(self, world: World) -> None:
        """Ask for the page, and let the key's time pass."""
        make_known(world)
        world.provider.plan([rule("checkout.session.create", "cut before")])
        world.order("cart-1", {"ann": "100.00"})
        Attempt.objects.update(sent_at=timezone.now() - LONG_AGO)
        Job.objects.filter(kind="payments.register_attempt").update(next_at=timezone.now())

    def go(self, world: World) -> Any:
        """Pay the page once there is one."""
        if world.status("cart-1.ann") == "EXECUTING":
            world.buyer.pay(url=str(Attempt.objects.get(state="pending").page_url))

    def ended(self, world: World) -> bool:
        """Ask for the payment."""
        return world.status("cart-1.ann") == "SUCCESS"

    def judge(self, world: World) -> None:
        """One page, of the second attempt, paid once; the first was given up."""
        assert [session["status"] for session in world.provider.ledger()["sessions"]] == ["complete"]
        assert charges(world) == [("succeeded", 10_000, 0)]
        states = Attempt.objects.order_by("number").values_list("state", flat=True)
        assert list(states) == ["abandoned", "succeeded"]
        judge_books(SOLD)


class FeeToldLate(Detour):
    """A sale was booked with the fee that was expected; now the provider says what it was."""

    name = "fee"
    under: ClassVar[Mapping[str, Any]] = {"PROVIDER_FEE_RATES": {"EUR": (250, 25)}}
    writes, reads = (), ("checkout.session.retrieve",)
    transactions = ("fees.true_up",)
    calls = ("checkout.fetch",)
    acts = ()
    shared = JOBS
    repeated = ()
    tells = False

    def prepare(self, world: World) -> None:
        """Sell while the fee is not known, and let a minute pass."""
        make_known(world)
        world.provider.plan([fee_later()])
        world.sell("cart-1", {"ann": "100.00"})
        Job.objects.filter(kind="payments.true_up_fee").update(next_at=timezone.now())

    def go(self, world: World) -> Any:
        """Do nothing: neither shop nor buyer has a part in it."""

    def ended(self, world: World) -> bool:
        """Look at what is kept of the fee."""
        return Attempt.objects.get().fee_known

    def judge(self, world: World) -> None:
        """The difference is booked, once."""
        assert charges(world) == [("succeeded", 10_000, 0)]
        assert Attempt.objects.get().fee_minor == 320
        judge_books(
            {
                "payment_captured": SOLD["payment_captured"],
                "provider_fee_estimated": """
                    debit   psp:stripe:fees        2.75 EUR
                    credit  psp:stripe:clearing    2.75 EUR
                """,
                "provider_fee_trued_up": """
                    debit   psp:stripe:fees        0.45 EUR
                    credit  psp:stripe:clearing    0.45 EUR
                """,
            }
        )


DETOURS: tuple[Story, ...] = (
    PaidTwice(),
    Replaced(),
    RefusedLate(),
    RefundedElsewhere(),
    RunOut(),
    GivenUp(),
    FeeToldLate(),
)
