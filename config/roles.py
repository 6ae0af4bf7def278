"""Who may see and do what in the console.

Seeing is Django's view permission. Doing has no permissions of its own making: the add or change permission of
the subject carries the hand, because no page of the console writes rows by itself.
"""

from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

_MONEY_ROOMS = ("ledger", "payments", "payouts", "reconciliation")
_ROOMS = (*_MONEY_ROOMS, "operations")

# What each hand lets one do, as the console says it.
HANDS = {
    "payouts.add_batch": "propose a batch",
    "ledger.add_manualjournal": "write and submit manual journals",
    "payments.change_dispute": "hand in evidence",
    "reconciliation.change_discrepancy": "assign or resolve a discrepancy",
    "payments.change_eventdelivery": "send a message to a shop again",
    "payments.change_webhookevent": "act on a kept event once more",
    "payments.change_surplus": "send back again what was paid twice",
    "operations.change_job": "replay or discard a dead letter",
    "operations.change_humantask": "close a question",
    "operations.add_stopswitch": "pull a stop switch",
    "payments.change_seller": "agree who bears lost disputes",
    "operations.change_approval": "approve or reject what somebody else proposed",
    "operations.change_stopswitch": "let a stop switch go",
}


@dataclass(frozen=True, kw_only=True)
class Role:
    """A group of people: the rooms they see, and the hands they have."""

    name: str
    sees: tuple[str, ...]
    hands: tuple[str, ...] = ()


ROLES = (
    Role(name="viewer", sees=_MONEY_ROOMS),
    Role(
        name="finance operator",
        sees=_ROOMS,
        hands=(
            "payouts.add_batch",
            "ledger.add_manualjournal",
            "payments.change_dispute",
            "reconciliation.change_discrepancy",
            "payments.change_eventdelivery",
            "payments.change_webhookevent",
            "payments.change_surplus",
            "operations.change_job",
            "operations.change_humantask",
            "operations.add_stopswitch",
        ),
    ),
    Role(
        name="approver",
        sees=_ROOMS,
        hands=(
            "payments.change_seller",
            "operations.change_approval",
            "operations.add_stopswitch",
            "operations.change_stopswitch",
        ),
    ),
    Role(name="auditor", sees=_ROOMS),
)


def write_roles() -> None:
    """Create the roles, or bring their permissions to exactly what stands here."""
    for role in ROLES:
        group, _ = Group.objects.get_or_create(name=role.name)
        group.permissions.set(_permissions(role))


def _permissions(role: Role) -> list[Permission]:
    wanted = Q(content_type__app_label__in=role.sees, codename__startswith="view_")
    for hand in role.hands:
        app, codename = hand.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.filter(wanted))
