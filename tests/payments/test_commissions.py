"""Our commission: rate, category, minimum and tax; frozen at the sale, and given back to the cent."""

from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Money, basis_points
from ledger.selectors import balance, wallet
from operations.models import AuditEntry
from payments.commissions import Commission, Terms, commission_of, given_back
from payments.models import CommissionMinimum, CommissionRate, PaymentOrder, Seller
from tests.api.problems import assert_problem
from tests.ledger_text import assert_balances, assert_posted
from tests.snapshot import nothing_changes
from tests.world import World

AMOUNT, BPS = st.integers(1, 10**15), st.integers(0, 10_000)
MINIMUM = st.builds(Money, minor=st.integers(0, 2_000), currency=st.sampled_from(["EUR", "JPY"]))
TERMS = st.builds(Terms, bps=BPS, minimum=st.none() | MINIMUM, tax_bps=BPS)
# Small sales are where rounding bites.
GROSS = st.one_of(st.integers(1, 50), AMOUNT)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


LEAST = euros(150)


def taken(gross: int, terms: Terms) -> tuple[int, int]:
    """Return commission and tax on a sale, in cents."""
    found = commission_of(euros(gross), terms)
    return found.commission.minor, found.tax.minor


class TestCommissionOf:
    @pytest.mark.bad_input("B19")
    @pytest.mark.parametrize(
        ("gross", "terms", "expected"),
        [
            (10_000, Terms(bps=1_000), (1_000, 0)),
            (10_000, Terms(bps=1_000, tax_bps=2_300), (1_000, 230)),
            (5, Terms(bps=1_000), (1, 0)),
            (4, Terms(bps=1_000), (0, 0)),
            (1_000, Terms(bps=0, tax_bps=2_300), (0, 0)),
            (1_000, Terms(bps=1_000, minimum=LEAST), (150, 0)),
            (2_000, Terms(bps=1_000, minimum=LEAST), (200, 0)),
            (1_000, Terms(bps=1_000, minimum=LEAST, tax_bps=2_300), (150, 35)),
            (100, Terms(bps=1_000, minimum=LEAST), (100, 0)),
            (123, Terms(bps=10_000, tax_bps=2_300), (100, 23)),
            (1, Terms(bps=10_000, tax_bps=10_000), (1, 0)),
        ],
    )
    def test_is_the_rate_or_the_minimum_and_the_tax_on_top_but_never_more_than_the_sale(
        self, gross: int, terms: Terms, expected: tuple[int, int]
    ) -> None:
        assert taken(gross, terms) == expected

    @pytest.mark.parametrize("least", [Money(150, "JPY"), Money(150, "BHD"), None])
    def test_knows_no_minimum_but_the_one_of_the_sales_currency(self, least: Money | None) -> None:
        assert taken(1_000, Terms(bps=1_000, minimum=least)) == (100, 0)

    @given(gross=GROSS, terms=TERMS)
    def test_and_tax_and_the_sellers_part_sum_to_the_sale(self, gross: int, terms: Terms) -> None:
        commission, tax = taken(gross, terms)

        assert commission >= 0
        assert tax >= 0
        assert 0 <= gross - commission - tax <= gross

    @given(gross=GROSS, terms=TERMS)
    def test_is_taxed_at_the_rate_to_less_than_a_cent(self, gross: int, terms: Terms) -> None:
        commission, tax = taken(gross, terms)

        assert abs(tax * 10_000 - commission * terms.tax_bps) <= 10_000

    @given(gross=GROSS, bps=BPS)
    def test_without_minimum_and_tax_is_the_rate_alone(self, gross: int, bps: int) -> None:
        assert taken(gross, Terms(bps=bps)) == (basis_points(euros(gross), bps).minor, 0)


