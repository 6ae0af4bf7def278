"""A story that makes the provider emit every kind of object, and an SDK client that records every answer."""

import io
import json
from typing import Any

import pytest
import stripe

from sandbox.control import SandboxControl
from sandbox.storefront.buyer import Buyer

Json = dict[str, Any]
DAY_S = 86_400


def _page(expand: list[str]) -> Any:
    return {"limit": 100, "expand": expand}


class RecordingClient(stripe.RequestsClient):
    """The SDK's own HTTP client, keeping the JSON of every answer."""

    def __init__(self) -> None:
        super().__init__(timeout=10)
        self.answers: list[tuple[str, Json]] = []

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        content, status, headers = super().request(method, url, *args, **kwargs)
        self.answers.append((f"{method} {url} {status}", json.loads(content)))
        return content, status, headers


class Story:
    """A marketplace's life in a minute: every endpoint is used, every object and event comes out."""

    def __init__(self, client: stripe.StripeClient, control: SandboxControl) -> None:
        self.v1 = client.v1
        self.control = control
        self.buyer = Buyer()

    def session(self, *, currency: str = "usd", amount: int = 5_000, **extra: Any) -> Any:
        params: Any = {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {
                        "currency": currency,
                        "unit_amount": amount,
                        "product_data": {"name": "Chair", "description": "Oak"},
                    },
                    "quantity": 2,
                }
            ],
            "success_url": "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
            "client_reference_id": "order-1",
            "metadata": {"checkout": "c1"},
            "payment_intent_data": {"metadata": {"order": "1"}, "transfer_group": "order-1"},
        }
        params.update(extra)
        return self.v1.checkout.sessions.create(params=params)

    def paid(self, card: str = "4242424242424242", **extra: Any) -> Any:
        session = self.session(**extra)
        self.buyer.pay(url=session.url, card=card)
        return self.v1.checkout.sessions.retrieve(
            session.id, params={"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
        )

    def play(self) -> None:
        self.v1.webhook_endpoints.create(
            params={"url": "http://127.0.0.1:9/", "enabled_events": ["*"], "metadata": {"a": "b"}}
        )
        self.pay_ins()
        self.intents()
        self.late_money()
        self.refunds()
        self.disputes()
        self.sellers()
        self.reports()
        self.lists()

    def pay_ins(self) -> None:
        self.paid()
        for card in ("4000000000000002", "4000000000000127", "4000002500003155", "4000000000000077"):
            self.paid(card)
        expired = self.session()
        self.v1.checkout.sessions.expire(expired.id)
        self.v1.checkout.sessions.update(self.session().id, params={"metadata": {"x": "y"}})
        self.v1.checkout.sessions.line_items.list(expired.id)
        embedded: Any = {"ui_mode": "embedded_page", "return_url": "https://shop.example/back"}
        self.session(**embedded)
        review = self.paid("4000000000009235").payment_intent.review
        self.v1.reviews.retrieve(review)
        self.v1.reviews.list()
        self.v1.reviews.approve(review)

    def intents(self) -> None:
        customer = self.v1.customers.create(params={"email": "ana@example.com", "name": "Ana"})
        method = self.v1.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}})
        self.v1.payment_methods.attach(method.id, params={"customer": customer.id})
        self.v1.payment_methods.list(params={"customer": customer.id})
        intent = self.v1.payment_intents.create(
            params={"amount": 2_000, "currency": "eur", "capture_method": "manual", "customer": customer.id}
        )
        self.v1.payment_intents.update(intent.id, params={"metadata": {"a": "b"}})
        self.v1.payment_intents.confirm(intent.id, params={"payment_method": method.id})
        self.v1.payment_intents.capture(intent.id, params={"amount_to_capture": 1_500, "expand": ["latest_charge"]})
        held: Any = {"amount": 900, "currency": "usd", "capture_method": "manual", "confirm": True}
        held["payment_method"] = "pm_card_visa"
        for _ in range(2):
            last = self.v1.payment_intents.create(params=held)
        self.v1.payment_intents.cancel(last.id, params={"cancellation_reason": "abandoned"})
        held["payment_method"] = "pm_card_threeDSecure2Required"
        self.v1.payment_intents.create(params=held)
        held["payment_method"] = "pm_card_chargeDeclined"
        with pytest.raises(stripe.CardError):
            self.v1.payment_intents.create(params=held)
        self.control.advance(8 * DAY_S)

    def late_money(self) -> None:
        for currency, method in (("brl", "boleto"), ("eur", "sepa_debit"), ("usd", "us_bank_account")):
            for email in ("ana@example.com", "fail@example.com"):
                session = self.session(currency=currency)
                self.buyer.pay(url=session.url, method=method, email=email)
        self.control.advance(2 * DAY_S)

    def refunds(self) -> None:
        intent = self.paid().payment_intent
        self.v1.refunds.create(params={"payment_intent": intent.id, "amount": 100, "metadata": {"r": "1"}})
        refund = self.v1.refunds.create(params={"charge": intent.latest_charge.id, "reason": "duplicate"})
        self.v1.refunds.update(refund.id, params={"metadata": {"x": "y"}})
        for card in ("4000000000005126", "4000000000007726"):
            self.v1.refunds.create(params={"payment_intent": self.paid(card).payment_intent.id})
        waiting = self.v1.refunds.create(params={"payment_intent": self.paid("4000000000007726").payment_intent.id})
        self.v1.refunds.cancel(waiting.id)
        late = self.session(currency="eur")
        self.buyer.pay(url=late.url, method="sepa_debit")
        self.control.advance(2 * DAY_S)
        done = self.v1.checkout.sessions.retrieve(late.id)
        self.v1.refunds.create(params={"payment_intent": str(done.payment_intent)})

    def disputes(self) -> None:
        charges = [self.paid("4000000000000259").payment_intent.latest_charge.id for _ in range(3)]
        self.control.advance(DAY_S + 1)
        won, lost, lapsed = (self.v1.disputes.list(params={"charge": charge}).data[0].id for charge in charges)
        receipt = io.BytesIO(b"%PDF-1.7\n%%EOF\n")
        receipt.name = "receipt.pdf"
        file = self.v1.files.create(params={"purpose": "dispute_evidence", "file": receipt})
        self.v1.files.retrieve(file.id)
        self.v1.files.list(params={"purpose": "dispute_evidence", "limit": 10})
        self.v1.disputes.update(
            won, params={"evidence": {"uncategorized_text": "winning_evidence", "receipt": file.id}}
        )
        self.v1.disputes.close(lost)
        self.control.advance(12 * DAY_S)
        assert self.v1.disputes.retrieve(lapsed).status == "lost"
        inquiry = self.control.open_dispute(self.paid().payment_intent.latest_charge.id, inquiry=True)
        self.v1.disputes.update(inquiry["id"], params={"metadata": {"x": "y"}})

    def sellers(self) -> None:
        account = self.v1.accounts.create(
            params={
                "country": "US",
                "email": "ann@example.com",
                "controller": {"stripe_dashboard": {"type": "none"}, "requirement_collection": "application"},
                "capabilities": {"transfers": {"requested": True}},
                "business_profile": {"name": "Ann's Chairs"},
                "settings": {"payouts": {"schedule": {"interval": "daily"}}},
            }
        )
        self.v1.accounts.update(account.id, params={"metadata": {"seller": "ann"}})
        self.control.set_account(account.id, payouts_enabled=False)
        self.control.set_account(account.id, payouts_enabled=True)
        self.v1.accounts.retrieve_current()
        charge = self.paid().payment_intent.latest_charge
        transfer = self.v1.transfers.create(
            params={
                "amount": 1_000,
                "currency": "usd",
                "destination": account.id,
                "source_transaction": charge.id,
                "metadata": {"payout": "p1"},
                "expand": ["destination_payment"],
            }
        )
        self.v1.transfers.update(transfer.id, params={"metadata": {"x": "y"}})
        reversal = self.v1.transfers.reversals.create(transfer.id, params={"amount": 300})
        self.v1.transfers.reversals.retrieve(transfer.id, reversal.id)
        self.v1.transfers.reversals.list(transfer.id)
        payout = self.v1.payouts.create(params={"amount": 500, "currency": "usd", "metadata": {"x": "y"}})
        self.v1.payouts.update(payout.id, params={"metadata": {"z": "y"}})
        self.v1.payouts.cancel(self.v1.payouts.create(params={"amount": 600, "currency": "usd"}).id)
        failing = self.v1.payouts.create(params={"amount": 700, "currency": "usd"})
        self.control.move_payout(failing.id, "failed")
        self.control.sweep("usd")
        self.control.advance(6 * DAY_S)
        seller: Any = {"stripe_account": account.id}
        assert self.v1.payouts.list(options=seller).data[0].status == "paid"
        self.v1.balance.retrieve(options=seller)
        self.v1.balance_transactions.list(options=seller)
        self.v1.charges.list(options=seller)
        self.v1.events.list(params={"limit": 100}, options=seller)
        self.v1.payouts.retrieve(payout.id, params={"expand": ["balance_transaction", "destination"]})

    def reports(self) -> None:
        end = self.control.clock()
        for report_type in ("balance_change_from_activity.itemized.3", "payout_reconciliation.itemized.5"):
            run = self.v1.reporting.report_runs.create(
                params={
                    "report_type": report_type,
                    "parameters": {"interval_start": end - 90 * DAY_S, "interval_end": end, "currency": "usd"},
                }
            )
            ready = self.v1.reporting.report_runs.retrieve(run.id)
            assert ready.result is not None
            self.v1.files.retrieve(ready.result.id)

    def lists(self) -> None:
        page: Any = {"limit": 100}
        self.v1.checkout.sessions.list(params=page)
        self.v1.payment_intents.list(params=page)
        self.v1.charges.list(params=_page(["data.refunds", "data.review"]))
        self.v1.refunds.list(params=_page(["data.failure_balance_transaction"]))
        self.v1.transfers.list(params=page)
        self.v1.payouts.list(params=page)
        self.v1.balance.retrieve()
        self.v1.balance_transactions.list(params=_page(["data.source"]))
        self.v1.disputes.list(params=page)
        self.v1.accounts.list(params=page)
        self.v1.customers.list(params=page)
        self.v1.webhook_endpoints.list(params=page)
        self.v1.reporting.report_runs.list(params=page)
        for event in self.v1.events.list(params=page).auto_paging_iter():
            assert event.id
