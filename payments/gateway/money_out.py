"""What a provider is asked and says of sellers' accounts, and of the money that goes to them."""

from dataclasses import dataclass
from datetime import datetime

from ledger.money import Money


@dataclass(frozen=True, kw_only=True)
class AccountRequest:
    """What is sent to open a seller's account at the provider."""

    reference: str
    name: str
    country: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """A seller's account at the provider; `bank` tells one set of bank accounts behind it from another, if it says."""

    psp_ref: str
    payouts_enabled: bool
    bank: str = ""


@dataclass(frozen=True, kw_only=True)
class TransferRequest:
    """What is sent to move money from our balance to a seller's account. Stored frozen."""

    reference: str
    destination: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """Money of a transfer that came back to our balance: an object, and a movement, of its own."""

    psp_ref: str
    amount: Money
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What the provider says of a transfer. The reversals are listed only where one transfer was fetched."""

    psp_ref: str
    reference: str
    destination: str
    amount: Money
    reversed: Money
    created_at: datetime
    reversals: tuple[Reversal, ...] = ()
