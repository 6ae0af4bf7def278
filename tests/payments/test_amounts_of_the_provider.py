"""Amounts that exist, and that the provider cannot be told: of three decimals, Stripe wants the last to be 0."""

from typing import Any

import pytest
from django.utils import timezone

from ledger.money import Money
from ledger.selectors import wallet
from ledger.services import verify_books
from operations.edges import money_tx
from operations.models import HumanTask
from payments.errors import AmountNotRepresentable
from payments.gateway import (
    CaptureRequest,
    CheckoutRequest,
    Declined,
    Outcome,
    RefundRequest,
    TransferRequest,
    provider,
)
from payments.gateway.base import CheckoutLine
from payments.models import Instruction, PaymentOrder, Refund, Seller
from payments.services import send_refund
from payments.services.refunds import request_refund_in_tx
from tests.api.problems import assert_problem
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie
from tests.snapshot import nothing_changes
from tests.world import MAKER, World

__all__ = ["mollie"]

CODE = "amount_not_representable"
# As the shop writes it, and what the provider is asked for.
TAKEN = [
    ("10.010", "BHD", 10_010),
    ("500", "JPY", 500),
    ("1000", "ISK", 100_000),
    ("2153", "ISK", 215_300),
    ("12000.00", "MGA", 12_000),
]


def part(amount: str, *, seller: str = "ann", currency: str = "BHD") -> dict[str, str]:
    """Return what the shop says of one order in a capture."""
    return {"payment_order_id": f"cart-1.{seller}", "amount": amount, "currency": currency}


def capture(world: World, *parts: dict[str, str], key: str = "c1", final: bool = True) -> Any:
    """Ask for a capture of parts, or of all that is left."""
    body = {"final_capture": final, **({"payment_orders": list(parts)} if parts else {})}
    return world.shop.post("/v1/payments/cart-1/capture", body, key=key)


def refund(world: World, amount: str | None, *, currency: str = "BHD", key: str = "r1") -> Any:
    """Ask for a refund of ann's order; no amount is all that is left."""
    body = {"payment_order_id": "cart-1.ann"} | ({"amount": amount, "currency": currency} if amount else {})
    return world.shop.post("/v1/refunds", body, key=key)


def replace(world: World, amount: str) -> Any:
    """Ask for another cart of ann's."""
    orders = [{"payment_order_id": "cart-1b.ann", "seller_account": "ann", "amount": amount, "currency": "BHD"}]
    return world.shop.post("/v1/payments/cart-1/replace", {"payment_orders": orders}, key="x1")


def reserve(world: World, baskets: dict[str, str], *, currency: str = "BHD") -> None:
    """Bea orders and pays; the money is only reserved."""
    created = world.order("cart-1", baskets, currency=currency, capture_method="manual")
    assert world.pay(created).status == "paid"
    world.settle()


def taken(world: World) -> list[int]:
    """Return what the provider took of each charge, in its own units."""
    return [charge["amount_captured"] for charge in world.provider.ledger()["charges"]]


class TestAPayment:
    @pytest.mark.bad_input("B14-B16")
    @pytest.mark.parametrize("amount", ["10.001", "0.005", "10.999"])
    def test_is_refused_by_the_place_in_the_cart_and_leaves_nothing(
        self, world: World, ann: Seller, bob: Seller, amount: str
    ) -> None:
        with nothing_changes():
            answer = world.order("cart-1", {"ann": "10.000", "bob": amount}, currency="BHD")

        problem = assert_problem(answer, 422, CODE, field="payment_orders[1].amount")
        assert problem["detail"] == f"The provider stripe takes BHD only in steps of 0.010, and {amount} is none."
        assert world.provider.ledger()["sessions"] == []

    def test_is_refused_though_the_provider_could_take_the_sum(self, world: World, ann: Seller, bob: Seller) -> None:
        with nothing_changes():
            answer = world.order("cart-1", {"ann": "10.005", "bob": "10.005"}, currency="BHD")

        assert_problem(answer, 422, CODE, field="payment_orders[0].amount")

    def test_goes_through_once_it_is_right_under_the_same_key(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "10.001"}, currency="BHD")

        assert world.order("cart-1", {"ann": "10.010"}, currency="BHD").status_code == 201

    @pytest.mark.parametrize(("amount", "currency", "told"), TAKEN)
    def test_is_taken_in_steps_and_to_the_unit_where_there_are_none(
        self, world: World, ann: Seller, amount: str, currency: str, told: int
    ) -> None:
        world.sell("cart-1", {"ann": amount}, currency=currency)

        assert taken(world) == [told]

    def test_is_not_asked_of_a_provider_that_does_not_take_its_currency(
        self, world: World, mollie: Mollie, ann: Seller
    ) -> None:
        with nothing_changes():
            answer = world.order("cart-1", {"ann": "10.001"}, currency="BHD")

        assert_problem(answer, 422, "no_provider", field="payment_orders[0].currency")
        assert mollie.calls == []


class TestAReplacedCart:
    @pytest.mark.bad_input("B14-B16")
    def test_is_refused_while_the_old_one_stays_payable(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "10.000"}, currency="BHD")

        with nothing_changes():
            answer = replace(world, "9.999")

        assert_problem(answer, 422, CODE, field="payment_orders[0].amount")
        assert world.pay(created).status == "paid"

    def test_is_taken_in_steps(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "10.000"}, currency="BHD")

        assert replace(world, "9.990").status_code == 200


