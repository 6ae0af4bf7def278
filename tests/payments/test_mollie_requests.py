"""The way to Mollie: an answer comes whole within the time, and no redirect is followed."""

import time

import pytest

from payments.gateway import Unknown, mollie_adapter
from payments.gateway.mollie_adapter import MollieGateway
from payments.gateway.shield import Shield
from payments.gateway.timed import told_to_wait
from tests.payments.test_stripe_requests import dripping, no_proxy
from tests.shop_server import running

__all__ = ["no_proxy"]

NOW = "Mon, 02 Nov 2026 09:00:00 GMT"


def gateway(url: str) -> MollieGateway:
    """Return Mollie's gateway as it is made, at an address of ours."""
    shield = Shield(name="mollie", failures=5, rest_s=30, at_once=2)
    return MollieGateway(api_key="test_ours", api_base=url, webhook_url="", webhook_secret="secret", shield=shield)


@pytest.mark.django_db
class TestACall:
    @pytest.mark.parametrize(
        "told", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]
    )
    def test_ends_in_time_where_the_answer_comes_a_drop_at_a_time(
        self, told: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mollie_adapter, "TIMEOUT_S", (1, 1))
        with dripping(told) as url:
            began = time.monotonic()

            outcome = gateway(url).fetch_checkout("tr_1")

            assert isinstance(outcome, Unknown)
            assert time.monotonic() - began < 6

    def test_is_not_sent_on_to_where_a_redirect_points(self) -> None:
        with running() as shop, running() as elsewhere:
            shop.answer, shop.headers = 307, {"Location": elsewhere.url}

            outcome = gateway(shop.url).fetch_checkout("tr_1")

            assert isinstance(outcome, Unknown)
            assert elsewhere.messages == []


class TestBeingToldToWait:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("7", 7),
            ("86400", 3600),
            ("9" * 5000, 3600),
            ("Mon, 02 Nov 2026 09:00:30 GMT", 30),
            ("Mon, 02 Nov 2026 08:00:00 GMT", 0),
            ("Tue, 03 Nov 2026 09:00:00 GMT", 3600),
        ],
    )
    def test_is_understood_in_seconds_and_as_a_moment_an_hour_at_most(self, header: str, seconds: int) -> None:
        assert told_to_wait({"Retry-After": header, "Date": NOW}) == seconds

    @pytest.mark.parametrize("header", ["", "soon", "-1", "1.5", "١", "Mon, 32 Nov 2026 09:00:30 GMT"])
    def test_is_not_understood_otherwise(self, header: str) -> None:
        assert told_to_wait({"Retry-After": header, "Date": NOW}) is None

    def test_is_no_moment_in_an_answer_without_a_date(self) -> None:
        assert told_to_wait({"Retry-After": NOW}) is None
        assert told_to_wait({}) is None
