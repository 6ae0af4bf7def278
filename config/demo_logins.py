"""Log-ins for development, published on purpose. None is ever created where the environment is production."""
# ruff: noqa: S106 - these passwords are no secrets: the README prints them

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """Somebody to sign in as. Without a role: the administrator."""

    username: str
    password: str
    full_name: str
    role: str = ""


PEOPLE = (
    DemoPerson(username="vera", password="vera-views-books", full_name="Vera Viewer", role="viewer"),
    DemoPerson(
        username="oscar", password="oscar-proposes-payouts", full_name="Oscar Operator", role="finance operator"
    ),
    DemoPerson(username="anna", password="anna-approves-payouts", full_name="Anna Approver", role="approver"),
    DemoPerson(username="augusto", password="augusto-audits-books", full_name="Augusto Auditor", role="auditor"),
    DemoPerson(username="admin", password="admin-keeps-the-keys", full_name="Ada Administrator"),
)
