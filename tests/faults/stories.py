"""What can break: a sale, a capture, a release, a closed page, a refund, and evidence in a dispute.

Each story is told so that it may break anywhere and be told again: everything that shop and buyer do, they do once more
under the same key. What came of it is judged by the provider's own record first, and by our books second.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone

from ledger.selectors import count_entries
from ledger.services import verify_books
from operations.edges import money_tx
from operations.services import withdraw
from payments.models import Checkout, Dispute, DisputeEvidence, Instruction, Refund, Seller
from payments.services import tidy_up
from tests.ledger_text import assert_posted
from tests.payments.dispute_steps import TEXTS, hand_in, open_dispute
from tests.world import World

SELLER = {"seller_id": "ann", "name": "Ann", "country": "DE"}
Tables = Mapping[str, str]

SOLD: Tables = {
    "payment_captured": """
        debit   psp:stripe:clearing  100.00 EUR
        credit  seller:ann:pending    90.00 EUR
        credit  platform:commission   10.00 EUR
    """,
    "provider_fee_charged": """
        debit   psp:stripe:fees        3.20 EUR
        credit  psp:stripe:clearing    3.20 EUR
    """,
}
_JOBS = ("jobs.claim", "jobs.settle")
_INBOX = ("webhooks.receive",)


class Story:
    """One thing that a shop wants done, from before it was asked for to the end."""

    name: ClassVar[str]
    #: The provider's operations that go wrong at their first call: those that do something, and those that tell.
    writes: ClassVar[tuple[str, ...]]
    reads: ClassVar[tuple[str, ...]]
    #: The transactions and calls by which the story itself goes on, and those that it shares with every other.
    transactions: ClassVar[tuple[str, ...]]
    shared: ClassVar[tuple[str, ...]] = (*_JOBS, *_INBOX)
    calls: ClassVar[tuple[str, ...]]
    #: The calls that do something and are looked up before they are made again; what only a webhook leads to.
    acts: ClassVar[tuple[str, ...]]
    by_webhook: ClassVar[tuple[str, ...]] = ()
    #: The transactions and calls that are passed more than once even when nothing crashes.
    repeated: ClassVar[tuple[str, ...]]

    def prepare(self, world: World) -> None:
        """Do what comes before the story; nothing crashes there."""

    def go(self, world: World) -> Any:
        """Do what shop and buyer do, or do it again, and return the last answer."""
        raise NotImplementedError

    def ended(self, world: World) -> bool:
        """Tell whether the story has come to its end, as a client could know."""
        raise NotImplementedError

    def judge(self, world: World) -> None:
        """Assert that it was done exactly once."""
        raise NotImplementedError

    def points(self) -> list[str]:
        """Return every failpoint of the story."""
        return [*_around_calls(self.calls), *_around((*self.transactions, *self.shared))]

    def twice(self) -> list[str]:
        """Return the failpoints that are passed more than once even when nothing crashes."""
        return [point for point in self.points() if point.split(":")[1] in self.repeated]


def _around(transactions: tuple[str, ...]) -> list[str]:
    return [f"money_tx:{name}:{moment}" for name in transactions for moment in ("before_commit", "after_commit")]


def _around_calls(calls: tuple[str, ...]) -> list[str]:
    return [f"psp.call:{name}:{moment}" for name in calls for moment in ("before_send", "after_response")]


def make_known(world: World) -> None:
    """Make the seller known to us alone: of these stories none needs her account at the provider."""
    assert world.shop.post("/v1/sellers", SELLER).status_code == 201
    with money_tx("test"):
        withdraw(kind="payments.open_seller_account", key=Seller.objects.get().pk, now=timezone.now())


def judge_books(tables: Tables) -> None:
    """Assert that the books hold these entries and no other, and are right; and that the janitor finds nothing."""
    names = {seller.id: "ann" for seller in Seller.objects.all()}
    assert_posted(f"checkout:{Checkout.objects.get().pk}", tables, names=names)
    assert count_entries() == len(tables)
    found = tidy_up(now=timezone.now())
    assert (found.revived, found.asked) == (0, 0)
    assert verify_books(actor="system:test", now=timezone.now()).green


class Sale(Story):
    """A seller is made known, and somebody buys from her."""

    name = "sale"
    writes = ("account.create", "checkout.session.create")
    reads = ("account.retrieve", "account.list", "checkout.session.retrieve", "checkout.session.list")
    transactions = (
        "payments.intend",
        "payments.record_facts",
        "payments.record_registration",
        "sellers.record_account",
        "sellers.register",
        "sellers.sync_account",
    )
    calls = ("account.fetch", "account.open", "checkout.fetch", "checkout.register")
    acts = ("account.open", "checkout.register")
    by_webhook = ("account.fetch", "sellers.sync_account")
    repeated = (*_JOBS, *_INBOX)

    def go(self, world: World) -> Any:
        """Register the seller, order, and pay unless it was paid: a buyer who has paid finds the page closed."""
        if world.shop.post("/v1/sellers", SELLER).status_code not in (200, 201):
            return None
        created = self.order(world)
        if created.status_code == 201 and world.status("cart-1.ann") == "EXECUTING":
            world.pay(created)
        return created

    def order(self, world: World) -> Any:
        """Ask for the one payment of the story, always under the same key."""
        return world.order("cart-1", {"ann": "100.00"})

    def ended(self, world: World) -> bool:
        """Ask for the payment."""
        paid = world.shop.get("/v1/payments/cart-1.ann")
        return paid.status_code == 200 and paid.json()["ledger_updated"] is True

    def judge(self, world: World) -> None:
        """One account, one session, one charge; booked once; the client's answer is kept."""
        record = world.provider.ledger()
        assert [session["status"] for session in record["sessions"]] == ["complete"]
        assert charges(world) == [("succeeded", 10_000, 0)]
        assert len([a for a in record["accounts"] if (a["metadata"] or {}).get("reference")]) == 1
        assert world.status("cart-1.ann") == "SUCCESS"
        judge_books(SOLD)
        assert self.order(world).headers["Idempotent-Replayed"] == "true"


