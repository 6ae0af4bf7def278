"""Where the provider's messages arrive, and where the buyer comes back to."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from operations.services import DomainError
from operations.switchboard import UnknownKind
from payments import selectors, services
from payments.gateway import provider
from payments.gateway.base import BadSignature
from payments.models import Attempt, Checkout
from payments.pages.policy import localised, page, page_with_form
from payments.states import AttemptState, OrderState

MAX_WEBHOOK_BYTES = 256 * 1024
# How the orders of a checkout add up for the buyer: the first of these that any of them is in.
_STANDS = (
    ("action", {OrderState.REQUIRES_ACTION}),
    ("review", {OrderState.IN_REVIEW}),
    ("waiting", {OrderState.NOT_STARTED, OrderState.EXECUTING, OrderState.UNKNOWN}),
)
# After how many seconds the page looks again.
_LOOK_AGAIN_S = {"waiting": 3, "action": 5, "left": 10, "review": 60, "on_its_way": 600}


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
            signature=provider(psp).signature_of(headers=request.headers, query=request.GET.dict()),
            now=timezone.now(),
        )
    except UnknownKind:
        return JsonResponse({"error": "no such provider"}, status=404)
    except BadSignature as error:
        return JsonResponse({"error": f"not accepted: {error}"}, status=400)
    return JsonResponse({"received": True})


def _stands(found: Checkout, attempt: Attempt | None, states: set[str]) -> str:
    """Return in a word where a checkout stands for its buyer."""
    # What is reserved, or captured in part, is all that the shop wants of the buyer for now.
    if found.is_payment_done or states & {OrderState.AUTHORIZED, *_captured(found)}:
        return "paid"
    waits = next((name for name, of in _STANDS if states & of), "not_paid")
    if waits in ("waiting", "action") and attempt is not None and attempt.processing_since is not None:
        return "on_its_way"
    return waits


def _captured(found: Checkout) -> set[str]:
    """Return SUCCESS where the shop captures later: some of its orders may be released, and the buyer is done."""
    return {OrderState.SUCCESS} if found.capture_method == "manual" else set()


@never_cache
@require_GET
def embedded(request: HttpRequest, checkout: str) -> HttpResponse:
    """Show the provider's form on a page of ours, where checkouts are registered so."""
    try:
        found = selectors.checkout(checkout=checkout)
    except DomainError:
        return page(request, "payments/return_missing.html", {}, status=404)
    attempt = selectors.latest_attempt(checkout=checkout)
    if attempt is None or attempt.state != AttemptState.PENDING or not attempt.page_secret:
        return redirect("buyer-return", checkout=checkout)
    context = {
        "checkout": found,
        "total": localised(found.total, request),
        "secret": attempt.page_secret,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "script_url": settings.STRIPE_JS_URL,
        "return_url": found.return_url,
    }
    return page_with_form(request, "payments/embedded.html", context)


@never_cache
@require_GET
def buyer_return(request: HttpRequest, checkout: str) -> HttpResponse:
    """Show the buyer where the payment stands. The redirect itself proves nothing: we look at our own state.

    It is a hint, though, that there is something to ask the provider about.
    """
    try:
        found = selectors.checkout(checkout=checkout)
    except DomainError:
        return page(request, "payments/return_missing.html", {}, status=404)
    states = {order.state for order in found.orders.all() if order.cart == found.cart}
    attempt = selectors.latest_attempt(checkout=checkout)
    status, now = _stands(found, attempt, states), timezone.now()
    page_url = attempt.page_url if attempt and status == "action" else ""
    # Who comes by the provider's way back has not paid, as far as we know; anybody can come by it, so it is words only.
    if status == "waiting" and "left" in request.GET:
        page_url = selectors.payable_page(checkout=found, now=now)
        status = "left" if page_url else status
    if status in _LOOK_AGAIN_S:
        services.buyer_returned(checkout=checkout, now=now)
    context = {
        "checkout": found,
        "status": status,
        "total": localised(found.total, request),
        "return_url": found.return_url,
        "reserved": OrderState.AUTHORIZED in states,
        "too_late": status == "not_paid" and OrderState.SUCCESS in states,
        "page_url": page_url,
        "look_again_s": _LOOK_AGAIN_S.get(status),
    }
    return page(request, "payments/return.html", context)
