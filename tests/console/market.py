"""Two weeks of trade to look at: `busy_market()` fills an empty database through the same verbs as the tests.

Run it by hand: `python manage.py shell -c "from tests.console.market import busy_market; busy_market()"`.
"""

import random
from datetime import timedelta

from ledger.money import Money
from ledger.services import lock_day
from operations.edges import money_tx
from operations.selectors import open_approval
from operations.services import grant_approval
from payments.models import Checkout
from reconciliation.services import assign_discrepancy
from tests.console.world import World, brl, eur

SHOPS = (
    "Ateliê Aurora",
    "Bazar do Porto",
    "Casa Curitiba",
    "Doce Ipê",
    "Estúdio Farol",
    "Fábrica de Redes",
    "Galeria Guará",
    "Horta & Cia",
    "Livraria Sabiá",
    "Móveis Jatobá",
)
# Orders a day, oldest first: a quiet Sunday, a promotion, an ordinary week.
RHYTHM = (22, 25, 31, 27, 19, 12, 24, 29, 33, 47, 38, 16, 14, 36)


def busy_market(*, scale: int = 1) -> World:
    """Play two weeks of trade and leave the things that wait for a person."""
    dice = random.Random(7)
    world = World().open()
    sold = [
        _sale(world, dice, days_ago=len(RHYTHM) - 1 - place)
        for place, orders in enumerate(RHYTHM)
        for _ in range(orders * scale)
    ]
    world.release(*sold[: len(sold) * 3 // 5])
    _statement(world, sold)
    _payouts(world)
    world.release(*sold[len(sold) * 3 // 5 : len(sold) * 4 // 5])
    for checkout in sold[-6:-3]:
        world.refund(checkout)
    for _ in range(3):
        world.checkout((dice.choice(SHOPS), brl(dice.randrange(3_000, 40_000))))
    world.dead_job()
    with money_tx("market.close"):
        lock_day(business_date=(world.now - timedelta(days=1)).date(), actor="user:oscar", now=world.now)
    world.prove()
    return world


def _sale(world: World, dice: random.Random, *, days_ago: int) -> Checkout:
    money = eur if dice.random() < 0.22 else brl
    at = world.now - timedelta(days=days_ago, minutes=dice.randrange(5, 240))
    at = min(max(at, (world.now - timedelta(days=days_ago)).replace(hour=0, minute=5)), world.now)
    parts = [(shop, money(dice.randrange(1_900, 38_000))) for shop in dice.sample(SHOPS, k=dice.choice((1, 1, 1, 2)))]
    total = sum(amount.minor for _, amount in parts)
    return world.sale(*parts, at=at, fee_minor=total * 29 // 1000 + 30)


def _statement(world: World, sold: list[Checkout]) -> None:
    """Import a report on all but the latest sales, in which two lines say something else than the books."""
    lines = []
    for place, checkout in enumerate(sold[:-34]):
        fee = Money(checkout.total_minor * 29 // 1000 + 30, checkout.currency)
        gross = checkout.total + (
            Money(1_250, checkout.currency) if place in (20, 111) else Money(0, checkout.currency)
        )
        lines.append(world.line(checkout, gross=gross, fee=fee, at=checkout.created_at))
    lines.append(
        world.line(sold[3], gross=brl(48_000), fee=brl(0), at=world.now - timedelta(days=3), charge="ch_nobody_knows")
    )
    statement = world.statement(lines, start=world.now - timedelta(days=30), end=world.now + timedelta(minutes=1))
    found = statement.lines.get(source_ref="ch_nobody_knows").discrepancies.get()
    assign_discrepancy(discrepancy=found.pk, owner="oscar", actor="user:oscar", now=world.now)


def _payouts(world: World) -> None:
    """Have euros approved and on their way, and reais waiting for a second person."""
    euros = world.batch(currency="EUR")
    approval = _approval(euros.pk)
    grant_approval(approval_id=approval, checker="user:anna", now=world.now, note="checked against the delivery list")
    world.batch(currency="BRL")


def _approval(batch: str) -> int:
    """Return the open approval of a batch."""
    found = open_approval(kind="payouts.batch", subject=f"batch:{batch}")
    assert found is not None
    return found.pk