class TestGivenBack:
    @given(gross=GROSS, terms=TERMS, cuts=st.lists(AMOUNT, max_size=8, unique=True), data=st.data())
    def test_is_exactly_commission_and_tax_however_the_sale_is_refunded(
        self, gross: int, terms: Terms, cuts: list[int], data: st.DataObject
    ) -> None:
        sold = commission_of(euros(gross), terms)
        few = data.draw(st.lists(st.integers(1, min(gross, 60)), max_size=8))
        marks = sorted({0, gross, *(cut for cut in [*cuts, *few] if cut < gross)})

        parts = [
            (
                given_back(sold=sold, gross=euros(gross), earlier=euros(before), refund=euros(after - before)),
                before,
                after,
            )
            for before, after in pairwise(marks)
        ]

        assert sum(back.commission.minor for back, _, _ in parts) == sold.commission.minor
        assert sum(back.tax.minor for back, _, _ in parts) == sold.tax.minor
        for back, before, after in parts:
            assert min(back.commission.minor, back.tax.minor) >= 0
            assert back.commission.minor + back.tax.minor <= after - before

    def test_never_exceeds_a_refund_of_one_cent(self) -> None:
        sold = Commission(commission=euros(1), tax=euros(1))

        back = [given_back(sold=sold, gross=euros(2), earlier=euros(n), refund=euros(1)) for n in range(2)]

        assert [(part.commission.minor, part.tax.minor) for part in back] == [(1, 0), (0, 1)]


def taxed_seller(world: World, **terms: Any) -> Seller:
    """Register ann through the API, with Portuguese VAT on our commission."""
    body = {"seller_id": "ann", "name": "Ann", "country": "PT", "commission_tax_bps": 2300, "commission_tax": "vat_pt"}
    assert world.shop.post("/v1/sellers", body | terms).status_code == 201
    world.work()
    return Seller.objects.get(seller_id="ann")


def order_of(world: World, checkout: str, amount: str, category: str | None, *, currency: str = "EUR") -> PaymentOrder:
    """Order something of ann's through the API, and return the order."""
    order = {"payment_order_id": f"{checkout}.ann", "seller_account": "ann", "amount": amount, "currency": currency}
    if category is not None:
        order["category"] = category
    body = {"checkout_id": checkout, "buyer_info": {"buyer_id": "bea"}, "payment_orders": [order]}
    created = world.shop.post("/v1/payments", body, key=checkout)
    assert created.status_code == 201, created.content
    return world.payment_order(f"{checkout}.ann")


