"""Carts to be played: read from a marketplace's published order files."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

_ORDER_COLUMNS = ("order_id", "customer_id", "order_status", "order_delivered_customer_date")
_ITEM_COLUMNS = ("order_id", "seller_id", "price", "freight_value")


class CartsUnreadable(Exception):
    """The order files cannot be read; the message names the file, the line and the field."""


@dataclass(frozen=True, kw_only=True)
class Cart:
    """One order: what each seller is owed by the buyer, in major units as text, and what became of it.

    `sellers` keeps the order in which the sellers first appear. `delivered_at` is an ISO 8601 instant, or empty.
    """

    order_id: str
    buyer_id: str
    sellers: dict[str, Decimal]
    delivered_at: str = ""
    canceled: bool = False

    @property
    def total(self) -> Decimal:
        """Return what the buyer pays."""
        return sum(self.sellers.values(), start=Decimal(0))

    def payment_order_ids(self) -> dict[str, str]:
        """Return one payment order id per seller, the same each time the file is read."""
        return {seller: f"{self.order_id}.{number}" for number, seller in enumerate(self.sellers, start=1)}


def read_carts(*, orders: Path, items: Path, limit: int | None = None) -> tuple[list[Cart], list[str]]:
    """Return the carts of two CSV files in the files' order, and the ids of orders that have nothing to pay.

    An order's total is the sum of price + freight_value over its items. Raises CartsUnreadable.
    """
    amounts: dict[str, dict[str, Decimal]] = {}
    for line_no, row in _rows(items, _ITEM_COLUMNS):
        price, freight = (_amount(items, line_no, name, row[name]) for name in ("price", "freight_value"))
        sellers = amounts.setdefault(row["order_id"], {})
        sellers[row["seller_id"]] = sellers.get(row["seller_id"], Decimal(0)) + price + freight
    carts: list[Cart] = []
    empty: list[str] = []
    seen: set[str] = set()
    for line_no, row in _rows(orders, _ORDER_COLUMNS):
        if row["order_id"] in seen:
            raise CartsUnreadable(f"{orders.name}, line {line_no}, order_id: {row['order_id']} appears twice")
        seen.add(row["order_id"])
        owed = {seller: total for seller, total in amounts.get(row["order_id"], {}).items() if total}
        if not owed:
            empty.append(row["order_id"])
            continue
        carts.append(_cart(row, owed))
        if limit is not None and len(carts) >= limit:
            break
    return carts, empty


def _cart(row: dict[str, str], owed: dict[str, Decimal]) -> Cart:
    canceled = row["order_status"] == "canceled"
    return Cart(
        order_id=row["order_id"],
        buyer_id=row["customer_id"],
        sellers=owed,
        delivered_at="" if canceled else row["order_delivered_customer_date"],
        canceled=canceled,
    )


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise CartsUnreadable(f"{path.name}, line 1: the column {missing[0]} is missing")
            for row in reader:
                if None in row or None in row.values():
                    raise CartsUnreadable(f"{path.name}, line {reader.line_num}: the number of cells is wrong")
                if not row["order_id"]:
                    raise CartsUnreadable(f"{path.name}, line {reader.line_num}, order_id: this must not be empty")
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CartsUnreadable(f"{path.name} cannot be read: {error}") from error


def _amount(path: Path, line_no: int, field: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise CartsUnreadable(f"{path.name}, line {line_no}, {field}: {text!r} is not an amount") from error
    if not value.is_finite() or value < 0:
        raise CartsUnreadable(f"{path.name}, line {line_no}, {field}: {text!r} is not an amount")
    return value
