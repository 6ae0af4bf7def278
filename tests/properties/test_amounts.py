"""The amounts of money in against a small model of their own: whatever happens to a sale, nothing is left over."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from config import wiring
from ledger.selectors import balance, open_items, wallet
from ledger.services import verify_books
from operations.services import register_storefront
from payments.models import PaymentOrder
from tests.properties.paper import DISPUTE_FEE_MINOR, FEE_MINOR, Paper, Sheet
from tests.properties.sale_on_paper import Agreed, Sale, open_sellers

BPS = st.sampled_from([0, 1, 333, 1_000, 5_000, 9_999, 10_000])
TAX = st.sampled_from([0, 1_900, 2_300, 10_000])
BEARS = st.sampled_from(["seller", "seller", "seller", "platform"])
AGREED = st.builds(Agreed, bps=BPS, tax_bps=TAX, minimum=st.sampled_from([0, 0, 3, 150]), bears=BEARS)
STEPS = st.one_of(st.integers(1, 40), st.integers(1, 5_000), st.just(10**14))
BASKETS = st.lists(st.tuples(st.integers(0, 1), STEPS), min_size=1, max_size=3)
CAPTURES = st.lists(st.lists(st.integers(0, 100), min_size=3, max_size=3), max_size=3)
EVENTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.integers(1, 115)), min_size=3, max_size=14)


def rounded(value: Fraction) -> int:
    """Round half up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def ours_of(amount: int, agreed: Agreed) -> tuple[int, int]:
    """Return commission and tax on a sale as a seller would work them out."""
    commission = max(rounded(Fraction(amount * agreed.bps, 10_000)), agreed.minimum)
    tax = rounded(Fraction(commission * agreed.tax_bps, 10_000))
    if commission + tax > amount:
        commission = rounded(Fraction(amount * 10_000, 10_000 + agreed.tax_bps))
        tax = amount - commission
    return commission, tax


@pytest.fixture(autouse=True)
def on_paper(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Have everything paid at the provider on paper."""
    monkeypatch.setitem(wiring.GATEWAYS, "paper", "tests.properties.paper.make")
    settings.PSP_ROUTES = {"*": ["paper"]}


@contextmanager
def undone() -> Iterator[None]:
    """Take everything back in the end: each example begins with empty books."""
    frame = transaction.atomic()
    # The frame of a test case: business code may open its own outermost transaction within.
    frame._from_testcase = True  # type: ignore[attr-defined]
    with frame:
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
class TestASale:
    @settings(
        max_examples=35,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )
    @given(
        currency=st.sampled_from(["EUR", "JPY", "KWD"]),
        agreed=st.lists(AGREED, min_size=2, max_size=2),
        baskets=BASKETS,
        captures=CAPTURES,
        events=EVENTS,
    )
    def test_comes_out_even_whatever_happens_to_it(
        self,
        currency: str,
        agreed: list[Agreed],
        baskets: list[tuple[int, int]],
        captures: list[list[int]],
        events: list[tuple[int, int, int]],
    ) -> None:
        with undone():
            Sheet.now = Paper()
            now = timezone.now()
            register_storefront(slug="acme", name="Acme", return_origins=["https://a.example"], actor="t", now=now)
            sale = Sale(shop="acme", currency=currency, sellers=open_sellers("acme", currency, agreed, now))
            step = Sheet.now.step_of(currency)
            sale.sell([(who, steps * step) for who, steps in baskets], captures=captures)
            if Sheet.now.captures:
                for event in events:
                    sale.play(event)
                sale.finish()
                assert_even(sale, agreed)


def assert_even(sale: Sale, agreed: list[Agreed]) -> None:
    """Assert that every unit of a sale is where it belongs, now that everything is over."""
    orders = list(PaymentOrder.objects.filter(captured_minor__gt=0).select_related("seller").order_by("pk"))
    losses = balance(code="losses:disputes", currency=sale.currency).minor
    taken = {order.pk: order.captured_minor - sum(sale.kept(order).values()) for order in orders}
    assert balance(code="psp:paper:clearing", currency=sale.currency).minor == sale.paper.held
    assert open_items(code="disputes:open", currency=sale.currency) == []
    for order in orders:
        assert_commission(sale, order, agreed[int(order.seller.seller_id[1:])], taken[order.pk])
    assert_borne(sale, orders, taken, losses)
    assert_paid(sale, orders)
    assert verify_books(actor="system:test", now=timezone.now()).findings == ()


def assert_commission(sale: Sale, order: PaymentOrder, agreed: Agreed, taken: int) -> None:
    """Assert that what we keep of an order is our part of what is left of it."""
    kept, captured = sale.kept(order), order.captured_minor
    commission, tax = ours_of(order.amount_minor, agreed)
    ours = order.captured_commission_minor + order.captured_tax_minor
    assert (order.commission_minor, order.commission_tax_minor) == (commission, tax)
    assert ours == rounded(Fraction((commission + tax) * captured, order.amount_minor))
    assert min(kept.values()) >= 0
    back = ours - kept["commission"] - kept["tax"]
    assert abs(back - Fraction(ours * taken, captured)) <= Fraction(1, 2) + sale.undone
    if taken == captured:
        assert kept == {"seller": 0, "commission": 0, "tax": 0}


def assert_borne(sale: Sale, orders: list[PaymentOrder], taken: dict[str, int], losses: int) -> None:
    """Assert that the sellers bear what was refunded and, where that is agreed, what was lost, up to what was paid."""
    refunded = {order.pk: sale.refunded(order) for order in orders}
    lost = sum(claim.withdrawn for claim in sale.paper.claims)
    captured = sum(order.captured_minor for order in orders)
    assert {order.pk: order.refunded_minor for order in orders} == refunded
    assert sum(taken.values()) + losses == sum(refunded.values()) + lost
    assert losses >= 0
    assert all(0 <= taken[order.pk] <= order.captured_minor for order in orders)
    bearers = {order.seller.disputes_borne_by for order in orders}
    if bearers == {"platform"}:
        assert taken == refunded
    ours = {loss.item for loss in open_items(code="losses:disputes", currency=sale.currency)}
    for order in orders:
        if bearers == {"seller"} and taken[order.pk] < order.captured_minor:
            # What is left of a sale bears its own refunds, and the charge's disputes, before we do.
            assert not ours & {*sale.refunds_of(order), *(f"du_{number}" for number in range(len(sale.paper.claims)))}
    if bearers == {"seller"} and len(orders) == 1:
        assert losses == max(0, sum(refunded.values()) + lost - captured)


def assert_paid(sale: Sale, orders: list[PaymentOrder]) -> None:
    """Assert that each seller has, or was paid, what is left of their orders; and that fees are ours."""
    for seller in sale.sellers:
        mine = wallet(seller=seller.pk, currency=sale.currency)
        has = mine.pending.minor + mine.available.minor + mine.reserved.minor - mine.receivable.minor
        left = sum(sale.kept(order)["seller"] for order in orders if order.seller_id == seller.pk)
        assert has + sale.paid.get(seller.pk, 0) == left
    rounds = sum(movement < 0 for claim in sale.paper.claims for movement in claim.movements)
    fees = FEE_MINOR * len(sale.paper.captures) + DISPUTE_FEE_MINOR * rounds
    assert balance(code="psp:paper:fees", currency=sale.currency).minor == fees