class TestASale:
    def test_books_the_tax_on_our_commission_as_a_line_of_its_own(self, world: World) -> None:
        ann = taxed_seller(world)

        checkout = world.sell("cart-1", {"ann": "100.01"})

        assert_posted(
            f"checkout:{checkout.pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing   100.01 EUR
                    credit  seller:ann:pending     87.71 EUR
                    credit  platform:commission    10.00 EUR
                    credit  tax:vat_pt              2.30 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees         3.20 EUR
                    credit  psp:stripe:clearing     3.20 EUR
                """,
            },
            names={ann.pk: "ann"},
        )

    def test_takes_the_rate_of_its_category_and_otherwise_the_sellers(self, world: World) -> None:
        taxed_seller(world, commission_rates=[{"category": "books", "bps": 500}, {"category": "art", "bps": 0}])

        taken = {
            category: order_of(world, f"cart-{number}", "100.00", category).commission.text
            for number, category in enumerate(["books", "art", "Books", "toys", None])
        }

        assert taken == {"books": "5.00", "art": "0.00", "Books": "10.00", "toys": "10.00", None: "10.00"}

    def test_takes_no_other_sellers_rate(self, world: World, bob: Seller) -> None:
        CommissionRate.objects.create(seller=bob, category="books", bps=100)
        taxed_seller(world)

        assert order_of(world, "cart-1", "100.00", "books").commission.text == "10.00"

    @pytest.mark.parametrize(
        ("amount", "currency", "commission", "tax"),
        [
            ("2.00", "EUR", "1.00", "0.23"),
            ("100", "JPY", "15", "3"),
            ("0.100", "BHD", "0.050", "0.012"),
            ("2.00", "USD", "0.20", "0.05"),
        ],
    )
    def test_takes_the_minimum_of_its_currency_and_none_without_one(
        self, world: World, amount: str, currency: str, commission: str, tax: str
    ) -> None:
        minimums = {"EUR": "1.00", "JPY": "15", "BHD": "0.050"}
        taxed_seller(
            world, commission_minimums=[{"amount": least, "currency": code} for code, least in minimums.items()]
        )

        order = order_of(world, "cart-1", amount, None, currency=currency)

        assert (order.commission.text, order.commission_tax.text) == (commission, tax)

    def test_takes_no_other_sellers_minimum(self, world: World, bob: Seller) -> None:
        CommissionMinimum.objects.create(seller=bob, currency="EUR", minimum_minor=900)
        taxed_seller(world)

        assert order_of(world, "cart-1", "10.00", None).commission.text == "1.00"

    def test_freezes_category_commission_and_tax(self, world: World) -> None:
        ann = taxed_seller(world, commission_rates=[{"category": "books", "bps": 500}])
        order = order_of(world, "cart-1", "100.00", "books")

        CommissionRate.objects.update(bps=9_000)
        Seller.objects.update(commission_tax_bps=0, commission_tax="")
        world.buyer.pay(url=order.checkout.attempts.get().page_url)
        world.settle()

        assert wallet(seller=ann.pk, currency="EUR").pending.text == "93.85"
        assert balance(code="tax:vat_pt", currency="EUR").text == "1.15"
        for changed in ({"category": "art"}, {"commission_tax_minor": 0}, {"tax": "vat_de"}, {"commission_minor": 1}):
            with pytest.raises(IntegrityError, match="are fixed"), transaction.atomic():
                PaymentOrder.objects.update(**changed)

    def test_shows_its_category_to_the_shop(self, world: World) -> None:
        taxed_seller(world)

        order_of(world, "cart-1", "100.00", "garden & home")

        assert world.shop.get("/v1/payments/cart-1.ann").json()["category"] == "garden & home"


class TestARefund:
    def test_in_parts_gives_commission_and_tax_back_to_the_cent(self, world: World) -> None:
        ann = taxed_seller(world)
        world.sell("cart-1", {"ann": "10.01"})

        for number, part in enumerate(["3.33", "0.05", "0.01", "3.33", "3.29"]):
            body = {"payment_order_id": "cart-1.ann", "amount": part, "currency": "EUR"}
            assert world.shop.post("/v1/refunds", body, key=f"r{number}").status_code == 201
            world.settle()

        assert wallet(seller=ann.pk, currency="EUR").pending.minor == 0
        assert_balances(
            """
            debit   psp:stripe:fees        0.59 EUR
            credit  psp:stripe:clearing    0.59 EUR
            """,
            names={},
        )

    def test_books_the_tax_that_is_given_back(self, world: World) -> None:
        ann = taxed_seller(world)
        checkout = world.sell("cart-1", {"ann": "100.00"})

        world.shop.post(
            "/v1/refunds", {"payment_order_id": "cart-1.ann", "amount": "50.00", "currency": "EUR"}, key="r"
        )
        world.settle()

        refund = """
            debit   seller:ann:pending     43.85 EUR
            debit   platform:commission     5.00 EUR
            debit   tax:vat_pt              1.15 EUR
            credit  psp:stripe:clearing    50.00 EUR
        """
        capture = """
            debit   psp:stripe:clearing   100.00 EUR
            credit  seller:ann:pending     87.70 EUR
            credit  platform:commission    10.00 EUR
            credit  tax:vat_pt              2.30 EUR
        """
        fee = """
            debit   psp:stripe:fees         3.20 EUR
            credit  psp:stripe:clearing     3.20 EUR
        """
        assert_posted(
            f"checkout:{checkout.pk}",
            {"payment_captured": capture, "provider_fee_charged": fee, "refund_succeeded": refund},
            names={ann.pk: "ann"},
        )


class TestASellersTerms:
    TERMS: dict[str, Any] = {
        "commission_minimums": [
            {"amount": "0.050", "currency": "BHD"},
            {"amount": "0.50", "currency": "EUR"},
            {"amount": "50", "currency": "JPY"},
        ],
        "commission_tax_bps": 2300,
        "commission_tax": "vat_pt",
        "commission_rates": [{"category": "art", "bps": 0}, {"category": "books", "bps": 500}],
    }

    def test_are_taken_and_shown_by_the_api(self, world: World) -> None:
        ann = taxed_seller(world, **self.TERMS)

        shown = world.shop.get("/v1/sellers/ann").json()

        assert {name: shown[name] for name in self.TERMS} == self.TERMS
        assert shown["commission_bps"] == 1000
        assert AuditEntry.objects.filter(subject=f"seller:{ann.pk}").count() == 1

    def test_are_the_usual_ones_where_nothing_is_said(self, world: World) -> None:
        world.open_seller("ann")

        shown = world.shop.get("/v1/sellers/ann").json()

        assert {name: shown[name] for name in self.TERMS} == {
            "commission_minimums": [],
            "commission_tax_bps": 0,
            "commission_tax": "",
            "commission_rates": [],
        }

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("commission_minimums", [{"amount": "0.51", "currency": "EUR"}]),
            ("commission_minimums", [{"amount": "0.50", "currency": "EUR"}]),
            ("commission_minimums", []),
            ("commission_tax_bps", 1900),
            ("commission_tax", "vat_de"),
            ("commission_rates", [{"category": "books", "bps": 501}]),
            ("commission_rates", []),
        ],
    )
    def test_are_not_changed_by_registering_again(self, world: World, field: str, value: Any) -> None:
        taxed_seller(world, **self.TERMS)
        body = {"seller_id": "ann", "name": "Ann", "country": "PT"} | self.TERMS

        with nothing_changes():
            same = world.shop.post("/v1/sellers", body)
            silent = world.shop.post("/v1/sellers", {"seller_id": "ann", "name": "Ann", "country": "PT"})
            other = world.shop.post("/v1/sellers", body | {field: value})

        assert (same.status_code, silent.status_code) == (200, 200)
        assert field in assert_problem(other, 409, "seller_exists")["detail"]

    def test_are_refused_with_a_tax_that_has_no_name(self, world: World) -> None:
        body = {"seller_id": "ann", "name": "Ann", "country": "PT", "commission_tax_bps": 2300}

        with nothing_changes():
            assert_problem(world.shop.post("/v1/sellers", body), 422, "tax_unnamed", field="commission_tax")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"commission_tax_bps": 10_001},
            {"commission_tax": ""},
            {"commission_tax": "vat:pt"},
        ],
    )
    def test_are_guarded_by_the_database_too(self, world: World, wrong: dict[str, Any]) -> None:
        taxed_seller(world)

        with pytest.raises(IntegrityError), transaction.atomic():
            Seller.objects.update(**wrong)

    def test_have_one_rate_a_category(self, world: World) -> None:
        ann = taxed_seller(world, **self.TERMS)

        for wrong in ({"category": "books", "bps": 1}, {"category": "", "bps": 1}, {"category": "toys", "bps": 10_001}):
            with pytest.raises(IntegrityError), transaction.atomic():
                CommissionRate.objects.create(seller=ann, **wrong)

    def test_have_one_minimum_a_currency_and_none_below_zero(self, world: World) -> None:
        ann = taxed_seller(world, **self.TERMS)

        for currency, minor in (("EUR", 1), ("USD", -1)):
            with pytest.raises(IntegrityError, match="minimum_"), transaction.atomic():
                CommissionMinimum.objects.create(seller=ann, currency=currency, minimum_minor=minor)