class TestACapture:
    @pytest.mark.bad_input("B14-B16")
    def test_is_refused_by_the_place_of_the_part_and_leaves_the_reservation_free(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        reserve(world, {"ann": "10.000", "bob": "5.000"})

        with nothing_changes():
            answer = capture(world, part("1.000"), part("0.005", seller="bob"))

        assert_problem(answer, 422, CODE, field="payment_orders[1].amount")
        assert not Instruction.objects.exists()
        assert capture(world, key="c2").status_code == 200
        assert taken(world) == [15_000]

    def test_is_refused_though_the_provider_could_take_the_sum(self, world: World, ann: Seller, bob: Seller) -> None:
        reserve(world, {"ann": "10.000", "bob": "5.000"})

        with nothing_changes():
            assert_problem(capture(world, part("1.005"), part("1.005", seller="bob")), 422, CODE)

    def test_leaves_what_can_be_captured_and_refunded(self, world: World, ann: Seller) -> None:
        reserve(world, {"ann": "10.010"})

        assert capture(world, part("3.330"), final=False).status_code == 200
        assert capture(world, key="c2").status_code == 200
        world.settle()
        assert refund(world, "0.010").status_code == 201
        assert refund(world, None, key="r2").json()["amount"] == "10.000"

    def test_is_of_any_amount_where_there_are_no_steps(self, world: World, ann: Seller) -> None:
        reserve(world, {"ann": "2001"}, currency="ISK")

        assert capture(world, part("1000", currency="ISK")).status_code == 200
        assert taken(world) == [100_000]


class TestARefund:
    @pytest.mark.bad_input("B14-B16")
    def test_is_refused_by_name_and_reserves_nothing(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.000"}, currency="BHD")

        with nothing_changes():
            answer = refund(world, "0.001")

        assert_problem(answer, 422, CODE, field="amount")
        assert refund(world, None, key="r2").json()["amount"] == "10.000"

    def test_is_split_in_our_books_to_the_last_unit(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.550"}, currency="BHD")

        assert refund(world, "0.050").status_code == 201
        world.settle()

        assert wallet(seller=ann.id, currency="BHD").pending.text == "9.450"
        assert [each["amount"] for each in world.provider.ledger()["refunds"]] == [50]
        assert verify_books(actor="system:test", now=timezone.now()).green

    @pytest.mark.parametrize(("amount", "currency", "told"), [("1", "JPY", 1), ("1", "ISK", 100)])
    def test_is_of_any_amount_where_there_are_no_steps(
        self, world: World, ann: Seller, amount: str, currency: str, told: int
    ) -> None:
        world.sell("cart-1", {"ann": "1000"}, currency=currency)

        assert refund(world, amount, currency=currency).status_code == 201
        world.settle()
        assert [each["amount"] for each in world.provider.ledger()["refunds"]] == [told]

    def test_that_a_person_decides_is_refused_too(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.000"}, currency="BHD")

        with nothing_changes(), pytest.raises(AmountNotRepresentable, match=r"only in steps of 0\.010, and 0\.005 is"):
            of_five_fils(actor=MAKER)

    def test_that_is_ours_to_make_is_stored_and_asked_of_a_person(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.000"}, currency="BHD")

        made = of_five_fils(actor="system:late_payment")
        send_refund(refund=made.pk, now=timezone.now())

        assert (Refund.objects.get().state, PaymentOrder.objects.get().refunded_minor) == ("failed", 0)
        assert "0.005 BHD of cart-1.ann could not be given back" in HumanTask.objects.get().reason


def of_five_fils(*, actor: str) -> Refund:
    """Have 0.005 BHD of the only order refunded."""
    with money_tx("test"):
        order = PaymentOrder.objects.select_for_update().get()
        return request_refund_in_tx(order=order, amount=Money(5, "BHD"), reason="late", actor=actor, now=timezone.now())


class TestWhatReachesTheGatewayAllTheSame:
    @pytest.mark.parametrize("currency", ["BHD", "JOD", "KWD", "OMR", "TND"])
    def test_is_a_definite_no_and_asked_of_nobody(self, world: World, currency: str) -> None:
        gateway = provider("stripe")
        page = CheckoutRequest(
            reference="chk_1",
            currency=currency,
            lines=[CheckoutLine(name="Ann", amount_minor=10_001)],
            success_url="https://pay.example/return",
            cancel_url="https://pay.example/return",
            expires_at=int(timezone.now().timestamp()) + 36_000,
        )
        capture = CaptureRequest(payment_ref="pi_1", amount_minor=10_001, currency=currency)
        refund = RefundRequest(charge_ref="ch_1", amount_minor=10_001, currency=currency, reference="rfd_1")
        transfer = TransferRequest(reference="pay_1", destination="acct_1", amount_minor=10_001, currency=currency)

        answers: list[Outcome[Any]] = [
            gateway.register_checkout(page, key="k1"),
            gateway.capture_payment(capture, key="k2"),
            gateway.create_refund(refund, key="k3"),
            gateway.create_transfer(transfer, key="k4"),
        ]

        assert [answer.code for answer in answers if isinstance(answer, Declined)] == ["not_representable"] * 4
        assert world.provider.calls() == []

    @pytest.mark.parametrize(("currency", "step"), [("BHD", 10), ("EUR", 1), ("JPY", 1), ("ISK", 1), ("UGX", 1)])
    def test_is_told_apart_by_the_gateways_own_steps(self, world: World, currency: str, step: int) -> None:
        assert (provider("stripe").step_of(currency), provider("mollie").step_of(currency)) == (step, 1)
