"""The chart of accounts, as code.

An account is a template plus names, per currency: `seller:{seller}:pending` in BRL. A template says what kind
of account it is, whose money stands on it, what its open items are, and whether its balance is stored and guarded
(sellers: locked, checked, never below zero) or derived (the hot accounts of the platform, on which nothing may
queue). On some accounts money is held under its items: each is guarded by itself, and resolved once.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from operations.errors import DomainError

# What a name in an account code is made of: no colon, which ends it.
_NAME = r"[A-Za-z0-9_.\-]+"
# Codes whose template is remembered. A code beyond them is looked up again, which is slower and as right.
_REMEMBERED = 10_000


class AccountType(StrEnum):
    """The five kinds of account, with the side on which they grow."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"
    EQUITY = "equity"

    @property
    def debit_normal(self) -> bool:
        """Tell whether the account grows by debits."""
        return self in (AccountType.ASSET, AccountType.EXPENSE)


class UnknownAccount(DomainError):
    """{code!r} is not an account of the chart."""

    code = "unknown_account"


class Owner(StrEnum):
    """Whose money, or whose debt, an account tells of."""

    PLATFORM = "us"
    PROVIDER = "us, held by the provider"
    BANK = "us, held by the bank"
    SELLER = "the seller"
    PAYER = "whoever paid"
    STATE = "the state"


@dataclass(frozen=True, kw_only=True)
class Template:
    """One line of the chart.

    `item` says what its open items are; empty where lines never settle each other. Where money is `pooled`, it leaves
    for many items at once, under an item of its own: a payout, a deposit. Elsewhere only its own lines settle an item.
    """

    pattern: str
    type: AccountType
    owner: Owner
    purpose: str
    item: str = ""
    guarded: bool = False
    held: bool = False
    pooled: bool = False

    @property
    def itemised(self) -> bool:
        """Tell whether every line must say its item: of what is held, and of what a provider holds for us."""
        return self.held or self.pattern == "psp:{psp}:clearing"

    def matches(self, code: str) -> bool:
        """Tell whether an account code was made from this template."""
        return self._expression.fullmatch(code) is not None

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        literals = re.split(r"\{\w+\}", self.pattern)
        return re.compile(_NAME.join(re.escape(literal) for literal in literals))