class Told(Story):
    """The shop says what becomes of a payment; the provider is told, and shows it."""

    path: ClassVar[str]
    # What the provider's record and ours say in the end.
    intent: ClassVar[list[str]]
    session: ClassVar[str]
    state: ClassVar[str]
    posted: ClassVar[Tables] = {}
    shared = (*_JOBS, *_INBOX, "payments.answer")

    def prepare(self, world: World) -> None:
        """Reserve 100.00 of a buyer's."""
        make_known(world)
        world.pay(world.order("cart-1", {"ann": "100.00"}, capture_method="manual"))
        world.settle()
        assert world.status("cart-1.ann") == "AUTHORIZED"

    def go(self, world: World) -> Any:
        """Tell it, under the one key."""
        return world.shop.post(f"/v1/payments/cart-1/{self.path}", {}, key="told")

    def ended(self, world: World) -> bool:
        """Ask for the payment, and for the answer: a client goes on until it has one."""
        return world.status("cart-1.ann") == self.state and self.go(world).status_code == 200

    def judge(self, world: World) -> None:
        """Carried out once, booked once, and answered."""
        record = world.provider.ledger()
        assert [found["status"] for found in record["payment_intents"]] == self.intent
        assert [found["status"] for found in record["sessions"]] == [self.session]
        assert [told.state for told in Instruction.objects.all()] == ["succeeded"]
        assert world.status("cart-1.ann") == self.state
        judge_books(self.posted)
        assert self.go(world).headers["Idempotent-Replayed"] == "true"


class Capture(Told):
    """What was reserved is taken."""

    name = "capture"
    path = "capture"
    writes, reads = ("payment_intent.capture",), ("checkout.session.retrieve",)
    transactions = ("captures.intend", "instructions.claim", "payments.record_facts")
    calls = ("payment.capture", "checkout.fetch")
    acts = ("payment.capture",)
    repeated = ()
    intent, session, state, posted = ["succeeded"], "complete", "SUCCESS", SOLD


class Void(Told):
    """What was reserved is released."""

    name = "void"
    path = "cancel"
    writes, reads = ("payment_intent.cancel",), ("checkout.session.retrieve",)
    transactions = ("cancels.intend", "instructions.claim", "payments.record_facts")
    calls = ("payment.void", "checkout.fetch")
    acts = ("payment.void",)
    repeated = ("payments.record_facts", "checkout.fetch")
    intent, session, state = ["canceled"], "complete", "CANCELED"


class Close(Told):
    """A page that nobody paid is closed."""

    name = "close"
    path = "cancel"
    writes, reads = ("checkout.session.expire",), ("checkout.session.retrieve",)
    transactions = ("cancels.intend", "instructions.claim", "payments.record_facts")
    calls = ("checkout.expire", "checkout.fetch")
    acts = ("checkout.expire",)
    repeated = ("payments.record_facts", "checkout.fetch")
    intent, session, state = [], "expired", "CANCELED"

    def prepare(self, world: World) -> None:
        """Open the page."""
        make_known(world)
        world.order("cart-1", {"ann": "100.00"})
        world.settle()


