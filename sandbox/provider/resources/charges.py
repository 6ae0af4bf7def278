"""Charges, and the reviews that may hold them."""

from typing import Any

from sandbox.provider import payments
from sandbox.provider.errors import Refused
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import EXPAND, PAGE, metadata, text

Json = dict[str, Any]


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a charge."""
    return scope.find("charge", id, param="charge")


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change metadata, description or transfer group of a charge."""
    charge = scope.find("charge", id, param="charge")
    charge["metadata"] = merge_metadata(charge["metadata"], params.get("metadata"))
    for name in ("description", "transfer_group"):
        charge[name] = params.get(name, charge[name])
    return scope.store.save(charge)


def index(scope: Scope, params: Json) -> Json:
    """List charges."""
    wanted = {name: params.get(name) for name in ("payment_intent", "customer", "transfer_group")}
    return page_of(scope, "charge", "/v1/charges", params, wanted)


def retrieve_review(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a review."""
    return scope.find("review", id, param="review")


def list_reviews(scope: Scope, params: Json) -> Json:
    """List open reviews."""
    return page_of(scope, "review", "/v1/reviews", params, {"open": True})


def approve_review(scope: Scope, params: Json, *, id: str) -> Json:
    """Approve a review.

    Raises Refused when it is closed.
    """
    review = scope.find("review", id, param="review")
    closed = payments.close_review(scope, scope.find("charge", review["charge"]), reason="approved")
    if closed is None:
        raise Refused(f"The review {id} is already closed.", param="review")
    return closed


ROUTES = [
    Route(
        "GET",
        "/v1/charges",
        "charge.list",
        index,
        {**PAGE, "payment_intent": text(), "customer": text(), "transfer_group": text()},
    ),
    Route("GET", "/v1/charges/<id>", "charge.retrieve", retrieve, EXPAND),
    Route(
        "POST",
        "/v1/charges/<id>",
        "charge.update",
        update,
        {**EXPAND, "metadata": metadata(), "description": text(empty=True), "transfer_group": text()},
    ),
    Route("GET", "/v1/reviews", "review.list", list_reviews, PAGE),
    Route("GET", "/v1/reviews/<id>", "review.retrieve", retrieve_review, EXPAND),
    Route("POST", "/v1/reviews/<id>/approve", "review.approve", approve_review, EXPAND),
]
