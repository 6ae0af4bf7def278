"""Errors as RFC 9457 problem+json: the one place where an error meets HTTP."""

import logging
from typing import Any

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from config import refusals
from config.middleware import request_id
from operations.errors import DomainError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
# Stable code -> HTTP status; an anticipated error that is not here is a conflict with the present state.
STATUSES = {
    "unauthorized": 401,
    "idempotency_key_missing": 400,
    "idempotency_key_malformed": 400,
    "idempotency_key_reused": 422,
    "request_in_progress": 409,
    "unknown_seller": 422,
    "unknown_payment": 404,
    "unknown_currency": 422,
    "bad_amount": 422,
    "amount_not_representable": 422,
    "amount_too_small": 422,
    "amount_too_large": 422,
    "no_provider": 422,
    "currency_mismatch": 422,
    "refund_exceeds_paid": 422,
    "not_refundable": 409,
    "payment_disputed": 422,
    "unknown_dispute": 404,
    "evidence_not_wanted": 409,
    "evidence_under_way": 409,
    "evidence_too_long": 422,
    "evidence_file_refused": 422,
    "too_many_evidence_files": 409,
    "unknown_evidence_file": 422,
    "checkout_exists": 409,
    "payment_order_exists": 409,
    "seller_exists": 409,
    "tax_unnamed": 422,
    "provider_refused": 422,
    "payment_refused": 422,
    "provider_unavailable": 503,
    "instruction_refused": 422,
    "capture_exceeds_authorized": 422,
    "not_capturable": 409,
    "rest_not_kept": 422,
    "not_cancelable": 409,
    "not_replaceable": 409,
    "outcome_unknown": 409,
    "delivery_in_future": 422,
    "delivery_before_payment": 422,
    "stopped": 503,
    "unknown_parameter": 400,
    "bad_parameter": 400,
    "rate_limited": 429,
    "unknown_event": 404,
    "unknown_endpoint": 404,
    "unknown_delivery": 404,
    "unknown_event_types": 422,
    "address_refused": 422,
    "period_reversed": 422,
}
# Conflicts that pass by themselves: the client is told when to ask again.
_NOT_YET = {"request_in_progress", "outcome_unknown", "evidence_under_way"}
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    411: "Length required",
    413: "Too large",
    415: "Unsupported media type",
    422: "The request is well-formed but wrong",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now",
}


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem that an API error is; None lets a bug become a plain 500."""
    match error:
        case DomainError():
            status, body = _of_ours(error)
        case exceptions.ValidationError():
            status, body = 422, _problem(422, code="invalid", detail="Some fields are wrong.")
            body["errors"] = [{"field": field, "message": message} for field, message in _flatten(error.detail)]
        case exceptions.APIException():
            status = error.status_code
            code = error.get_codes() if isinstance(error.get_codes(), str) else error.default_code
            body = _problem(status, code=str(code), detail=str(error.detail))
        case Http404():
            status, body = 404, _problem(404, code="not_found", detail="There is nothing at this address.")
        case OperationalError():
            # At commit this means "unknown", never "failed": the client repeats with its key.
            logger.error("the database did not answer: %s", error)
            status, body = (
                503,
                _problem(503, code="unavailable", detail="Try again with the same Idempotency-Key."),
            )
        case _:
            return None
    headers = _headers(error, status)
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def refusal(error: DomainError) -> JsonResponse:
    """Return the problem that an error is, for who answers before any view does."""
    status, body = _of_ours(error)
    return JsonResponse(body, status=status, headers=_headers(error, status), content_type=CONTENT_TYPE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a problem for an address that does not exist; in the console, a page with a way back."""
    if refusals.in_the_console(request):
        return refusals.nowhere(request)
    return JsonResponse(
        _problem(404, code="not_found", detail="There is nothing at this address."),
        status=404,
        content_type=CONTENT_TYPE,
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a problem for a request that no view is asked about: it names a host that is not ours, or has too much."""
    if refusals.in_the_console(request):
        return defaults.bad_request(request, exception)
    detail = "The request is refused as it stands: its Host is none of ours, or it has too many fields."
    return JsonResponse(
        _problem(400, code="bad_request", detail=detail),
        status=400,
        content_type=CONTENT_TYPE,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Return a problem, in the console a page, without any detail; the log has the rest, under the request's id."""
    if refusals.in_the_console(request):
        return refusals.broken()
    return JsonResponse(
        _problem(500, code="internal", detail="Something went wrong here."),
        status=500,
        content_type=CONTENT_TYPE,
    )


def _of_ours(error: DomainError) -> tuple[int, dict[str, Any]]:
    status = STATUSES.get(error.code, 409)
    body = _problem(status, code=error.code, detail=str(error))
    if error.parameter:
        body["errors"] = [{"field": error.parameter, "message": str(error)}]
    return status, body


def _problem(status: int, *, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:counterfoil:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id.get(),
    }


def _headers(error: Exception, status: int) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": getattr(error, "auth_header", 'Bearer realm="counterfoil"')}
    if status in (429, 503) or getattr(error, "code", "") in _NOT_YET:
        return {"Retry-After": str(int(getattr(error, "wait", None) or 2))}
    return {}


def _flatten(detail: Any, path: str = "") -> list[tuple[str, str]]:
    """Return each message with the path of its field: payment_orders[0].amount."""
    if isinstance(detail, dict):
        return [pair for name, inner in detail.items() for pair in _flatten(inner, _step(path, name))]
    if isinstance(detail, list):
        found: list[tuple[str, str]] = []
        for position, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            found += _flatten(inner, f"{path}[{position}]" if nested else path) if inner else []
        return found
    return [(path or "body", str(detail))]


def _step(path: str, name: str | int) -> str:
    """Return the path one level further in: a name, a place in a list, or the same for errors of the whole."""
    if name == "non_field_errors":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name
