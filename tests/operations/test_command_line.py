"""Who types a command, as the trail calls it."""

import pytest

from operations.command_line import actor_of_command


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
