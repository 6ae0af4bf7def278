"""Where the provider's messages arrive, and where the buyer comes back to."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from operations.services import DomainError
from operations.switchboard import UnknownKind
from payments import selectors, services
from payments.gateway.base import BadSignature
from payments.states import OrderState

MAX_WEBHOOK_BYTES = 256 * 1024
_WAITING = {
    OrderState.NOT_STARTED,
    OrderState.EXECUTING,
    OrderState.UNKNOWN,
    OrderState.REQUIRES_ACTION,
    OrderState.IN_REVIEW,
}


@csrf_exempt
@require_POST
def receive_webhook(request: HttpRequest, psp: str) -> HttpResponse:
    """Take in a provider's message: size, signature, row, 200. What it means is a job's business."""
    if int(request.headers.get("Content-Length") or 0) > MAX_WEBHOOK_BYTES:
        return JsonResponse({"error": "too large"}, status=413)
    try:
        services.receive_event(
            psp=psp,
            payload=request.body,
            signature=request.headers.get("Stripe-Signature", ""),
            now=timezone.now(),
        )
    except UnknownKind:
        return JsonResponse({"error": "no such provider"}, status=404)
    except BadSignature as error:
        return JsonResponse({"error": f"not accepted: {error}"}, status=400)
    return JsonResponse({"received": True})


@never_cache
@require_GET
def buyer_return(request: HttpRequest, checkout: str) -> HttpResponse:
    """Show the buyer where the payment stands. The redirect itself proves nothing: we look at our own state."""
    try:
        found = selectors.checkout(checkout=checkout)
    except DomainError:
        return render(request, "payments/return_missing.html", status=404)
    states = {order.state for order in found.orders.all()}
    status = "paid" if found.is_payment_done else ("waiting" if states & _WAITING else "not_paid")
    return render(
        request,
        "payments/return.html",
        {"checkout": found, "status": status, "total": found.total.display, "return_url": found.return_url},
    )
