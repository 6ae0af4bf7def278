"""The chart of accounts, as code.

An account is a template plus names, per currency: `seller:{seller}:pending` in BRL. A template says what kind
of account it is, and whether its balance is stored and guarded (sellers: locked, checked, never below zero)
or derived (the hot accounts of the platform, on which nothing may queue).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from operations.errors import DomainError


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


@dataclass(frozen=True, kw_only=True)
class Template:
    """One line of the chart."""

    pattern: str
    type: AccountType
    purpose: str
    guarded: bool = False

    def matches(self, code: str) -> bool:
        """Tell whether an account code was made from this template."""
        expression = re.sub(r"\\\{\w+\\\}", r"[A-Za-z0-9_.\\-]+", re.escape(self.pattern))
        return re.fullmatch(expression, code) is not None


CHART: tuple[Template, ...] = (
    Template(pattern="psp:{psp}:clearing", type=AccountType.ASSET, purpose="what the provider holds for us"),
    Template(pattern="bank:{account}", type=AccountType.ASSET, purpose="what our bank holds for us"),
    Template(
        pattern="seller:{seller}:receivable",
        type=AccountType.ASSET,
        purpose="what a seller owes us",
        guarded=True,
    ),
    Template(
        pattern="seller:{seller}:pending",
        type=AccountType.LIABILITY,
        purpose="earned, not yet delivered or still on hold",
        guarded=True,
    ),
    Template(
        pattern="seller:{seller}:available",
        type=AccountType.LIABILITY,
        purpose="may be paid out",
        guarded=True,
    ),
    Template(
        pattern="seller:{seller}:reserved",
        type=AccountType.LIABILITY,
        purpose="rolling reserve",
        guarded=True,
    ),
    Template(pattern="payouts:in_transit", type=AccountType.LIABILITY, purpose="reserved for payouts under way"),
    Template(
        pattern="suspense:unidentified",
        type=AccountType.LIABILITY,
        purpose="received, and not yet known what for",
    ),
    Template(pattern="tax:{tax}", type=AccountType.LIABILITY, purpose="tax collected for the state"),
    Template(pattern="platform:commission", type=AccountType.INCOME, purpose="our fee on sales"),
    Template(pattern="psp:{psp}:fees", type=AccountType.EXPENSE, purpose="what the provider charges"),
    Template(pattern="losses:disputes", type=AccountType.EXPENSE, purpose="disputes that we bear"),
    Template(pattern="losses:write_off", type=AccountType.EXPENSE, purpose="debts given up"),
    Template(pattern="rounding", type=AccountType.EXPENSE, purpose="differences below one minor unit"),
    Template(pattern="fx:{psp}:trading", type=AccountType.ASSET, purpose="positions between two currencies"),
)


def template_of(code: str) -> Template:
    """Return the template that an account code was made from. Raises UnknownAccount."""
    for template in CHART:
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


COMMISSION = "platform:commission"
IN_TRANSIT = "payouts:in_transit"
SUSPENSE = "suspense:unidentified"
