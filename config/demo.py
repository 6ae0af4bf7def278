"""Log-ins and API keys for development. None of them is ever created where the environment is production."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """Somebody to sign in as. Without a role: the administrator."""

    username: str
    password: str
    full_name: str
    role: str = ""


@dataclass(frozen=True, kw_only=True)
class DemoStorefront:
    """A client of the API with a key that is the same on every machine."""

    slug: str
    name: str
    api_key: str


PEOPLE = (
    DemoPerson(username="vera", password="vera-views-books", full_name="Vera Viewer", role="viewer"),
    DemoPerson(
        username="oscar", password="oscar-proposes-payouts", full_name="Oscar Operator", role="finance operator"
    ),
    DemoPerson(username="anna", password="anna-approves-payouts", full_name="Anna Approver", role="approver"),
    DemoPerson(username="augusto", password="augusto-audits-books", full_name="Augusto Auditor", role="auditor"),
    DemoPerson(username="admin", password="admin-keeps-the-keys", full_name="Ada Administrator"),
)

STOREFRONTS = (
    DemoStorefront(slug="demo", name="Demo shop", api_key="cf_test_demo_4Tq9ZkW2mXc7RbN5vJy8LhPs"),
    DemoStorefront(slug="replay", name="Replayed marketplace", api_key="cf_test_replay_8Gd3QfV6nYt1KwC9xMz5BjRa"),
)
