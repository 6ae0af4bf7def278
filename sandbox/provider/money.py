"""Currencies and fees: integer minor units only, with the provider's own exponents.

The provider's exponent is not always that of ISO 4217: ISK and UGX are sent times 100 though they have no
smaller unit, and amounts in three-decimal currencies must end in 0. `step` carries that rule.
"""

from dataclasses import dataclass

from sandbox.provider.errors import InvalidRequest

#: Eight digits at most, as the API documents; of rupiah twelve.
MAX_CHARGE_MINOR = 99_999_999
MAX_CHARGE_RUPIAH = 999_999_999_999


@dataclass(frozen=True)
class Currency:
    """Facts about one currency: exponent, allowed step and least charge in minor units, fees."""

    code: str
    exponent: int = 2
    step: int = 1
    payout_step: int = 1
    min_charge_minor: int = 50
    max_charge_minor: int = MAX_CHARGE_MINOR
    fee_bps: int = 290
    fee_fixed_minor: int = 30
    dispute_fee_minor: int = 1500

    @property
    def shown_decimals(self) -> int:
        """Return how many decimals a buyer is shown: none where only whole units can be charged."""
        return 0 if self.step == 10**self.exponent else self.exponent


_TWO = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf
    cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils
    inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn
    nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd
    std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw
"""
_ZERO = """
    bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf
"""
_THREE = """
    bhd jod kwd omr tnd
"""

CURRENCIES: dict[str, Currency] = {
    **{code: Currency(code) for code in _TWO.split()},
    **{code: Currency(code, exponent=0, fee_fixed_minor=0) for code in _ZERO.split()},
    **{code: Currency(code, exponent=3, step=10, fee_fixed_minor=100) for code in _THREE.split()},
    "brl": Currency("brl", fee_bps=399, fee_fixed_minor=39, dispute_fee_minor=5500),
    "gbp": Currency("gbp", min_charge_minor=30, fee_bps=290, fee_fixed_minor=20, dispute_fee_minor=2000),
    "eur": Currency("eur", dispute_fee_minor=2000),
    "idr": Currency("idr", max_charge_minor=MAX_CHARGE_RUPIAH),
    "bgn": Currency("bgn", min_charge_minor=100),
    "dkk": Currency("dkk", min_charge_minor=250),
    "hkd": Currency("hkd", min_charge_minor=400),
    "czk": Currency("czk", min_charge_minor=1_500),
    "thb": Currency("thb", min_charge_minor=1_000),
    **{code: Currency(code, min_charge_minor=200) for code in ("aed", "myr", "pln", "ron")},
    **{code: Currency(code, min_charge_minor=300) for code in ("nok", "sek")},
    "isk": Currency("isk", step=100, min_charge_minor=10_000, fee_fixed_minor=4_000),
    "ugx": Currency("ugx", step=100, min_charge_minor=200_000, fee_fixed_minor=110_000),
    "huf": Currency("huf", payout_step=100, min_charge_minor=17_500, fee_fixed_minor=8_500),
    "twd": Currency("twd", payout_step=100, min_charge_minor=2_000, fee_fixed_minor=1_000),
    "mxn": Currency("mxn", min_charge_minor=1_000, fee_bps=360, fee_fixed_minor=300, dispute_fee_minor=30_000),
    "jpy": Currency("jpy", exponent=0, fee_bps=360, fee_fixed_minor=0, dispute_fee_minor=1_500),
    "krw": Currency("krw", exponent=0, min_charge_minor=100, fee_fixed_minor=400, dispute_fee_minor=20_000),
}


def known(code: str, *, param: str = "currency") -> Currency:
    """Return the facts about a currency code.

    Raises InvalidRequest for a code that the provider does not know.
    """
    try:
        return CURRENCIES[code.lower()]
    except KeyError:
        raise InvalidRequest(f"Invalid currency: {code}.", code="invalid_currency", param=param) from None


def check_charge(amount_minor: int, code: str, *, param: str = "amount") -> None:
    """Refuse an amount that cannot be charged in this currency, with the provider's code for it."""
    currency = known(code)
    if amount_minor < currency.min_charge_minor:
        least = f"{major(currency.min_charge_minor, code)} {code}"
        raise InvalidRequest(f"Amount must be at least {least}.", code="amount_too_small", param=param)
    if amount_minor > currency.max_charge_minor:
        raise InvalidRequest(
            f"Amount must be no more than {currency.max_charge_minor}.", code="amount_too_large", param=param
        )
    check_step(amount_minor, code, param=param)


def check_step(amount_minor: int, code: str, *, param: str = "amount") -> None:
    """Refuse an amount that is no whole number of the steps in which this currency is charged, refunded and moved."""
    step = known(code).step
    if amount_minor % step:
        raise InvalidRequest(
            f"Amounts in {code} must be divisible by {step}.", code="parameter_invalid_integer", param=param
        )


def processing_fee(amount_minor: int, code: str) -> int:
    """Return the fee for a charge in minor units: a rate rounded half up, and a fixed part.

    Where the currency has no minor unit any more (ISK, UGX), the fee is of whole units like every amount.
    """
    currency = known(code)
    unit = 100 if currency.step == 100 else 1
    return (amount_minor * currency.fee_bps + 5_000 * unit) // (10_000 * unit) * unit + currency.fee_fixed_minor


def major(amount_minor: int, code: str) -> str:
    """Write an amount as a decimal string in major units: `-12.30`, `500` in a zero-decimal currency."""
    exponent = known(code).exponent
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor)).rjust(exponent + 1, "0")
    if exponent == 0:
        return sign + digits
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"
