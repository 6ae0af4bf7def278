"""Payment intents, refunds, disputes and reviews."""

from typing import Any

import pytest
import stripe

from sandbox.control import ControlRefused, SandboxControl

DAY_S = 86_400


class TestPaymentIntent:
    def create(self, shop: Any, **extra: Any) -> Any:
        params: Any = {"amount": 5_000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa", **extra}
        return shop.v1.payment_intents.create(params=params)

    def test_is_confirmed_at_once(self, shop: Any) -> None:
        intent = self.create(shop, expand=["latest_charge"])

        assert (intent.status, intent.amount_received) == ("succeeded", 5_000)
        assert intent.latest_charge.captured

    def test_is_confirmed_later(self, shop: Any) -> None:
        intent = self.create(shop, confirm=False)

        confirmed = shop.v1.payment_intents.confirm(intent.id)

        assert (intent.status, confirmed.status) == ("requires_confirmation", "succeeded")

    def test_raises_a_card_error_that_keeps_the_failed_charge(self, shop: Any) -> None:
        with pytest.raises(stripe.CardError) as declined:
            self.create(shop, payment_method="pm_card_chargeDeclinedInsufficientFunds")

        problem: Any = declined.value.error
        assert declined.value.http_status == 402
        assert (problem.code, problem.decline_code) == ("card_declined", "insufficient_funds")
        assert shop.v1.charges.retrieve(problem.charge).failure_code == "card_declined"
        assert problem.payment_intent.status == "requires_payment_method"

    def test_sends_the_buyer_to_the_bank(self, shop: Any) -> None:
        intent = self.create(
            shop, payment_method="pm_card_threeDSecure2Required", return_url="https://shop.example/back"
        )

        answer = shop.buyer.confirm(url=intent.next_action.redirect_to_url.url)

        assert intent.status == "requires_action"
        assert answer.redirect_url.startswith("https://shop.example/back?payment_intent=pi_")
        assert shop.v1.payment_intents.retrieve(intent.id).status == "succeeded"

    def test_is_captured_in_part(self, shop: Any, control: SandboxControl) -> None:
        intent = self.create(shop, capture_method="manual")

        captured = shop.v1.payment_intents.capture(
            intent.id, params={"amount_to_capture": 3_000, "expand": ["latest_charge"]}
        )

        assert (intent.status, intent.amount_capturable) == ("requires_capture", 5_000)
        assert (captured.amount_received, captured.amount_capturable) == (3_000, 0)
        assert captured.latest_charge.amount_refunded == 2_000
        assert control.ledger()["totals"]["usd"]["captured"] == 3_000

    def test_that_is_captured_in_part_shows_the_rest_as_a_refund_that_nobody_asked_for(self, shop: Any) -> None:
        intent = self.create(shop, capture_method="manual")

        shop.v1.payment_intents.capture(intent.id, params={"amount_to_capture": 3_000})

        [rest] = shop.v1.refunds.list(params={"payment_intent": intent.id, "expand": ["data.balance_transaction"]}).data
        charge = shop.v1.charges.retrieve(rest.charge, params={"expand": ["balance_transaction"]})
        moved = [(txn.amount, txn.reporting_category) for txn in (charge.balance_transaction, rest.balance_transaction)]
        assert (rest.amount, rest.status, rest.metadata.to_dict()) == (2_000, "succeeded", {})
        assert moved == [(5_000, "charge"), (-2_000, "partial_capture_reversal")]
        assert "refund.created" in shop.events()

    def test_that_is_released_leaves_a_refund_behind_that_moved_nothing(self, shop: Any) -> None:
        intent = self.create(shop, capture_method="manual")

        shop.v1.payment_intents.cancel(intent.id)

        [rest] = shop.v1.refunds.list(params={"payment_intent": intent.id}).data
        assert (rest.amount, rest.balance_transaction) == (5_000, None)
        assert "refund.created" in shop.events()

    def test_refuses_to_capture_an_amount_between_two_steps(self, shop: Any) -> None:
        params = {"amount": 10_000, "currency": "bhd", "capture_method": "manual", "confirm": True}
        intent = shop.v1.payment_intents.create(params={**params, "payment_method": "pm_card_visa"})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.payment_intents.capture(intent.id, params={"amount_to_capture": 5_001})

        assert (refused.value.code, refused.value.param) == ("parameter_invalid_integer", "amount_to_capture")

    def test_refuses_to_capture_more_than_was_authorised(self, shop: Any) -> None:
        intent = self.create(shop, capture_method="manual")

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.payment_intents.capture(intent.id, params={"amount_to_capture": 5_001})

        assert refused.value.code == "amount_too_large"

    def test_releases_an_authorisation_after_a_week(self, shop: Any, control: SandboxControl) -> None:
        intent = self.create(shop, capture_method="manual")

        control.advance(7 * DAY_S + 1)

        lapsed = shop.v1.payment_intents.retrieve(intent.id)
        [rest] = shop.v1.refunds.list(params={"payment_intent": intent.id}).data
        assert (lapsed.status, lapsed.cancellation_reason) == ("canceled", "automatic")
        assert (rest.amount, rest.reason, rest.balance_transaction) == (5_000, "expired_uncaptured_charge", None)
        assert "charge.expired" in shop.events()

    def test_is_canceled_but_not_after_success(self, shop: Any) -> None:
        open_, done = self.create(shop, confirm=False), self.create(shop)

        canceled = shop.v1.payment_intents.cancel(open_.id)

        assert canceled.status == "canceled"
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.payment_intents.cancel(done.id)
        assert refused.value.code == "payment_intent_unexpected_state"


class TestRefund:
    def test_gives_everything_back(self, shop: Any) -> None:
        intent = shop.paid()

        refund = shop.v1.refunds.create(params={"payment_intent": intent.id})

        charge = shop.v1.charges.retrieve(intent.latest_charge.id)
        assert (refund.status, refund.amount) == ("succeeded", 10_000)
        assert (charge.refunded, charge.amount_refunded) == (True, 10_000)

    def test_comes_in_parts_up_to_the_charge(self, shop: Any) -> None:
        charge = shop.paid().latest_charge.id

        shop.v1.refunds.create(params={"charge": charge, "amount": 6_000})
        shop.v1.refunds.create(params={"charge": charge, "amount": 4_000})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.refunds.create(params={"charge": charge, "amount": 1})
        assert refused.value.code == "charge_already_refunded"
        assert sum(refund.amount for refund in shop.v1.refunds.list(params={"charge": charge}).data) == 10_000

    def test_refuses_an_amount_between_two_steps(self, shop: Any) -> None:
        charge = shop.paid(currency="bhd").latest_charge.id

        with pytest.raises(stripe.InvalidRequestError, match="Amounts in bhd must be divisible by 10") as refused:
            shop.v1.refunds.create(params={"charge": charge, "amount": 5_001})

        assert (refused.value.code, refused.value.param) == ("parameter_invalid_integer", "amount")

    def test_refuses_more_than_is_left(self, shop: Any) -> None:
        charge = shop.paid().latest_charge.id
        shop.v1.refunds.create(params={"charge": charge, "amount": 6_000})

        with pytest.raises(stripe.InvalidRequestError, match=r"40\.00 usd") as refused:
            shop.v1.refunds.create(params={"charge": charge, "amount": 4_001})

        assert refused.value.param == "amount"

    def test_keeps_the_fee(self, shop: Any, control: SandboxControl) -> None:
        shop.v1.refunds.create(params={"payment_intent": shop.paid().id})

        assert control.ledger()["totals"]["usd"]["net"] == -320

    def test_fails_late_and_returns_the_money(self, shop: Any, control: SandboxControl) -> None:
        intent = shop.paid()
        rule = {"op": "refund.create", "action": "fail_late", "args": {"after_s": 3_600, "reason": "declined"}}
        control.plan([rule])
        refund = shop.v1.refunds.create(params={"payment_intent": intent.id})

        control.advance(3_601)

        failed = shop.v1.refunds.retrieve(refund.id, params={"expand": ["failure_balance_transaction"]})
        assert (refund.status, failed.status, failed.failure_reason) == ("succeeded", "failed", "declined")
        assert failed.failure_balance_transaction.amount == 10_000
        assert shop.v1.charges.retrieve(intent.latest_charge.id).amount_refunded == 0
        assert "refund.failed" in shop.events()

    def test_stays_pending_until_it_is_canceled(self, shop: Any) -> None:
        refund = shop.v1.refunds.create(params={"payment_intent": shop.paid(card="4000000000007726").id})

        canceled = shop.v1.refunds.cancel(refund.id)

        assert (refund.status, canceled.status) == ("pending", "canceled")
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.refunds.cancel(refund.id)

    def test_succeeds_after_pending(self, shop: Any, control: SandboxControl) -> None:
        refund = shop.v1.refunds.create(params={"payment_intent": shop.paid(card="4000000000007726").id})

        control.advance(DAY_S + 1)

        assert shop.v1.refunds.retrieve(refund.id).status == "succeeded"


class TestDispute:
    def test_opens_a_day_after_the_test_card(self, shop: Any, control: SandboxControl) -> None:
        charge = shop.paid(card="4000000000000259").latest_charge.id

        control.advance(DAY_S + 1)

        dispute = shop.v1.disputes.list(params={"charge": charge}).data[0]
        assert (dispute.status, dispute.amount) == ("needs_response", 10_000)
        assert [txn.net for txn in dispute.balance_transactions] == [-11_500]
        assert shop.v1.charges.retrieve(charge).disputed
        assert {"charge.dispute.created", "charge.dispute.funds_withdrawn"} <= set(shop.events())

    def test_gives_the_money_back_when_won(self, shop: Any, control: SandboxControl) -> None:
        dispute = control.open_dispute(shop.paid().latest_charge.id)
        under_review = shop.v1.disputes.update(dispute["id"], params={"evidence": {"product_description": "A chair"}})

        control.decide_dispute(dispute["id"], won=True)

        won = shop.v1.disputes.retrieve(dispute["id"])
        assert under_review.status == "under_review"
        assert won.status == "won"
        assert [txn.amount for txn in won.balance_transactions] == [-10_000, 10_000]
        assert shop.events()[-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]

    def test_takes_no_more_evidence_than_the_bank_reads(self, shop: Any, control: SandboxControl) -> None:
        dispute = control.open_dispute(shop.paid().latest_charge.id)
        texts = ("access_activity_log", "cancellation_rebuttal", "product_description", "uncategorized_text")
        more = ("refund_policy_disclosure", "refund_refusal_explanation", "cancellation_policy_disclosure")
        shop.v1.disputes.update(dispute["id"], params={"evidence": dict.fromkeys(texts, "x" * 20_000), "submit": False})

        with pytest.raises(stripe.InvalidRequestError, match="150000 characters"):
            shop.v1.disputes.update(
                dispute["id"],
                params={
                    "evidence": {**dict.fromkeys(more, "x" * 20_000), "billing_address": "x" * 10_001},
                    "submit": False,
                },
            )

    def test_is_decided_by_the_magic_words(self, shop: Any, control: SandboxControl) -> None:
        dispute = control.open_dispute(shop.paid().latest_charge.id, reason="product_not_received")
        shop.v1.disputes.update(dispute["id"], params={"evidence": {"uncategorized_text": "losing_evidence"}})

        control.advance(DAY_S + 1)

        assert shop.v1.disputes.retrieve(dispute["id"]).status == "lost"

    def test_is_lost_without_an_answer(self, shop: Any, control: SandboxControl) -> None:
        dispute = control.open_dispute(shop.paid().latest_charge.id)

        control.advance(11 * DAY_S)

        assert shop.v1.disputes.retrieve(dispute["id"]).status == "lost"

    def test_may_be_opened_again_after_it_was_won(self, shop: Any, control: SandboxControl) -> None:
        dispute = control.open_dispute(shop.paid().latest_charge.id)
        control.decide_dispute(dispute["id"], won=True)

        control.reopen_dispute(dispute["id"])

        again = shop.v1.disputes.retrieve(dispute["id"])
        assert (again.status, again.is_charge_refundable) == ("appeal_needs_response", False)
        assert [txn.net for txn in again.balance_transactions] == [-11_500, 10_000, -11_500]
        with pytest.raises(ControlRefused, match="was won"):
            control.reopen_dispute(dispute["id"])
        control.advance(11 * DAY_S)
        assert shop.v1.disputes.retrieve(dispute["id"]).status == "lost"

    def test_is_accepted_by_closing_it(self, shop: Any, control: SandboxControl) -> None:
        dispute = control.open_dispute(shop.paid().latest_charge.id)

        closed = shop.v1.disputes.close(dispute["id"])

        assert closed.status == "lost"
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.disputes.close(dispute["id"])

    def test_forbids_a_refund_meanwhile(self, shop: Any, control: SandboxControl) -> None:
        intent = shop.paid()
        control.open_dispute(intent.latest_charge.id)

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.refunds.create(params={"payment_intent": intent.id})

        assert refused.value.code == "charge_disputed"

    def test_withdraws_nothing_for_an_inquiry(self, shop: Any, control: SandboxControl) -> None:
        dispute = control.open_dispute(shop.paid().latest_charge.id, inquiry=True)

        control.advance(11 * DAY_S)

        closed = shop.v1.disputes.retrieve(dispute["id"])
        assert (closed.status, closed.balance_transactions) == ("warning_closed", [])


class TestReview:
    def test_is_approved_over_the_api(self, shop: Any) -> None:
        review = shop.paid(card="4000000000009235").review

        approved = shop.v1.reviews.approve(review)

        assert (approved.open, approved.closed_reason) == (False, "approved")
        assert shop.events()[-1] == "review.closed"
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.reviews.approve(review)

    def test_is_refunded_as_fraud_by_fate(self, shop: Any, control: SandboxControl) -> None:
        intent = shop.paid(card="4000000000009235")

        control.decide_review(intent.review, approve=False)

        assert shop.v1.reviews.retrieve(intent.review).closed_reason == "refunded_as_fraud"
        assert shop.v1.charges.retrieve(intent.latest_charge.id).refunded
