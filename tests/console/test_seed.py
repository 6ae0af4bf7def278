import io

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.demo.storefronts import DEMO, REPLAY
from config.demo_logins import PEOPLE
from config.roles import ROLES
from operations.models import ApiKey, AuditEntry, StopSwitch, Storefront
from operations.services import authenticate_storefront, pull_switch
from tests.console.world import World


def seed(*options: str) -> str:
    output = io.StringIO()
    call_command("seed", *options, stdout=output)
    return output.getvalue()


def permissions_of(role: str) -> set[str]:
    found = Group.objects.get(name=role).permissions.select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in found}


class TestSeed:
    def test_lets_everybody_sign_in(self, db: None) -> None:
        seed()

        users = {user.username: user for user in User.objects.all()}
        assert all(users[person.username].check_password(person.password) for person in PEOPLE)
        assert all(user.is_staff for user in users.values())
        assert [user.username for user in users.values() if user.is_superuser] == ["admin"]

    def test_hands_out_the_keys_that_it_prints(self, db: None) -> None:
        output = seed()

        now = World().now
        assert [authenticate_storefront(secret=one.api_key, now=now).slug for one in (DEMO, REPLAY)] == [
            "demo",
            "replay",
        ]
        assert DEMO.api_key in output
        assert REPLAY.api_key in output
        assert all(person.password in output for person in PEOPLE)

    def test_changes_nothing_the_second_time(self, db: None) -> None:
        seed()
        User.objects.get(username="vera").set_password("changed")
        pull_switch(name="payouts", reason="holiday", actor="user:anna", now=World().now)
        passwords = dict(User.objects.values_list("username", "password"))
        trail = AuditEntry.objects.count()

        seed()

        assert dict(User.objects.values_list("username", "password")) == passwords
        assert AuditEntry.objects.count() == trail
        assert ApiKey.objects.count() == 2
        assert StopSwitch.objects.get(name="payouts").stopped
        assert StopSwitch.objects.count() == 3

    def test_gives_exactly_what_a_role_has(self, db: None) -> None:
        seed()
        role = Group.objects.get(name="viewer")
        role.permissions.add(*Group.objects.get(name="approver").permissions.all())

        seed()

        hands = {role.name: {one for one in permissions_of(role.name) if ".view_" not in one} for role in ROLES}
        assert hands == {role.name: set(role.hands) for role in ROLES}
        assert not any(one.startswith("operations.") for one in permissions_of("viewer"))
        assert "operations.view_auditentry" in permissions_of("auditor")
        assert not any(one.startswith(("auth.", "admin.")) for role in ROLES for one in permissions_of(role.name))

    @pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:5173", "http://localhost:8000"])
    def test_lets_buyers_come_back_to_a_shop_on_the_same_machine(
        self, db: None, settings: Settings, origin: str
    ) -> None:
        settings.PUBLIC_URL = "http://127.0.0.1:8000"
        seed()

        assert origin in Storefront.objects.get(slug=DEMO.slug).return_origins

    def test_prints_the_log_ins_without_a_database(self) -> None:
        output = seed("--print-logins")

        assert "anna-approves-payouts" in output
        assert DEMO.api_key in output


class TestSeedInProduction:
    @pytest.fixture(autouse=True)
    def production(self, settings: Settings) -> None:
        settings.PRODUCTION = True

    def test_writes_roles_and_switches_only(self, db: None) -> None:
        output = seed()

        assert Group.objects.count() == len(ROLES)
        assert StopSwitch.objects.count() == 3
        assert not User.objects.exists()
        assert not Storefront.objects.exists()
        assert not any(person.password in output for person in PEOPLE)

    def test_prints_no_log_in(self) -> None:
        with pytest.raises(CommandError, match="no demo log-ins in production"):
            seed("--print-logins")
