"""What a provider can be asked for at all, and which currencies each takes."""

from dataclasses import dataclass

from ledger.money import Money


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What a provider can be asked for at all. What it lacks is never asked of it.

    `keeps_rest` says that a part of a reservation can be captured and the rest stay reserved.
    """

    currencies: frozenset[str]
    embedded_page: bool
    manual_capture: bool
    keeps_rest: bool


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The least and the most that one payment may be of; none where only the provider knows."""

    least: Money | None = None
    most: Money | None = None


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What Stripe takes for cards (docs.stripe.com/currencies); which of them an account may use is its country's affair.
STRIPE_CURRENCIES = _codes(
    """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP
        CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
        ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN
        MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE
        SOS SRD STD SVC SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XCG XOF XPF YER ZAR
        ZMW
    """
)
# What Mollie takes (docs.mollie.com/docs/multicurrency); levs no more since Bulgaria has the euro (1 January 2026).
MOLLIE_CURRENCIES = _codes(
    """
        AED AUD BRL CAD CHF CZK DKK EUR GBP HKD HUF ILS ISK JPY MXN MYR NOK NZD PHP PLN RON RUB SEK SGD THB TWD USD ZAR
    """
)
