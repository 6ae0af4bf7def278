"""Who types a command, as the trail calls it, and which numbers options take."""

from argparse import ArgumentTypeError

import pytest

from operations.command_line import actor_of_command, whole_number


class TestTheActorOfACommand:
    @pytest.mark.parametrize(
        ("name", "actor"),
        [
            ("olga", "os:olga"),
            ("olga.o_1-x@bank", "os:olga.o_1-x@bank"),
            ("olga\nsystem:jobs", "os:olga_system_jobs"),
            ("системный", "os:_________"),
            ("o" * 400, "os:" + "o" * 32),
        ],
    )
    def test_is_the_machines_user_in_a_safe_alphabet(
        self, monkeypatch: pytest.MonkeyPatch, name: str, actor: str
    ) -> None:
        monkeypatch.setenv("LOGNAME", name)

        assert actor_of_command() == actor

    def test_is_never_taken_for_what_is_done_by_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("system:jobs", "psp:stripe", "../system:jobs"):
            monkeypatch.setenv("LOGNAME", name)

            assert not actor_of_command().startswith(("system:", "psp:", "user:"))

    def test_is_a_number_where_the_user_has_no_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nameless() -> str:
            raise KeyError("getpwuid(): uid not found: 1234")

        monkeypatch.setattr("getpass.getuser", nameless)
        monkeypatch.setattr("os.getuid", lambda: 1234)

        assert actor_of_command() == "os:uid-1234"


class TestAWholeNumber:
    @pytest.mark.parametrize(("text", "number"), [("1", 1), ("007", 7), ("365", 365)])
    def test_is_read_within_its_bounds(self, text: str, number: int) -> None:
        assert whole_number(least=1, most=365)(text) == number

    @pytest.mark.parametrize("text", ["0", "366", "-5", "99999999", "9" * 5000, "1.5", "x", "", "²", "١"])
    def test_is_refused_otherwise_naming_the_bounds(self, text: str) -> None:
        with pytest.raises(ArgumentTypeError, match="from 1 to 365"):
            whole_number(least=1, most=365)(text)
