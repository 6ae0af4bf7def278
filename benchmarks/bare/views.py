"""What a payment costs without any of our care: one view, one transaction, the ORM, the same rows.

No key is looked up, no input validated beyond JSON, nothing is frozen or committed before the call, no move is checked.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.money import parse_amount
from operations.models import IdempotencyKey, Job, StateChange
from payments.models import Attempt, Checkout, PaymentOrder, RiskVerdict, Seller
from payments.services import register_seller

_STOREFRONT = "demo"


def seed() -> None:
    """Register the seller whose goods are sold."""
    register_seller(
        storefront=_STOREFRONT,
        seller_id="bench-1",
        name="Seller 1",
        country="DE",
        actor="system:bench",
        now=timezone.now(),
    )


class BarePayments(APIView):
    """`/bare/payments`."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        """Write the rows of a payment and answer with them."""
        with transaction.atomic():
            body = _write(dict(request.data), key=request.headers["Idempotency-Key"])
        return Response(body, status=201)


def _write(data: dict[str, Any], *, key: str) -> dict[str, Any]:
    now = timezone.now()
    [part] = data["payment_orders"]
    amount = parse_amount(part["amount"], part["currency"])
    seller = Seller.objects.get(storefront=_STOREFRONT, seller_id=part["seller_account"])
    kept = IdempotencyKey.objects.create(scope="bare", key=key, fingerprint=key, created_at=now)
    checkout = Checkout.objects.create(
        storefront_id=_STOREFRONT,
        checkout_id=data["checkout_id"],
        buyer_info=data["buyer_info"],
        currency=amount.currency,
        total_minor=amount.minor,
        expires_at=now + settings.CHECKOUT_LIFE,
        created_at=now,
    )
    order = PaymentOrder.objects.create(
        checkout=checkout,
        storefront_id=_STOREFRONT,
        payment_order_id=part["payment_order_id"],
        seller=seller,
        amount_minor=amount.minor,
        commission_minor=amount.minor // 10,
        currency=amount.currency,
        state_since=now,
    )
    attempt = _attempt(checkout, seller, now)
    RiskVerdict.objects.create(
        checkout=checkout, cart=1, check_kind="accept", decision="accept", decided_by="risk:accept", at=now
    )
    PaymentOrder.objects.filter(pk=order.pk).update(state="EXECUTING")
    Attempt.objects.filter(pk=attempt.pk).update(state="pending", psp_ref=f"cs_{checkout.pk}", sent_at=now, sends=1)
    _trail(order, attempt, now)
    body = {
        "id": checkout.pk,
        "checkout_id": checkout.checkout_id,
        "total": {"amount": amount.text, "currency": amount.currency},
        "payment_orders": [{"payment_order_id": order.payment_order_id, "status": "EXECUTING"}],
    }
    IdempotencyKey.objects.filter(pk=kept.pk).update(response_status=201, response_body=body, subject=checkout.pk)
    return body


def _attempt(checkout: Checkout, seller: Seller, now: Any) -> Attempt:
    params = {
        "reference": checkout.pk,
        "currency": checkout.currency,
        "lines": [{"name": seller.name, "amount_minor": checkout.total_minor}],
        "success_url": f"{settings.PUBLIC_URL}/pay/{checkout.pk}/return",
        "cancel_url": f"{settings.PUBLIC_URL}/pay/{checkout.pk}/return",
        "expires_at": int(checkout.expires_at.timestamp()),
    }
    return Attempt.objects.create(
        checkout=checkout,
        number=1,
        cart=1,
        amount_minor=checkout.total_minor,
        currency=checkout.currency,
        psp="stripe",
        psp_key=f"{checkout.pk}:1",
        params=params,
        created_at=now,
        state_since=now,
    )


def _trail(order: PaymentOrder, attempt: Attempt, now: Any) -> None:
    """Write the jobs and the moves."""
    Job.objects.bulk_create(
        Job(kind=kind, key=attempt.pk, args={"attempt": attempt.pk}, next_at=now + timedelta(minutes=2))
        for kind in ("payments.register_attempt", "payments.sync_attempt")
    )
    Job.objects.filter(kind="payments.register_attempt", key=attempt.pk).update(state="done", finished_at=now)
    StateChange.objects.bulk_create(
        StateChange(machine=machine, subject_id=row, event=event, from_state=old, to_state=new, actor="bare", at=now)
        for machine, row, event, old, new in (
            ("payment_order", order.pk, "start", "NOT_STARTED", "EXECUTING"),
            ("attempt", attempt.pk, "register", "created", "pending"),
        )
    )
