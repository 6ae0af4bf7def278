"""One protocol, two providers: the same questions, asked of both over HTTP, get answers of the same kinds."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.money import Money
from payments.gateway import (
    AccountRequest,
    CaptureRequest,
    CheckoutFacts,
    CheckoutRequest,
    CheckoutStatus,
    Declined,
    EvidenceRequest,
    Gateway,
    Outcome,
    RefundRequest,
    RefundStatus,
    Succeeded,
    TransferRequest,
    Unknown,
    provider,
    stripe_objects,
)
from payments.gateway.base import BadSignature, CheckoutLine
from payments.gateway.mollie_objects import Unreadable, money
from tests.payments.faults import rule
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie
from tests.world import World

__all__ = ["mollie"]

NOT_DONE = ["cut before", "500 before", "429", "503", "409"]
DONE = ["cut after", "500 after", "garbage", "html"]


def value(outcome: Outcome[Any]) -> Any:
    """Return what a yes says."""
    assert isinstance(outcome, Succeeded), outcome
    return outcome.value


class Side(ABC):
    """A provider as its own operators see it."""

    gateway: Gateway

    @abstractmethod
    def pay(self, facts: CheckoutFacts) -> None:
        """Let the buyer pay."""

    @abstractmethod
    def break_registration(self, fault: str) -> None:
        """Have the next registration go wrong."""

    @abstractmethod
    def registered(self) -> list[str]:
        """Return the references of what was registered."""


class StripeSide(Side):
    """Stripe, as the sandbox plays it."""

    def __init__(self, world: World) -> None:
        self.world, self.gateway = world, provider("stripe")

    def pay(self, facts: CheckoutFacts) -> None:
        self.world.buyer.pay(url=facts.page_url)

    def break_registration(self, fault: str) -> None:
        self.world.provider.plan([rule("checkout.session.create", fault)])

    def registered(self) -> list[str]:
        return [session["client_reference_id"] for session in self.world.provider.ledger()["sessions"]]


class MollieSide(Side):
    """Mollie, as the stand-in plays it."""

    def __init__(self, mollie: Mollie) -> None:
        self.mollie, self.gateway = mollie, provider("mollie")

    def pay(self, facts: CheckoutFacts) -> None:
        self.mollie.pay(facts.psp_ref)

    def break_registration(self, fault: str) -> None:
        self.mollie.plan("POST payments", fault)

    def registered(self) -> list[str]:
        return [payment["metadata"]["reference"] for payment in self.mollie.payments.values()]


@pytest.fixture(params=["stripe", "mollie"])
def side(request: pytest.FixtureRequest, world: World, mollie: Mollie) -> Side:
    return StripeSide(world) if request.param == "stripe" else MollieSide(mollie)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def asked(now: datetime, reference: str = "chk_1", *, minor: int = 10_000, **more: Any) -> CheckoutRequest:
    """Return a request for one page."""
    return CheckoutRequest(
        reference=reference,
        currency="EUR",
        lines=[CheckoutLine(name="Ann", amount_minor=minor)],
        success_url="https://pay.example/pay/chk_1/return",
        cancel_url="https://pay.example/pay/chk_1/return",
        expires_at=int((now + timedelta(hours=20)).timestamp()),
        metadata={"reference": reference},
        **more,
    )


def paid(side: Side, now: datetime, **more: Any) -> CheckoutFacts:
    """Register a page, have it paid, and return what the provider says then."""
    facts = value(side.gateway.register_checkout(asked(now, **more), key="key-1"))
    side.pay(facts)
    found: CheckoutFacts = value(side.gateway.fetch_checkout(facts.psp_ref))
    return found


class TestARegisteredPage:
    def test_has_our_reference_our_amount_and_an_address(self, side: Side, now: datetime) -> None:
        facts = value(side.gateway.register_checkout(asked(now), key="key-1"))

        assert (facts.reference, facts.amount, facts.status) == ("chk_1", Money(10_000, "EUR"), CheckoutStatus.OPEN)
        assert facts.page_url.startswith("http://")

    def test_is_the_same_under_the_same_key(self, side: Side, now: datetime) -> None:
        one, two = (side.gateway.register_checkout(asked(now), key="key-1") for _ in range(2))

        assert value(one).psp_ref == value(two).psp_ref
        assert side.registered() == ["chk_1"]

    def test_is_found_by_our_reference_and_nothing_else_is(self, side: Side, now: datetime) -> None:
        made = value(side.gateway.register_checkout(asked(now), key="key-1"))
        value(side.gateway.register_checkout(asked(now, "chk_2"), key="key-2"))

        assert value(side.gateway.find_checkout("chk_1", since=now)).psp_ref == made.psp_ref
        assert value(side.gateway.find_checkout("chk_3", since=now)) is None

    def test_is_closed_once(self, side: Side, now: datetime) -> None:
        made = value(side.gateway.register_checkout(asked(now), key="key-1"))

        assert value(side.gateway.expire_checkout(made.psp_ref, key="close-1")) == made.psp_ref
        assert isinstance(side.gateway.expire_checkout(made.psp_ref, key="close-2"), Declined)
        status = value(side.gateway.fetch_checkout(made.psp_ref)).status
        assert status in (CheckoutStatus.EXPIRED, CheckoutStatus.CANCELED)

    def test_that_is_too_cheap_is_a_definite_no(self, side: Side, now: datetime) -> None:
        answer = side.gateway.register_checkout(asked(now, minor=1), key="key-1")

        assert isinstance(answer, Declined)
        assert not answer.missing
        assert side.registered() == []

    def test_that_nobody_made_is_missing(self, side: Side) -> None:
        answer = side.gateway.fetch_checkout("tr_unheard" if side.gateway.name == "mollie" else "cs_test_unheard")

        assert isinstance(answer, Declined)
        assert answer.missing

    @pytest.mark.parametrize("fault", [*NOT_DONE, *DONE])
    def test_without_an_answer_is_unknown_and_found_or_made_once_after(
        self, side: Side, now: datetime, fault: str
    ) -> None:
        side.break_registration(fault)

        answer = side.gateway.register_checkout(asked(now), key="key-1")

        assert isinstance(answer, Unknown)
        assert answer.sent
        # Mollie's may say that the like was made a while ago: it does not end in a second, as Stripe's does.
        conflict_s = 1 if side.gateway.name == "stripe" else None
        assert answer.retry_after_s == {"429": 7, "503": 7, "409": conflict_s}.get(fault)
        assert (value(side.gateway.find_checkout("chk_1", since=now)) is None) == (fault in NOT_DONE)
        if fault in NOT_DONE:
            value(side.gateway.register_checkout(asked(now), key="key-1"))
        assert side.registered() == ["chk_1"]


class TestAPaidPage:
    def test_names_charge_amount_and_moment(self, side: Side, now: datetime) -> None:
        facts = paid(side, now)

        assert (facts.status, facts.captured) == (CheckoutStatus.PAID, Money(10_000, "EUR"))
        assert facts.charge_ref
        assert facts.paid_at is not None
        assert abs(facts.paid_at - now) < timedelta(minutes=5)
        assert (facts.settlement is not None) == side.gateway.tells_fees

    def test_can_be_reserved_only_and_captured_later(self, side: Side, now: datetime) -> None:
        facts = paid(side, now, capture_method="manual")
        assert (facts.status, facts.captured) == (CheckoutStatus.AUTHORIZED, Money(0, "EUR"))
        assert facts.authorized_until is not None
        assert facts.authorized_until > now + timedelta(days=1)

        request = CaptureRequest(payment_ref=facts.payment_ref, amount_minor=6_000, currency="EUR")
        value(side.gateway.capture_payment(request, key="capture-1"))

        after = value(side.gateway.fetch_checkout(facts.psp_ref))
        assert (after.status, after.captured) == (CheckoutStatus.PAID, Money(6_000, "EUR"))

    def test_can_be_reserved_only_and_released(self, side: Side, now: datetime) -> None:
        facts = paid(side, now, capture_method="manual")

        value(side.gateway.void_payment(facts.payment_ref, key="void-1"))

        assert value(side.gateway.fetch_checkout(facts.psp_ref)).status is CheckoutStatus.CANCELED

    def test_is_refunded_in_part_once_for_a_key_and_found_by_our_reference(self, side: Side, now: datetime) -> None:
        facts = paid(side, now)
        request = RefundRequest(charge_ref=facts.charge_ref, amount_minor=2_500, currency="EUR", reference="rfd_1")

        one, two = (value(side.gateway.create_refund(request, key="refund-1")) for _ in range(2))

        assert one.psp_ref == two.psp_ref
        assert one.status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED)
        found = value(side.gateway.find_refund("rfd_1", charge_ref=facts.charge_ref))
        fetched = value(side.gateway.fetch_refund(one.psp_ref, charge_ref=facts.charge_ref))
        assert (found.psp_ref, fetched.amount) == (one.psp_ref, Money(2_500, "EUR"))
        assert value(side.gateway.find_refund("rfd_2", charge_ref=facts.charge_ref)) is None

    def test_is_not_refunded_beyond_what_was_paid(self, side: Side, now: datetime) -> None:
        facts = paid(side, now)
        request = RefundRequest(charge_ref=facts.charge_ref, amount_minor=10_001, currency="EUR", reference="rfd_1")

        assert isinstance(side.gateway.create_refund(request, key="refund-1"), Declined)

    def test_has_no_disputes_yet(self, side: Side, now: datetime) -> None:
        assert value(side.gateway.find_disputes(paid(side, now).charge_ref)) == []


class TestAMessage:
    @pytest.mark.parametrize("signature", ["", "nonsense", "chk_1.0", "t=1,v1=0"])
    def test_that_proves_nothing_is_refused(self, side: Side, now: datetime, signature: str) -> None:
        body = b"id=tr_1" if side.gateway.name == "mollie" else b"{}"

        with pytest.raises(BadSignature):
            side.gateway.read_event(body, signature=signature, now=now)

    def test_that_makes_no_sense_is_refused_when_it_is_read_again(self, side: Side, now: datetime) -> None:
        with pytest.raises(BadSignature):
            side.gateway.parse_event(b"\xff", arrived_at=now)


class TestWhatMollieHasNot:
    def test_is_a_definite_no_and_asked_of_nobody(self, mollie: Mollie, now: datetime) -> None:
        gateway = provider("mollie")
        transfer = TransferRequest(reference="pay_1", destination="acct_1", amount_minor=1, currency="EUR")
        part = CaptureRequest(payment_ref="tr_1", amount_minor=1, currency="EUR", final=False)

        answers: list[Outcome[Any]] = [
            gateway.open_account(AccountRequest(reference="sel_1", name="Ann", country="DE"), key="k"),
            gateway.find_account("sel_1", since=now),
            gateway.fetch_account("acct_1"),
            gateway.create_transfer(transfer, key="k"),
            gateway.fetch_transfer("tr_1"),
            gateway.find_transfer("pay_1"),
            gateway.fetch_balances(),
            gateway.statement_span(),
            gateway.fetch_statement(start=now, end=now),
            gateway.submit_evidence(EvidenceRequest(dispute_ref="chb_1", evidence={}, final=True), key="k"),
            gateway.list_events([], since=now, until=now),
            gateway.fetch_dispute("chb_1"),
            gateway.capture_payment(part, key="k"),
        ]

        assert {answer.code for answer in answers if isinstance(answer, Declined)} == {"unsupported"}
        assert not [answer for answer in answers if not isinstance(answer, Declined)]
        assert mollie.calls == []


class TestMolliesAmounts:
    @pytest.mark.parametrize(
        ("text", "currency", "minor"),
        [("10.00", "EUR", 1_000), ("-0.35", "EUR", -35), ("500", "JPY", 500), ("0.00", "EUR", 0), ("7", "EUR", 700)],
    )
    def test_are_read_to_the_cent(self, text: str, currency: str, minor: int) -> None:
        assert money({"value": text, "currency": currency}) == Money(minor, currency)

    @pytest.mark.parametrize(
        ("text", "currency"),
        [
            ("10.005", "EUR"),
            ("500.00", "JPY"),
            ("1e3", "EUR"),
            ("1,00", "EUR"),
            ("", "EUR"),
            ("١", "EUR"),
            (10, "EUR"),
            (None, "EUR"),
            ("1.00", "XXX"),
            ("9" * 15 + ".00", "EUR"),
        ],
    )
    def test_are_refused_where_they_could_be_misread(self, text: Any, currency: str) -> None:
        with pytest.raises(Unreadable):
            money({"value": text, "currency": currency})


class TestAPageOfStripesLists:
    def test_says_where_the_next_one_begins_and_that_the_last_one_has_none(self) -> None:
        objects = [{"id": "evt_2"}, {"id": "evt_1"}]

        assert stripe_objects.page({"data": objects, "has_more": True}) == (objects, "evt_1")
        assert stripe_objects.page({"data": objects, "has_more": False}) == (objects, "")

    @pytest.mark.parametrize("found", [[], {}, {"data": []}, {"data": [], "has_more": True}])
    def test_of_another_shape_is_unreadable_and_never_the_end(self, found: Any) -> None:
        with pytest.raises(stripe_objects.Unreadable):
            stripe_objects.page(found)
