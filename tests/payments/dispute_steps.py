"""What the stories of disputes share: how one opens, and what the shop asks and says."""

from datetime import timedelta
from typing import Any

from payments.models import Attempt, Dispute, StorefrontEvent
from tests.world import World

TEXTS = {"product_description": "A chair.\nOak, two arms.", "shipping_tracking_number": "JD014600003RS"}


def charge_of(world: World) -> str:
    """Return the provider's id of the newest charge."""
    return str(Attempt.objects.filter(charge_ref__isnull=False).order_by("-pk")[0].charge_ref)


def open_dispute(world: World, *, amount: int | None = None, inquiry: bool = False) -> Dispute:
    """Let the buyer's bank dispute the newest charge, and take over what the provider says of it."""
    made = world.provider.open_dispute(charge_of(world), amount=amount, inquiry=inquiry)
    world.settle()
    return Dispute.objects.get(psp_ref=made["id"])


def decide(world: World, dispute: Dispute, *, won: bool) -> Dispute:
    """Let the bank decide, and take it over."""
    world.provider.decide_dispute(dispute.psp_ref, won=won)
    world.settle()
    return Dispute.objects.get(pk=dispute.pk)


def hand_in(world: World, dispute: Dispute, *, key: str = "e1", **body: Any) -> Any:
    """Hand in evidence through the API."""
    path = f"/v1/disputes/{dispute.pk}/evidence"
    return world.shop.post(path, {"evidence": TEXTS, **body}, key=key)


def pay_ann_out(world: World, cart: str = "cart-1") -> None:
    """Deliver, release and pay out a cart of ann's."""
    world.deliver_goods(f"{cart}.ann")
    world.release()
    world.pay_out()


def days(number: int) -> timedelta:
    """Return a number of days."""
    return timedelta(days=number)


def told() -> list[str]:
    """Return what the shop would be told of disputes, by type."""
    rows = StorefrontEvent.objects.filter(type__startswith="dispute.").order_by("pk")
    return list(rows.values_list("type", flat=True))
