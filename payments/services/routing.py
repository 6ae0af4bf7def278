"""Which provider takes a new checkout: the routes of the settings, less whoever cannot do what is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from ledger.money import Money
from payments.errors import AmountNotRepresentable, AmountTooLarge, AmountTooSmall, NoProvider
from payments.gateway import Gateway, provider
from payments.models import Checkout, PaymentOrder
from payments.services.common import require_charged, require_representable

# Why a provider cannot make a page.
UNABLE = (NoProvider, AmountNotRepresentable, AmountTooSmall, AmountTooLarge)
Unable = NoProvider | AmountNotRepresentable | AmountTooSmall | AmountTooLarge


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a page is wanted for, as far as it decides who can make it: each order's amount, and how it is taken.

    Each amount, not only their sum: an order may be captured and refunded by itself.
    """

    storefront: str
    amounts: tuple[Money, ...]
    capture_method: str

    @property
    def currency(self) -> str:
        """Return the one currency of all amounts."""
        return self.amounts[0].currency


def wish_of(checkout: Checkout, orders: Sequence[PaymentOrder]) -> Wish:
    """Return what a checkout's page is wanted for."""
    amounts = tuple(order.amount for order in orders)
    return Wish(storefront=checkout.storefront_id, amounts=amounts, capture_method=checkout.capture_method)


def route(routes: Mapping[str, Sequence[str]], *, storefront: str, currency: str) -> list[str]:
    """Return the providers for a storefront's payments in a currency, by preference: the narrowest entry's alone."""
    entries = (f"{storefront}/{currency}", storefront, f"*/{currency}", "*")
    return list(next((routes[entry] for entry in entries if entry in routes), ()))


def takers(wish: Wish) -> list[str]:
    """Return the providers that can make a page, by preference.

    Raises NoProvider, AmountNotRepresentable, AmountTooSmall or AmountTooLarge where there is none, naming the
    request's field that keeps away the one which would be preferred.
    """
    found: list[str] = []
    refusals: list[Unable] = []
    for psp in route(settings.PSP_ROUTES, storefront=wish.storefront, currency=wish.currency):
        try:
            require_able(psp, wish)
            found.append(psp)
        except UNABLE as refusal:
            refusals.append(refusal)
    if found:
        return found
    if len(refusals) == 1:
        raise refusals[0]
    reasons = "; ".join(map(_reason, refusals)) or f"no route leads anywhere in {wish.currency}"
    raise NoProvider(reasons=reasons, **(_field(refusals[0]) if refusals else {}))


def require_able(psp: str, wish: Wish) -> None:
    """Raise one of UNABLE, naming the request's field, where a provider cannot make a page."""
    gateway = provider(psp)
    lacking = _lacking(gateway, wish)
    if lacking:
        reason, field = lacking
        raise NoProvider(reasons=f"{psp} {reason}", **({"parameter": field} if field else {}))
    for place, amount in enumerate(wish.amounts):
        require_representable(amount, gateway, field=f"payment_orders[{place}].amount")
    require_charged(wish.amounts, gateway)


def _lacking(gateway: Gateway, wish: Wish) -> tuple[str, str] | None:
    """Return what a provider lacks, and the request's field that asks for it; the page's kind is a setting of ours."""
    abilities = gateway.abilities
    if wish.currency not in abilities.currencies:
        return f"does not take {wish.currency}", "payment_orders[0].currency"
    if wish.capture_method == "manual" and not abilities.manual_capture:
        return "cannot reserve an amount to be captured later", "capture_method"
    if settings.CHECKOUT_PAGE == "embedded" and not abilities.embedded_page:
        return "has no page that can be embedded (CHECKOUT_PAGE)", ""
    return None


def _reason(refusal: Unable) -> str:
    return str(refusal.facts.get("reasons") or str(refusal).rstrip("."))


def _field(refusal: Unable) -> dict[str, str]:
    return {"parameter": refusal.facts["parameter"]} if "parameter" in refusal.facts else {}
