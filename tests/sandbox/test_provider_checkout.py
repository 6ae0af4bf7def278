"""Checkout sessions and their hosted page, as a merchant and a buyer see them."""

from typing import Any

import pytest
import requests
import stripe

from sandbox.control import SandboxControl

DAY_S = 86_400
DECLINES = [
    ("4000000000000002", "card_declined", "generic_decline"),
    ("4000000000009995", "card_declined", "insufficient_funds"),
    ("4000000000009987", "card_declined", "lost_card"),
    ("4000000000009979", "card_declined", "stolen_card"),
    ("4000000000000069", "expired_card", None),
    ("4000000000000127", "incorrect_cvc", None),
    ("4000000000000119", "processing_error", None),
    ("4111111111111111", "card_declined", "test_mode_live_card"),
]


class TestCreateSession:
    def test_returns_an_open_session_with_a_page(self, shop: Any) -> None:
        session = shop.session(amount=12_345, currency="eur")

        assert (session.status, session.payment_status) == ("open", "unpaid")
        assert (session.amount_total, session.currency) == (12_345, "eur")
        assert session.url.startswith(shop.base_url + "/c/pay/cs_test_")
        assert session.payment_intent is None

    def test_adds_up_the_cart(self, shop: Any) -> None:
        price = {"currency": "usd", "unit_amount": 250, "product_data": {"name": "Cup"}}

        session = shop.session(line_items=[{"price_data": price, "quantity": 3}, {"price_data": price, "quantity": 1}])

        items = shop.v1.checkout.sessions.line_items.list(session.id).data
        assert session.amount_total == 1_000
        assert [item.amount_total for item in items] == [750, 250]

    @pytest.mark.parametrize(
        ("change", "code", "param"),
        [
            ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
            ({"mode": "subscription"}, None, "mode"),
            ({"success_url": "shop"}, "url_invalid", "success_url"),
            ({"expires_at": 1}, None, "expires_at"),
            ({"amount": 49}, "amount_too_small", "line_items"),
            ({"amount": 100_000_000}, "amount_too_large", "line_items"),
            ({"amount": 10**12}, "parameter_invalid_integer", "line_items[0][price_data][unit_amount]"),
            ({"currency": "zzz"}, "invalid_currency", "line_items[0][price_data][currency]"),
            ({"currency": "ugx", "amount": 250_001}, "parameter_invalid_integer", "line_items"),
            ({"currency": "bhd", "amount": 1_001}, "parameter_invalid_integer", "line_items"),
        ],
    )
    def test_refuses(self, shop: Any, change: dict[str, Any], code: str | None, param: str) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.session(**change)

        assert (refused.value.code, refused.value.param) == (code, param)

    def test_refuses_a_missing_parameter_by_name(self, shop: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.checkout.sessions.create(params={"mode": "payment", "success_url": "https://shop.example"})

        assert (refused.value.code, refused.value.param) == ("parameter_missing", "line_items")


class TestPayOnThePage:
    def test_completes_the_session(self, shop: Any) -> None:
        session = shop.session()

        outcome = shop.pay(session)

        seen = shop.look(session)
        assert outcome.redirect_url == f"https://shop.example/paid?session={session.id}"
        assert (seen.status, seen.payment_status, seen.url) == ("complete", "paid", None)
        assert seen.payment_intent.metadata["order"] == "1"
        assert seen.payment_intent.transfer_group == "order-1"
        assert seen.customer_details.email == "ana@example.com"
        assert seen.payment_intent.latest_charge.balance_transaction.net == 10_000 - 320

    def test_tells_the_story_in_events(self, shop: Any) -> None:
        shop.pay(shop.session())

        assert shop.events() == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "checkout.session.completed",
        ]

    def test_charges_once_when_the_button_is_clicked_twice(self, shop: Any, control: SandboxControl) -> None:
        session = shop.session()
        form = {
            "method": "card",
            "email": "ana@example.com",
            "number": "4242424242424242",
            "exp": "12/34",
            "cvc": "123",
        }

        answers = [requests.post(session.url, data=form, allow_redirects=False, timeout=5) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [303, 303]
        assert len(control.ledger()["charges"]) == 1

    @pytest.mark.parametrize(("card", "code", "decline_code"), DECLINES)
    def test_reports_a_decline(self, shop: Any, card: str, code: str, decline_code: str | None) -> None:
        session = shop.session()

        outcome = shop.pay(session, card=card)

        seen = shop.look(session)
        assert (outcome.status, outcome.code, outcome.decline_code) == ("declined", code, decline_code)
        assert seen.status == "open"
        assert seen.payment_intent.status == "requires_payment_method"
        assert seen.payment_intent.last_payment_error.code == code
        assert seen.payment_intent.latest_charge.status == "failed"

    def test_takes_another_card_after_a_decline(self, shop: Any) -> None:
        session = shop.session()
        shop.pay(session, card="4000000000000002")

        outcome = shop.pay(session)

        assert outcome.status == "paid"
        assert len(shop.v1.payment_intents.list().data) == 1
        assert [charge.status for charge in shop.v1.charges.list().data] == ["succeeded", "failed"]

    @pytest.mark.parametrize(
        ("entry", "code"),
        [
            ({"card": "4242"}, "incomplete_number"),
            ({"card": "4242424242424241"}, "incorrect_number"),
            ({"exp": "13/34"}, "invalid_expiry_month"),
            ({"exp": "01/20"}, "invalid_expiry_year"),
            ({"exp": "soon"}, "incomplete_expiry"),
            ({"cvc": "1"}, "incomplete_cvc"),
            ({"email": "ana"}, "email_invalid"),
            ({"method": "boleto"}, "payment_method_invalid"),
        ],
    )
    def test_refuses_a_wrong_entry(self, shop: Any, entry: dict[str, str], code: str) -> None:
        session = shop.session()

        outcome = shop.pay(session, **entry)

        assert (outcome.status, outcome.code) == ("invalid", code)
        assert shop.look(session).payment_intent is None

    @pytest.mark.parametrize("card", ["4000002500003155", "4000000000003220"])
    def test_asks_the_bank_for_a_challenge(self, shop: Any, card: str) -> None:
        session = shop.session()

        outcome = shop.pay(session, card=card)

        charge = shop.look(session).payment_intent.latest_charge
        assert (outcome.status, outcome.challenged) == ("paid", True)
        assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
        assert "payment_intent.requires_action" in shop.events()

    def test_declines_a_failed_challenge(self, shop: Any) -> None:
        session = shop.session()
        shop.buyer.complete_challenge = False

        outcome = shop.pay(session, card="4000002500003155")

        assert (outcome.status, outcome.code) == ("declined", "payment_intent_authentication_failure")
        assert shop.look(session).status == "open"
        assert shop.look(session).payment_intent.latest_charge is None

    def test_makes_the_money_of_the_bypass_card_available_at_once(self, shop: Any) -> None:
        shop.paid(card="4000000000000077")

        balance = shop.v1.balance.retrieve()

        assert balance.available[0].amount == 9_680
        assert balance.pending[0].amount == 0

    def test_opens_a_review(self, shop: Any) -> None:
        intent = shop.paid(card="4000000000009235")

        assert intent.latest_charge.outcome.type == "manual_review"
        assert shop.v1.reviews.retrieve(intent.review).open
        assert "review.opened" in shop.events()

    def test_waits_for_capture_when_asked_to(self, shop: Any) -> None:
        session = shop.session(payment_intent_data={"capture_method": "manual"})

        shop.pay(session)

        seen = shop.look(session)
        assert (seen.status, seen.payment_status) == ("complete", "unpaid")
        assert seen.payment_intent.status == "requires_capture"
        shop.v1.payment_intents.capture(seen.payment_intent.id)
        assert shop.look(session).payment_status == "paid"


class TestPayLater:
    @pytest.mark.parametrize(
        ("currency", "method"), [("brl", "boleto"), ("eur", "sepa_debit"), ("usd", "us_bank_account")]
    )
    def test_completes_unpaid_and_is_paid_a_day_later(
        self, shop: Any, control: SandboxControl, currency: str, method: str
    ) -> None:
        session = shop.session(currency=currency)
        shop.pay(session, method=method)
        before = shop.look(session)

        control.advance(DAY_S + 1)

        after = shop.look(session)
        assert (before.status, before.payment_status) == ("complete", "unpaid")
        assert before.payment_intent.status == "processing"
        assert (after.payment_status, after.payment_intent.status) == ("paid", "succeeded")
        assert shop.events()[-1] == "checkout.session.async_payment_succeeded"

    def test_fails_when_told_to(self, shop: Any, control: SandboxControl) -> None:
        session = shop.session(currency="brl")
        shop.pay(session, method="boleto")

        control.settle_async(shop.look(session).payment_intent.id, succeeded=False)

        seen = shop.look(session)
        assert (seen.payment_status, seen.payment_intent.status) == ("unpaid", "requires_payment_method")
        assert shop.events()[-1] == "checkout.session.async_payment_failed"
        assert control.ledger()["totals"]["brl"]["captured"] == 0


class TestExpireSession:
    def test_closes_the_page(self, shop: Any) -> None:
        session = shop.session()

        expired = shop.v1.checkout.sessions.expire(session.id)

        assert (expired.status, expired.url) == ("expired", None)
        assert shop.pay(session).status == "closed"
        assert shop.events() == ["checkout.session.expired"]

    def test_refuses_a_paid_session(self, shop: Any) -> None:
        session = shop.session()
        shop.pay(session)

        with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
            shop.v1.checkout.sessions.expire(session.id)

    def test_is_the_only_way_to_call_off_its_intent(self, shop: Any) -> None:
        session = shop.session()
        shop.buyer.pay(url=session.url, card="4000000000000002")
        intent = shop.v1.checkout.sessions.retrieve(session.id).payment_intent

        with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
            shop.v1.payment_intents.cancel(intent)

    def test_happens_by_itself_in_time(self, shop: Any, control: SandboxControl) -> None:
        session = shop.session(expires_at=control.clock() + 3_600)

        control.advance(3_601)

        assert shop.look(session).status == "expired"
        assert control.ledger()["live_payable_sessions"] == []


class TestHostedPage:
    def test_shows_the_cart_in_the_buyers_way_of_writing(self, shop: Any) -> None:
        session = shop.session(amount=107_140, currency="brl", locale="pt-BR")

        page = requests.get(session.url, timeout=5)

        assert "R$\xa01.071,40" in page.text
        assert "Oak chair" in page.text

    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [
            (123_456, "rsd", "RSD1,234.56"),
            (5_000, "jpy", "¥5,000"),
            (1_230, "bhd", "BHD1.230"),
            (50_000, "isk", "ISK500"),
        ],
    )
    def test_shows_all_that_is_charged(self, shop: Any, amount: int, currency: str, written: str) -> None:
        session = shop.session(amount=amount, currency=currency, locale="en")

        assert f"Pay {written}" in requests.get(session.url, timeout=5).text

    def test_escapes_what_the_merchant_wrote(self, shop: Any) -> None:
        line = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "<script>alert(1)</script>"}}
        session = shop.session(line_items=[{"price_data": line}])

        page = requests.get(session.url, timeout=5)

        assert "<script>" not in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]

    def test_keeps_no_card_number(self, shop: Any, running: Any) -> None:
        session = shop.session()
        shop.pay(session, card="4111111111111111")
        shop.pay(session, card="4000000000003220")

        kept = b"".join(
            path.read_bytes() for path in running.store.parent.iterdir() if path.name.startswith(running.store.name)
        )

        assert b"4111111111111111" not in kept
        assert b"4000000000003220" not in kept

    @pytest.mark.parametrize("path", ["/c/pay/cs_test_none", "/c/3ds/pi_none", "/c", "/", "/c/other/x"])
    def test_says_so_when_there_is_nothing(self, shop: Any, path: str) -> None:
        answer = requests.get(shop.base_url + path, timeout=5)

        assert answer.status_code in (404, 410)
        assert "<h1>" in answer.text
