"""`manage.py play_day`: an invented day of trade, played through the real surfaces."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console

from config.demo import day, report
from config.demo.storefronts import DEMO, NotInProduction, ensure
from config.demo.totals import totals
from sandbox.storefront.invent import SELLERS, InventedDay, invent_day
from sandbox.storefront.shop import ShopRefused
from sandbox.storefront.trade import NoPage, NotPaid, Trade

CURRENCY = "EUR"


class Command(BaseCommand):
    """Invent a day of orders and play it to its end."""

    help = "Play an invented day of trade: sales, declines, refunds, deliveries, payouts, statement, close of day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--orders", type=int, default=40, help="how many carts (default 40)")
        parser.add_argument("--report", action="store_true", help="end with the totals as one JSON line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, and print what happened; exit 1 unless the books are proved and nothing is unexplained."""
        started = time.monotonic()
        console = Console()
        now = timezone.now()
        invented = invent_day(
            run=f"day-{now:%y%m%d-%H%M%S}", orders=options["orders"], delivered_at=now.isoformat(timespec="seconds")
        )
        try:
            ensure(DEMO)
            held = self._play(invented)
            end = day.end_of_day(currency=CURRENCY, storefront=DEMO.slug)
        except (NotInProduction, ShopRefused, NoPage, NotPaid, day.DayNotFinished) as error:
            raise CommandError(str(error)) from error
        seconds = int(time.monotonic() - started)
        ids = [cart.order_id for cart in invented.carts]
        sums = totals(storefront=DEMO.slug, checkout_ids=ids, end=end, seconds=seconds)
        report.print_trial_balance(console, [CURRENCY])
        declined = sum(1 for cards in invented.cards.values() if len(cards) > 1)
        console.print(
            f"{len(ids)} carts in {seconds} s: {len(invented.abandoned)} abandoned, {declined} paid at the second "
            f"card, {sum(cart.canceled for cart in invented.carts)} canceled and refunded."
        )
        if held:
            console.print(f"{held} carts are held for a person's review: see Checkouts in the console.")
        report.print_day_end(console, end)
        if options["report"]:
            self.stdout.write(report.totals_as_json(sums))
        if not end.books_proved or end.unexplained_minor or end.open_discrepancies:
            raise SystemExit(1)

    def _play(self, invented: InventedDay) -> int:
        """Let the day pass, but for its end; return how many carts a risk check held."""
        trade = Trade(
            base_url=settings.PUBLIC_URL,
            api_key=DEMO.api_key,
            currency=CURRENCY,
            cards=lambda cart: invented.cards[cart.order_id],
            abandoned=invented.abandoned,
        )
        trade.register_sellers(SELLERS, done=_quietly)
        trade.place_and_pay(invented.carts, done=_quietly)
        trade.wait_until_paid(invented.carts, done=_quietly)
        trade.deliver(invented.carts, done=_quietly)
        trade.refund_canceled(invented.carts, done=_quietly)
        day.wait_for_refunds(DEMO.slug)
        day.wait_for_seller_accounts(DEMO.slug)
        return len(trade.held)


def _quietly() -> None:
    """Note one step done, without a progress bar."""
