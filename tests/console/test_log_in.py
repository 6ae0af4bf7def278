"""Passwords of the console are guessed slowly, and nobody is locked out by one who guesses."""

from typing import Any

import pytest
from django.contrib.auth import base_user
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

PASSWORD = "anna-approves-payouts"
TOO_MANY = "Too many tries"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def log_in(name: str, password: str, *, address: str = HERE) -> Any:
    """Send the log-in's form from an address."""
    return Client(REMOTE_ADDR=address).post(reverse("admin:login"), {"username": name, "password": password})


def is_let_in(answer: Any) -> bool:
    return bool(answer.status_code == 302)


@pytest.mark.django_db
class TestLogIn:
    @pytest.fixture(autouse=True)
    def anna(self) -> User:
        """An approver."""
        return User.objects.create_user("anna", password=PASSWORD, is_staff=True)

    def test_is_refused_after_ten_tries_from_an_address_even_with_the_right_password(self) -> None:
        answers = [log_in("anna", f"guess-{number}") for number in range(11)]

        assert [TOO_MANY in answer.content.decode() for answer in answers] == [False] * 10 + [True]
        assert not is_let_in(log_in("anna", PASSWORD))

    def test_is_refused_for_any_name_from_there_and_before_a_password_costs_anything(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(10):
            log_in(f"nobody-{number}", "guess")
        monkeypatch.setattr(base_user, "make_password", lambda *_: pytest.fail("a password was hashed"))

        assert TOO_MANY in log_in("nobody", "guess").content.decode()

    def test_lets_a_person_in_whose_name_somebody_guesses_at_elsewhere(self) -> None:
        for number in range(15):
            log_in("anna", f"guess-{number}", address=ELSEWHERE)

        assert is_let_in(log_in("anna", PASSWORD))

    def test_is_refused_for_a_name_at_which_many_addresses_guess(self) -> None:
        for number in range(30):
            log_in("Anna ", f"guess-{number}", address=f"198.51.100.{number}")

        assert TOO_MANY in log_in("anna", PASSWORD).content.decode()
