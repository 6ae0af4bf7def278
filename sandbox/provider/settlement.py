"""In which currency trade reaches an account's balance: the one it was charged in, or another at the day's rate.

An account with bank accounts in several currencies settles each in its own; that is how every account starts. One
that was given a settlement currency has every charge, refund and dispute in a currency with a rate converted.
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.provider import money, payouts
from sandbox.provider.errors import InvalidRequest
from sandbox.provider.scope import Scope

Json = dict[str, Any]


def choose(scope: Scope, currency: str | None, rates: Mapping[str, str]) -> Json:
    """Have the account's trade settled in a currency from now on, at these rates; None ends it. Return the account.

    A rate is what one unit of a currency (a dollar, a yen) is worth in the settlement currency, as decimal text.
    """
    account = payouts.account_object(scope)
    if currency is None:
        account.pop("_settlement", None)
        return scope.store.save(account)
    code = money.known(currency).code
    account["_settlement"] = {"currency": code, "rates": {money.known(of).code: _rate(rates[of]) for of in rates}}
    account["default_currency"] = code
    return scope.store.save(account)


def settled(scope: Scope, amount: int, currency: str) -> Json:
    """Return what a movement of trade is on the account's balance, as keywords of `funds.book`."""
    chosen = payouts.account_object(scope).get("_settlement") or {"currency": currency, "rates": {}}
    rate = chosen["rates"].get(currency)
    if rate is None or chosen["currency"] == currency:
        return {"amount": amount, "currency": currency}
    sold, bought = money.known(currency), money.known(chosen["currency"])
    # What the API writes is between amounts as it writes them: a yen is worth 0.6 euro cents.
    shown = Decimal(rate).scaleb(bought.exponent - sold.exponent)
    return {
        "amount": _converted(amount, sold, bought, Decimal(rate)),
        "currency": bought.code,
        "converted": {"amount": amount, "currency": currency, "rate": json.loads(f"{shown:f}")},
    }


def presented(txn: Json) -> int:
    """Return a movement's amount in the currency in which the buyer paid."""
    return int((txn.get("_presented") or txn)["amount"])


def _converted(amount: int, sold: money.Currency, bought: money.Currency, rate: Decimal) -> int:
    """Convert an amount, half a unit away from zero: to the smallest unit in which the currency moves."""
    times, by = rate.as_integer_ratio()
    numerator = abs(amount) * times * int(10**bought.exponent)
    denominator = by * int(10**sold.exponent) * bought.step
    steps = (2 * numerator + denominator) // (2 * denominator)
    return (steps if amount >= 0 else -steps) * bought.step


def _rate(text: Any) -> str:
    try:
        rate = Decimal(text) if isinstance(text, str) else Decimal(0)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise InvalidRequest(f"A rate is a decimal number above zero, as text, not {text!r}.")
    return f"{rate:f}"
