"""`manage.py replay_orders`: a marketplace's published orders, played for real."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config.demo import day, report
from config.demo.storefronts import REPLAY, NotInProduction, ensure
from config.demo.totals import totals
from sandbox.storefront.carts import Cart, CartsUnreadable, read_carts
from sandbox.storefront.shop import ShopRefused
from sandbox.storefront.trade import NoPage, NotPaid, Trade

CURRENCY = "BRL"
COUNTRY = "BR"


class Command(BaseCommand):
    """Play orders through HTTP, then pay out, reconcile and close the day."""

    help = (
        "Play marketplace orders through the API and the provider's hosted page: one payment order per seller, "
        "price + freight, paid, delivered as recorded or when placed, canceled ones refunded; then payouts, statement, "
        "reconciliation and close. The last line is one JSON object. The same file again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--orders", type=Path, required=True, help="CSV of orders: order_id, customer_id, …")
        parser.add_argument("--items", type=Path, required=True, help="CSV of items: order_id, seller_id, price, …")
        parser.add_argument("--limit", type=int, help="play only the first N orders")
        parser.add_argument("--json", action="store_true", help="print nothing but the JSON line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, and print the report; exit 1 unless the books are proved and nothing is unexplained."""
        started = time.monotonic()
        try:
            carts, empty = read_carts(orders=options["orders"], items=options["items"], limit=options["limit"])
            ensure(REPLAY)
        except (CartsUnreadable, NotInProduction) as error:
            raise CommandError(str(error)) from error
        console = Console(quiet=options["json"])
        if empty:
            console.print(f"{len(empty)} orders have no items, so there is nothing to pay: left out.")
        try:
            self._play(carts, console)
            end = day.end_of_day(currency=CURRENCY, storefront=REPLAY.slug)
        except (ShopRefused, NoPage, NotPaid, day.DayNotFinished) as error:
            raise CommandError(str(error)) from error
        sums = totals(
            storefront=REPLAY.slug,
            checkout_ids=[cart.order_id for cart in carts],
            end=end,
            seconds=int(time.monotonic() - started),
        )
        report.print_trial_balance(console, [CURRENCY])
        report.print_day_end(console, end)
        self.stdout.write(report.totals_as_json(sums))
        if not end.books_proved or end.unexplained_minor or end.open_discrepancies:
            raise SystemExit(1)

    def _play(self, carts: list[Cart], console: Console) -> None:
        trade = Trade(base_url=settings.PUBLIC_URL, api_key=REPLAY.api_key, currency=CURRENCY)
        sellers = sorted({seller for cart in carts for seller in cart.sellers})
        delivered = sum(1 for cart in carts if cart.delivered_at)
        canceled = sum(1 for cart in carts if cart.canceled)
        columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal or console.quiet) as progress:

            def bar(label: str, total: int) -> Any:
                task = progress.add_task(label, total=total)
                return lambda: progress.advance(task)

            named = [(seller, f"Seller {seller[:8]}", COUNTRY) for seller in sellers]
            trade.register_sellers(named, done=bar("Sellers registered", len(sellers)))
            trade.place_and_pay(carts, done=bar("Orders placed and paid", len(carts)))
            trade.wait_until_paid(carts, done=bar("Orders booked", len(carts)))
            trade.deliver(carts, done=bar("Orders delivered", delivered))
            trade.refund_canceled(carts, done=bar("Canceled orders refunded", canceled))
        day.wait_for_refunds(REPLAY.slug)
        day.wait_for_seller_accounts(REPLAY.slug)
