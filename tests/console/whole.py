"""The whole of the console's world: somebody of each role, and a row behind every page."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User

from config.roles import write_roles
from ledger.services import lock_day
from operations.edges import money_tx
from operations.services import pull_switch
from payments.models import (
    CommissionMinimum,
    CommissionRate,
)
from payouts.models import Batch, Payout
from reconciliation.models import Discrepancy
from tests.console.world import World, brl, eur


def people() -> dict[str, User]:
    """Write the roles and one person of each, and an administrator; nobody has a password."""
    write_roles()
    found: dict[str, User] = {}
    for username, role in (
        ("vera", "viewer"),
        ("oscar", "finance operator"),
        ("anna", "approver"),
        ("augusto", "auditor"),
        ("admin", ""),
    ):
        user, _ = User.objects.get_or_create(username=username, defaults={"is_staff": True, "is_superuser": not role})
        if role:
            user.groups.add(Group.objects.get(name=role))
        found[username] = user
    return found


def full_world() -> World:
    """Return a world with at least one row behind every page."""
    world = World().open()
    yesterday = world.now - timedelta(days=1, hours=2)
    long_ago = world.now - timedelta(days=20)
    first = world.sale(("Ann's Lamps", brl(12_000)), ("Bob's Books", brl(3_050)), at=long_ago, fee_minor=451)
    second = world.sale(("Bob's Books", brl(8_990)), at=yesterday, fee_minor=290)
    world.checkout(("Ann's Lamps", eur(4_999)))
    CommissionRate.objects.create(seller=world.seller("Ann's Lamps"), category="<b>lamps</b>", bps=850)
    CommissionMinimum.objects.create(seller=world.seller("Ann's Lamps"), currency="BRL", minimum_minor=250)
    world.release(first)
    world.refund(second)
    world.inquiry(first)
    world.call(second)
    world.paid_twice(second)
    world.batch()
    world.journal()
    world.dead_job()
    world.statement(
        [
            world.line(first, gross=brl(15_050), fee=brl(451), at=long_ago),
            world.line(second, gross=brl(9_090), fee=brl(290), at=yesterday),
        ],
        start=world.now - timedelta(days=30),
        end=world.now - timedelta(hours=1),
    )
    world.prove()
    with money_tx("test.close"):
        lock_day(business_date=(world.now - timedelta(days=10)).date(), actor="user:oscar", now=world.now)
    pull_switch(name="refunds", reason="the provider announced trouble", actor="user:oscar", now=world.now)
    return world


def rows_of(model: Any) -> Any:
    """Return any row of a model, or None."""
    return model._default_manager.first()


def the_payout(batch: Batch) -> Payout:
    """Return a batch's only, or first, payout."""
    return batch.payouts.order_by("pk")[0]


def a_discrepancy() -> Discrepancy:
    """Return the discrepancy that the second sale's statement line opened."""
    return Discrepancy.objects.get(kind="amount")