CHART: tuple[Template, ...] = (
    Template(
        pattern="psp:{psp}:clearing",
        type=AccountType.ASSET,
        owner=Owner.PROVIDER,
        purpose="what the provider holds for us",
        item="the provider's object: charge, refund, dispute, transfer, payout",
        pooled=True,
    ),
    Template(
        pattern="bank:{account}",
        type=AccountType.ASSET,
        owner=Owner.BANK,
        purpose="what our bank holds for us",
        item="the provider's payout, or the bank's reference",
        pooled=True,
    ),
    Template(
        pattern="deposits:in_transit",
        type=AccountType.ASSET,
        owner=Owner.PLATFORM,
        purpose="sent by the provider to our bank, and not there yet",
        item="the provider's payout",
        held=True,
    ),
    Template(
        pattern="disputes:open",
        type=AccountType.ASSET,
        owner=Owner.PLATFORM,
        purpose="withdrawn by the provider while a dispute is open",
        item="the dispute",
        held=True,
    ),
    Template(
        pattern="seller:{seller}:receivable",
        type=AccountType.ASSET,
        owner=Owner.SELLER,
        purpose="what a seller owes us",
        item="what the debt comes from: the payment order, or the dispute",
        guarded=True,
    ),
    Template(
        pattern="seller:{seller}:pending",
        type=AccountType.LIABILITY,
        owner=Owner.SELLER,
        purpose="earned, not yet delivered or still on hold",
        item="the payment order",
        guarded=True,
    ),
    Template(
        pattern="seller:{seller}:available",
        type=AccountType.LIABILITY,
        owner=Owner.SELLER,
        purpose="may be paid out",
        item="the payment order, or the payout",
        guarded=True,
        pooled=True,
    ),
    Template(
        pattern="seller:{seller}:reserved",
        type=AccountType.LIABILITY,
        owner=Owner.SELLER,
        purpose="rolling reserve: kept back for a time against refunds and disputes",
        item="the payment order",
        guarded=True,
    ),
    Template(
        pattern="payouts:in_transit",
        type=AccountType.LIABILITY,
        owner=Owner.SELLER,
        purpose="reserved for payouts under way",
        item="the payout",
        held=True,
    ),
    Template(
        pattern="suspense:unidentified",
        type=AccountType.LIABILITY,
        owner=Owner.PAYER,
        purpose="received, and not yet known what for",
        item="the receipt",
        held=True,
    ),
    Template(
        pattern="tax:{tax}",
        type=AccountType.LIABILITY,
        owner=Owner.STATE,
        purpose="tax collected for the state",
    ),
    Template(
        pattern="platform:commission",
        type=AccountType.INCOME,
        owner=Owner.PLATFORM,
        purpose="our fee on sales",
    ),
    Template(
        pattern="psp:{psp}:fees",
        type=AccountType.EXPENSE,
        owner=Owner.PLATFORM,
        purpose="what the provider charges",
    ),
    Template(
        pattern="losses:disputes",
        type=AccountType.EXPENSE,
        owner=Owner.PLATFORM,
        purpose="lost disputes that we bear",
    ),
    Template(
        pattern="losses:write_off",
        type=AccountType.EXPENSE,
        owner=Owner.PLATFORM,
        purpose="debts given up",
    ),
    Template(
        pattern="rounding",
        type=AccountType.EXPENSE,
        owner=Owner.PLATFORM,
        purpose="differences of a minor unit or so, from dividing and converting",
    ),
    Template(
        pattern="fx:{psp}:trading",
        type=AccountType.ASSET,
        owner=Owner.PLATFORM,
        purpose="positions between two currencies",
        item="what was exchanged",
    ),
    Template(
        pattern="equity:opening",
        type=AccountType.EQUITY,
        owner=Owner.PLATFORM,
        purpose="the other side of the balances that were brought in when the books were opened",
    ),
)


_BY_HEAD = {
    head: tuple(template for template in CHART if template.pattern.partition(":")[0] == head)
    for head in {template.pattern.partition(":")[0] for template in CHART}
}


@lru_cache(maxsize=_REMEMBERED)
def template_of(code: str) -> Template:
    """Return the template that an account code was made from. Raises UnknownAccount."""
    for template in _BY_HEAD.get(code.partition(":")[0], ()):
        if template.matches(code):
            return template
    raise UnknownAccount(code=code)


def clearing(psp: str) -> str:
    """Return the provider's clearing account."""
    return f"psp:{psp}:clearing"


def fees(psp: str) -> str:
    """Return the provider's fee account."""
    return f"psp:{psp}:fees"


def bank(account: str) -> str:
    """Return a bank account."""
    return f"bank:{account}"


def pending(seller: str) -> str:
    """Return a seller's pending account."""
    return f"seller:{seller}:pending"


def available(seller: str) -> str:
    """Return a seller's available account."""
    return f"seller:{seller}:available"


def receivable(seller: str) -> str:
    """Return the account of what a seller owes us."""
    return f"seller:{seller}:receivable"


def reserved(seller: str) -> str:
    """Return a seller's rolling reserve."""
    return f"seller:{seller}:reserved"


def tax(name: str) -> str:
    """Return the account of a tax collected for the state."""
    return f"tax:{name}"


def trading(psp: str) -> str:
    """Return the account of the positions between two currencies at a provider."""
    return f"fx:{psp}:trading"


COMMISSION = "platform:commission"
DEPOSITS = "deposits:in_transit"
DISPUTES = "disputes:open"
DISPUTE_LOSSES = "losses:disputes"
IN_TRANSIT = "payouts:in_transit"
SUSPENSE = "suspense:unidentified"
ROUNDING = "rounding"
WRITE_OFFS = "losses:write_off"
OPENING = "equity:opening"
