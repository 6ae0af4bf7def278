"""The page on states is what the tables say, to the letter."""

import inspect
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from config.machines import MACHINES, states_page
from operations.lifecycle import StatefulModel


class TestTheStatesPage:
    def test_in_the_repository_is_not_stale(self) -> None:
        page = Path(settings.BASE_DIR) / "docs" / "states.md"

        assert page.read_text(encoding="utf-8") == states_page(), "run `manage.py states_page`"

    def test_has_every_model_that_has_states(self) -> None:
        stateful = [
            model for model in apps.get_models() if issubclass(model, StatefulModel) and not inspect.isabstract(model)
        ]

        assert {model._meta.db_table: model.machine for model in stateful} == MACHINES

    @pytest.mark.parametrize("table", MACHINES)
    def test_draws_every_move_once(self, table: str) -> None:
        machine = MACHINES[table]
        [section] = [part for part in states_page().split("\n## ") if f"the table `{table}`" in part]

        drawn = {line.strip().split(": ")[0] for line in section.splitlines() if " --> " in line}

        moves = {f"{old} --> {new}" for old, new in machine.allowed() if old != new}
        ends = {f"{state} --> [*]" for state in machine.terminal()}
        assert drawn == moves | ends | {f"[*] --> {machine.initial}"}


class TestTheCommand:
    @pytest.fixture
    def page(self, tmp_path: Path, settings: Any) -> Path:
        settings.BASE_DIR = tmp_path
        (tmp_path / "docs").mkdir()
        return tmp_path / "docs" / "states.md"

    def test_writes_the_page_and_passes_its_own_check(self, page: Path) -> None:
        call_command("states_page", stdout=StringIO())
        said = StringIO()

        call_command("states_page", "--check", stdout=said)

        assert page.read_text(encoding="utf-8") == states_page()
        assert "is what the code says" in said.getvalue()

    def test_fails_the_check_of_a_stale_page_and_leaves_it(self, page: Path) -> None:
        page.write_text("an old page", encoding="utf-8")

        with pytest.raises(CommandError, match=r"docs/states\.md is stale"):
            call_command("states_page", "--check", stdout=StringIO())

        assert page.read_text(encoding="utf-8") == "an old page"
