"""A storefront reports deliveries; from then on the hold runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations.models import AuditEntry
from payments.models import Checkout, Seller
from payouts.models import Delivery
from tests.api.problems import assert_problem
from tests.snapshot import nothing_changes
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(world: World, ann: Seller) -> str:
    """A paid order of ann's, of long ago."""
    world.sell("cart-1", {"ann": "100.00"})
    Checkout.objects.update(created_at=datetime(2024, 1, 1, tzinfo=UTC))
    return "cart-1.ann"


def report(world: World, payment_order_id: str, delivered_at: Any) -> Any:
    return world.shop.post("/v1/deliveries", {"payment_order_id": payment_order_id, "delivered_at": delivered_at})


def assert_refused(answer: Any, status: int, *words: str) -> None:
    """A problem document that says what is wrong, and nothing noted."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/problem+json")
    for word in words:
        assert word in answer.content.decode()
    assert not Delivery.objects.exists()


class TestReportDelivery:
    def test_starts_the_hold(self, world: World, sold: str, settings: Any) -> None:
        settings.HOLD_DAYS = 7

        answer = report(world, sold, "2026-01-01T12:00:00Z")

        assert answer.status_code == 201
        assert answer.json() == {
            "payment_order_id": sold,
            "delivered_at": "2026-01-01T12:00:00+00:00",
            "release_at": "2026-01-08T12:00:00+00:00",
            "released_at": None,
        }
        [entry] = AuditEntry.objects.filter(action="payouts.delivery.reported")
        assert entry.actor == "storefront:acme"

    def test_changes_nothing_when_it_is_repeated(self, world: World, sold: str, settings: Any) -> None:
        settings.HOLD_DAYS = 7
        first = report(world, sold, "2026-01-01T12:00:00Z")
        settings.HOLD_DAYS = 30

        again = report(world, sold, "2026-01-01T13:00:00+01:00")

        assert (again.status_code, again.json()) == (200, first.json())
        assert Delivery.objects.count() == 1
        assert AuditEntry.objects.filter(action="payouts.delivery.reported").count() == 1

    def test_refuses_another_moment_naming_the_first(self, world: World, sold: str) -> None:
        report(world, sold, "2026-01-01T12:00:00Z")

        answer = report(world, sold, "2026-01-01T12:00:01Z")

        assert_problem(answer, 409, "delivery_already_reported", field="delivered_at")
        assert "2026-01-01T12:00:00+00:00" in answer.content.decode()
        assert Delivery.objects.get().delivered_at.isoformat() == "2026-01-01T12:00:00+00:00"

    def test_refuses_an_order_that_is_not_paid(self, world: World, ann: Seller) -> None:
        world.order("cart-2", {"ann": "5.00"})

        assert_refused(report(world, "cart-2.ann", "2026-01-01T12:00:00Z"), 409, "order_not_paid")

    def test_refuses_an_order_that_nobody_knows(self, world: World) -> None:
        assert_refused(report(world, "cart-9.ann", "2026-01-01T12:00:00Z"), 404, "cart-9.ann")

    def test_does_not_know_another_storefronts_order(self, world: World, sold: str) -> None:
        body = {"payment_order_id": sold, "delivered_at": "2026-01-01T12:00:00Z"}

        assert_refused(world.other_shop.post("/v1/deliveries", body), 404)

    def test_refuses_a_moment_in_the_future(self, world: World, sold: str) -> None:
        tomorrow = timezone.now() + timedelta(days=1)

        assert_refused(report(world, sold, tomorrow.isoformat()), 422, "delivery_in_future", '"field":"delivered_at"')

    def test_refuses_a_moment_before_the_payment_was_accepted(self, world: World, ann: Seller) -> None:
        accepted = world.sell("cart-1", {"ann": "100.00"}).created_at
        before = accepted - timedelta(minutes=5, seconds=1)

        with nothing_changes():
            answer = report(world, "cart-1.ann", before.isoformat())

        problem = assert_problem(answer, 422, "delivery_before_payment", field="delivered_at")
        assert accepted.isoformat() in problem["detail"]

    def test_allows_a_storefronts_clock_to_be_a_little_behind(self, world: World, ann: Seller) -> None:
        accepted = world.sell("cart-1", {"ann": "100.00"}).created_at

        answer = report(world, "cart-1.ann", (accepted - timedelta(minutes=5)).isoformat())

        assert answer.status_code == 201

    def test_allows_a_storefronts_clock_to_be_a_little_ahead(self, world: World, sold: str) -> None:
        soon = timezone.now() + timedelta(minutes=4)

        assert report(world, sold, soon.isoformat()).status_code == 201

    @pytest.mark.parametrize(
        "moment",
        [
            "2026-01-01T12:00:00",
            "2026-01-01 12:00:00",
            "2026-02-29T12:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59-14:00",
            "2026-01-01T25:00:00Z",
            "2026-01-01",
            "yesterday",
            "",
            1767268800,
            1767268800.5,
            True,
            None,
            ["2026-01-01T12:00:00Z"],
        ],
    )
    def test_refuses_what_names_no_moment(self, world: World, sold: str, moment: Any) -> None:
        assert_refused(report(world, sold, moment), 422, "delivered_at")

    def test_takes_the_leap_day(self, world: World, sold: str) -> None:
        answer = report(world, sold, "2024-02-29T23:30:00-02:00")

        assert answer.json()["delivered_at"] == "2024-03-01T01:30:00+00:00"

    def test_refuses_a_field_that_it_does_not_know(self, world: World, sold: str) -> None:
        body = {"payment_order_id": sold, "delivered_at": "2026-01-01T12:00:00Z", "release_at": "2026-01-01T12:00:00Z"}

        assert_refused(world.shop.post("/v1/deliveries", body), 422, "release_at")

    def test_refuses_a_stranger(self, world: World, sold: str) -> None:
        world.shop.api_key = "cf_test_guessed"

        assert_refused(report(world, sold, "2026-01-01T12:00:00Z"), 401)
