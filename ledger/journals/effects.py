"""What a journal would do to the balances, before it does."""

from dataclasses import dataclass

from ledger import chart
from ledger.models import Account, Hold, ManualJournal
from ledger.money import Money
from ledger.posting import HoldExceeded, InsufficientFunds
from ledger.selectors import balance


class WouldOverdraw(InsufficientFunds):
    """{account} has {before}: this would take it to {after}, and it must not go below zero."""


class HoldTooSmall(HoldExceeded):
    """{account} holds {before} under {item!r}: this would take it to {after}, and a hold resolves only once."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a journal would do to one account now. Amounts are on the account's normal side."""

    account: str
    before: Money
    after: Money
    opens: bool
    guarded: bool

    @property
    def overdraws(self) -> bool:
        """Tell whether the database would refuse it."""
        return self.guarded and self.after.minor < 0


def effects(*, journal: ManualJournal) -> list[Effect]:
    """Return what a journal would do to each of its accounts now, in the order of its lines."""
    changes: dict[tuple[str, str], int] = {}
    for line in journal.entry_lines:
        where = (line.account, line.amount.currency)
        changes[where] = changes.get(where, 0) + line.amount.minor
    codes = {account for account, _ in changes}
    known = set(Account.objects.filter(code__in=codes).values_list("code", "currency"))
    return [
        _effect(account, Money(minor, currency), opens=(account, currency) not in known)
        for (account, currency), minor in changes.items()
    ]


def require_bearable(journal: ManualJournal) -> None:
    """Refuse early, and by name, what the database would refuse when it is booked.

    Raises WouldOverdraw, HoldTooSmall.
    """
    for effect in effects(journal=journal):
        if effect.overdraws:
            raise WouldOverdraw(account=effect.account, before=effect.before, after=effect.after)
    _require_holds(journal)


def _effect(account: str, debit: Money, *, opens: bool) -> Effect:
    template = chart.template_of(account)
    before = balance(code=account, currency=debit.currency)
    return Effect(
        account=account,
        before=before,
        after=before + (debit if template.type.debit_normal else -debit),
        opens=opens,
        guarded=template.guarded,
    )


def _require_holds(journal: ManualJournal) -> None:
    """Refuse to take more than is held under an item of an account such as `payouts:in_transit`."""
    lines = journal.entry_lines
    accounts = {
        (account.code, account.currency): account
        for account in Account.objects.filter(held=True, code__in={line.account for line in lines})
    }
    changes: dict[tuple[str, str, str], Money] = {}
    for line in lines:
        where = (line.account, line.amount.currency, line.item)
        if where[:2] in accounts:
            change = line.amount if chart.template_of(line.account).type.debit_normal else -line.amount
            changes[where] = changes.get(where, Money(0, change.currency)) + change
    for (code, currency, item), change in changes.items():
        hold = Hold.objects.filter(account=accounts[code, currency], item=item).first()
        before = Money(hold.held_minor if hold else 0, currency)
        if (before + change).minor < 0:
            raise HoldTooSmall(account=code, item=item, before=before, after=before + change)
