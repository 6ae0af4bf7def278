"""Our commission on a sale, the tax on it, and what of both is given back with a refund. Pure, and exact to the cent.

A seller's terms have a rate in basis points, which a rate for the sale's category overrides, and in some currencies
a minimum, which is an amount: fifty are 0.50 EUR, 50 JPY or 0.050 BHD, and none of them follows from another. The
tax on the commission comes on top, at a rate of its own, and is rounded once. Together they never take more than
the sale: where they would, they are all of it, and the commission is that part of it on which the tax is the rest.
"""

from dataclasses import dataclass

from ledger.money import Money, basis_points

ALL_BPS = 10_000


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a seller agreed to: rates in basis points, and the least commission on a sale in that currency."""

    bps: int
    minimum: Money | None = None
    tax_bps: int = 0


@dataclass(frozen=True, kw_only=True)
class Commission:
    """Our part of a sale."""

    commission: Money
    tax: Money


def commission_of(gross: Money, terms: Terms) -> Commission:
    """Return our commission on a sale and the tax on it; together at most the sale. Both are rounded half up.

    A minimum in another currency than the sale's is none of this sale's.
    """
    least = terms.minimum.minor if terms.minimum and terms.minimum.currency == gross.currency else 0
    commission = Money(max(basis_points(gross, terms.bps).minor, least), gross.currency)
    tax = basis_points(commission, terms.tax_bps)
    if (commission + tax).minor > gross.minor:
        commission = Money(_rounded(gross.minor * ALL_BPS, ALL_BPS + terms.tax_bps), gross.currency)
        tax = gross - commission
    return Commission(commission=commission, tax=tax)


def given_back(
    *, sold: Commission, gross: Money, earlier: Money, refund: Money, already: Commission | None = None
) -> Commission:
    """Return what a refund gives back of the commission and of its tax: in all refunds so far, less the earlier ones.

    Cumulative, so that however a sale is refunded in parts, a full refund gives back exactly the commission and
    exactly the tax, and no part gives back more than it refunds. The two are counted together first, and what
    they come to is then divided: counted apart, their roundings could exceed a small refund.

    `already` is what the earlier ones gave back as booked, which is what they should have given back unless one of
    them failed late; without it they are taken to have given back exactly that.
    """
    ours = sold.commission.minor + sold.tax.minor

    def so_far(refunded_minor: int) -> tuple[int, int]:
        both = _rounded(ours * refunded_minor, gross.minor)
        commission = _rounded(sold.commission.minor * both, ours) if ours else 0
        return commission, both - commission

    commission_before, tax_before = (already.commission.minor, already.tax.minor) if already else so_far(earlier.minor)
    commission, tax = so_far((earlier + refund).minor)
    back = max(0, min(commission - commission_before, refund.minor))
    return Commission(
        commission=Money(back, gross.currency),
        tax=Money(max(0, min(tax - tax_before, refund.minor - back)), gross.currency),
    )


def of_part(*, sold: Commission, gross: Money, earlier: Money, part: Money) -> Commission:
    """Return what we earn with a captured part of a sale: cumulative, as a refund gives it back."""
    return given_back(sold=sold, gross=gross, earlier=earlier, refund=part)


def _rounded(numerator: int, denominator: int) -> int:
    """Return a quotient of what is not negative, half rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)