class GivenBack(Story):
    """The buyer gets 40.00 back of 100.00."""

    name = "refund"
    writes, reads = ("refund.create",), ("refund.list", "refund.retrieve")
    transactions = ("refunds.request", "refunds.claim", "refunds.record")
    calls = ("refund.create", "refund.fetch")
    acts = ("refund.create",)
    repeated = (*_JOBS, "refunds.record")
    shared = (*_JOBS, *_INBOX, "refunds.answer")

    def prepare(self, world: World) -> None:
        """Sell."""
        make_known(world)
        world.sell("cart-1", {"ann": "100.00"})

    def go(self, world: World) -> Any:
        """Ask for the refund, under the one key."""
        body = {"payment_order_id": "cart-1.ann", "amount": "40.00", "currency": "EUR", "reason": "torn"}
        return world.shop.post("/v1/refunds", body, key="r1")

    def ended(self, world: World) -> bool:
        """Ask what is refunded of the payment, and for the answer."""
        answer = self.go(world)
        if answer.status_code != 201:
            return False
        shown = world.shop.get(f"/v1/refunds/{answer.json()['id']}")
        return bool(shown.status_code == 200 and shown.json()["status"] == "succeeded")

    def judge(self, world: World) -> None:
        """One refund at the provider, of the right amount; one here; booked once."""
        refunds = world.provider.ledger()["refunds"]
        assert [(refund["amount"], refund["status"]) for refund in refunds] == [(4_000, "succeeded")]
        assert charges(world) == [("succeeded", 10_000, 4_000)]
        assert [(refund.state, refund.amount_minor) for refund in Refund.objects.all()] == [("succeeded", 4_000)]
        assert world.shop.get("/v1/payments/cart-1.ann").json()["refunded"] == "40.00"
        judge_books(
            {
                **SOLD,
                "refund_succeeded": """
                    debit   seller:ann:pending    36.00 EUR
                    debit   platform:commission    4.00 EUR
                    credit  psp:stripe:clearing   40.00 EUR
                """,
            }
        )
        assert self.go(world).headers["Idempotent-Replayed"] == "true"


class Evidence(Story):
    """A buyer's bank disputes a charge, and the shop answers."""

    name = "evidence"
    writes, reads = ("dispute.update",), ("dispute.retrieve",)
    transactions = ("evidence.submit", "evidence.claim", "evidence.record", "disputes.record")
    calls = ("dispute.submit", "dispute.fetch")
    acts = ("dispute.submit",)
    repeated = _JOBS

    def prepare(self, world: World) -> None:
        """Sell, and have the sale disputed."""
        make_known(world)
        world.sell("cart-1", {"ann": "100.00"})
        open_dispute(world)

    def go(self, world: World) -> Any:
        """Hand the evidence in, under the one key."""
        return hand_in(world, Dispute.objects.get())

    def ended(self, world: World) -> bool:
        """Ask where the dispute stands."""
        shown = world.shop.get(f"/v1/disputes/{Dispute.objects.get().pk}")
        states = [each["status"] for each in shown.json()["evidence"]] if shown.status_code == 200 else []
        return states == ["accepted"]

    def judge(self, world: World) -> None:
        """With the bank once, as it was written; nothing else moved."""
        [dispute] = world.provider.ledger()["disputes"]
        assert dispute["status"] == "under_review"
        assert dispute["evidence_details"]["submission_count"] == 1
        assert {name: dispute["evidence"][name] for name in TEXTS} == TEXTS
        assert [(one.state, one.final) for one in DisputeEvidence.objects.all()] == [("accepted", True)]
        assert Dispute.objects.get().state == "under_review"
        judge_books(
            {
                **SOLD,
                "dispute_opened": """
                    debit   disputes:open        100.00 EUR
                    credit  psp:stripe:clearing  100.00 EUR
                """,
                "dispute_fee_charged": """
                    debit   psp:stripe:fees       20.00 EUR
                    credit  psp:stripe:clearing   20.00 EUR
                """,
            }
        )


STORIES: dict[str, Story] = {
    story.name: story for story in (Sale(), Capture(), Void(), Close(), GivenBack(), Evidence())
}


def charges(world: World) -> list[tuple[str, int, int]]:
    """Return what the provider's record says of every charge: its state, what was taken, and what was given back."""
    found = world.provider.ledger()["charges"]
    return [(charge["status"], charge["amount_captured"], charge["amount_refunded"]) for charge in found]
