"""What can break: a sale, a capture, a release, a closed page, a refund, and evidence in a dispute."""

from typing import Any, ClassVar

from payments.models import Dispute, DisputeEvidence, EvidenceFile, Instruction, Refund
from tests.faults.detours import DETOURS
from tests.faults.settled_late import RefundSettledLate
from tests.faults.story import INBOX, JOBS, SELLER, SOLD, Story, Tables, charges, judge_books, make_known
from tests.payments.dispute_steps import TEXTS, hand_in, open_dispute
from tests.payments.test_evidence_files import at_the_provider, upload
from tests.world import World


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
    repeated = (*JOBS, *INBOX)

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
    shared = (*JOBS, *INBOX, "payments.answer")

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
    # What is released is a refund at the provider: looked at, and not booked.
    writes, reads = ("payment_intent.cancel",), ("checkout.session.retrieve", "refund.retrieve")
    transactions = ("cancels.intend", "instructions.claim", "payments.record_facts")
    calls = ("payment.void", "checkout.fetch", "refund.fetch")
    acts = ("payment.void",)
    repeated = (*JOBS, *INBOX, "payments.record_facts", "checkout.fetch")
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
    repeated = (*JOBS, "refunds.record")
    shared = (*JOBS, *INBOX, "refunds.answer")

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


class CheckoutGivenBack(GivenBack):
    """The same by a refund of the whole checkout, of an amount."""

    name = "refund-checkout"
    detour = True
    transactions = ("refunds.request_all", "refunds.claim", "refunds.record")

    def go(self, world: World) -> Any:
        """Ask for the refund, under the one key."""
        body = {"amount": "40.00", "currency": "EUR", "reason": "torn"}
        return world.shop.post("/v1/checkouts/cart-1/refunds", body, key="r1")

    def ended(self, world: World) -> bool:
        """Ask for the answer, and where each of its refunds stands."""
        answer = self.go(world)
        if answer.status_code != 201:
            return False
        shown = [world.shop.get(f"/v1/refunds/{one['id']}") for one in answer.json()["refunds"]]
        return all(one.status_code == 200 and one.json()["status"] == "succeeded" for one in shown)


class Evidence(Story):
    """A buyer's bank disputes a charge, and the shop answers."""

    name = "evidence"
    writes: ClassVar[tuple[str, ...]] = ("dispute.update",)
    reads: ClassVar[tuple[str, ...]] = ("dispute.retrieve",)
    transactions: ClassVar[tuple[str, ...]] = (
        "evidence.submit",
        "evidence.claim",
        "evidence.record",
        "disputes.record",
    )
    calls: ClassVar[tuple[str, ...]] = ("dispute.submit", "dispute.fetch")
    acts: ClassVar[tuple[str, ...]] = ("dispute.submit",)
    repeated = JOBS
    shared: ClassVar[tuple[str, ...]] = (*JOBS, *INBOX, "evidence.answer")

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


class EvidenceWithAFile(Evidence):
    """The shop answers with a receipt, too."""

    name = "evidence-file"
    detour = True
    writes, reads = ("file.create", "dispute.update"), ("file.list", "dispute.retrieve")
    transactions = ("evidence.keep_file", "evidence.claim_file", "evidence.record_file", *Evidence.transactions)
    calls = ("file.upload", *Evidence.calls)
    acts = ("file.upload", "dispute.submit")
    shared = (*Evidence.shared, "evidence_files.answer")

    def go(self, world: World) -> Any:
        """Hand the file in under its key, and the evidence that refers to it under its own."""
        kept = upload(world, Dispute.objects.get())
        return hand_in(world, Dispute.objects.get(), files=[kept.json()["id"]]) if kept.status_code == 202 else kept

    def judge(self, world: World) -> None:
        """There once, and named by the evidence."""
        super().judge(world)
        [file] = at_the_provider(world)
        [kept] = EvidenceFile.objects.all()
        assert (kept.state, kept.psp_ref, file["filename"]) == ("accepted", file["id"], kept.name)
        assert world.provider.ledger()["disputes"][0]["evidence"]["receipt"] == file["id"]


STORIES: dict[str, Story] = {
    story.name: story
    for story in (
        Sale(),
        Capture(),
        Void(),
        Close(),
        GivenBack(),
        Evidence(),
        EvidenceWithAFile(),
        *DETOURS,
        RefundSettledLate(),
        CheckoutGivenBack(),
    )
}
