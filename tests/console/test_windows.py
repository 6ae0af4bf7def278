from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from operations.admin_base import WindowAdmin
from tests.console.whole import rows_of
from tests.console.world import World

ROOMS = {"ledger", "operations", "payments", "payouts", "reconciliation"}
WINDOWS = sorted(
    (model for model in admin.site._registry if model._meta.app_label in ROOMS), key=lambda model: model._meta.label
)
OUTSIDE_ROOMS = {User, Group, LogEntry}
SignIn = Callable[[str], Client]


def address(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_the_rooms_is_a_window() -> None:
    assert len(WINDOWS) >= 20
    assert all(isinstance(admin.site._registry[model], WindowAdmin) for model in WINDOWS)
    assert set(admin.site._registry) - set(WINDOWS) <= OUTSIDE_ROOMS


class TestWindow:
    """Each test looks at every model of the rooms, and names the ones that fail."""

    def test_shows_its_list_and_a_row_to_whoever_may_see_it(
        self, world: World, sign_in: SignIn, subtests: pytest.Subtests
    ) -> None:
        browser = sign_in("augusto")
        for model in WINDOWS:
            with subtests.test(model=model._meta.label):
                row = rows_of(model)

                listed = browser.get(address(model, "changelist"))
                shown = browser.get(address(model, "change", row.pk))

                assert (listed.status_code, shown.status_code) == (200, 200)
                assert quote(str(row.pk)).encode() in listed.content + shown.content

    def test_refuses_every_direct_write_even_of_the_administrator(
        self, world: World, sign_in: SignIn, subtests: pytest.Subtests
    ) -> None:
        browser = sign_in("admin")
        for model in WINDOWS:
            with subtests.test(model=model._meta.label):
                row = rows_of(model)
                before = list(model._default_manager.order_by("pk").values())
                chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}

                answers = [
                    browser.post(address(model, "add"), {}),
                    browser.post(address(model, "change", row.pk), {"state": "done", "_save": "Save"}),
                    browser.post(address(model, "delete", row.pk), {"post": "yes"}),
                    browser.post(address(model, "changelist"), chosen),
                    browser.get(address(model, "add")),
                    browser.get(address(model, "delete", row.pk)),
                ]

                assert [answer.status_code for answer in answers] == [403] * len(answers)
                assert list(model._default_manager.order_by("pk").values()) == before

    def test_is_closed_to_a_person_without_a_role(self, db: None, subtests: pytest.Subtests) -> None:
        browser = Client()
        browser.force_login(User.objects.create(username="sven", is_staff=True))
        for model in WINDOWS:
            with subtests.test(model=model._meta.label):
                assert browser.get(address(model, "changelist")).status_code == 403

    def test_asks_to_sign_in(self, db: None, subtests: pytest.Subtests) -> None:
        for model in WINDOWS:
            with subtests.test(model=model._meta.label):
                answer = Client().get(address(model, "changelist"))

                assert answer.status_code == 302
                assert reverse("admin:login") in answer["Location"]
