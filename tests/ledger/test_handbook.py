"""The accountants' page is what the code says, to the letter."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from ledger.chart import CHART
from ledger.entries import Entry
from ledger.handbook import handbook, page_of
from ledger.recipes import RECIPES
from ledger.recipes.releases import funds_released


class TestTheHandbook:
    def test_in_the_repository_is_not_stale(self) -> None:
        page = Path(settings.BASE_DIR) / "docs" / "ledger.md"

        assert page.read_text(encoding="utf-8") == handbook(), "run `manage.py ledger_handbook`"

    def test_has_every_account_and_every_event_once(self) -> None:
        text = handbook()

        for template in CHART:
            assert text.count(f"\n| `{template.pattern}` | ") == 1
        for name in RECIPES:
            assert text.count(f"\n`{name}` in `ledger/recipes/") == 1

    def test_says_how_an_event_is_booked(self) -> None:
        assert page_of(funds_released).text == (
            "### Funds released\n\n"
            "Record that goods were delivered and the hold is over: "
            "what was pending may be paid out, less a reserve.\n\n"
            "What is captured of an order after that is released under a number of its own.\n\n"
            "```text\n"
            "Dr  seller:{seller}:pending      amount\n"
            "Cr  seller:{seller}:available    amount - reserve\n"
            "Cr  seller:{seller}:reserved     reserve\n"
            "```\n\n"
            "`funds_released` in `ledger/recipes/releases.py`"
        )

    def test_has_each_family_of_events_under_one_heading(self) -> None:
        headings = [line for line in handbook().splitlines() if line.startswith("## ")]

        assert len(headings) == len(set(headings))
        assert {page_of(recipe).source for recipe in RECIPES.values()} >= {"ledger/recipes/sales.py"}
        assert len(headings) == 1 + len({page_of(recipe).source for recipe in RECIPES.values()})


class TestPageOf:
    @pytest.mark.parametrize(
        "docstring",
        [
            None,
            "Record something.",
            "Record something.\n\nDr  account  amount",
            "Record something.\n\nDr  psp:{psp}:clearing           amount\nand so on",
            "Record something.\n\nDr  each account that was credited there",
            "Dr  psp:{psp}:clearing           amount",
        ],
    )
    def test_refuses_a_recipe_without_its_table(self, docstring: str | None) -> None:
        def something_happened(**facts: Any) -> Entry:
            raise NotImplementedError

        something_happened.__doc__ = docstring

        with pytest.raises(ValueError, match="something_happened does not end with its table"):
            page_of(something_happened)


class TestTheCommand:
    @pytest.fixture
    def page(self, tmp_path: Path, settings: Any) -> Path:
        settings.BASE_DIR = tmp_path
        (tmp_path / "docs").mkdir()
        return tmp_path / "docs" / "ledger.md"

    def test_writes_the_page(self, page: Path) -> None:
        call_command("ledger_handbook", stdout=StringIO())

        assert page.read_text(encoding="utf-8") == handbook()

    @pytest.mark.parametrize("stale", [None, "an old page"])
    def test_fails_the_check_of_a_stale_page_and_leaves_it(self, page: Path, stale: str | None) -> None:
        if stale is not None:
            page.write_text(stale, encoding="utf-8")

        with pytest.raises(CommandError, match=r"docs/ledger\.md is stale"):
            call_command("ledger_handbook", "--check", stdout=StringIO())

        assert (page.read_text(encoding="utf-8") if page.exists() else None) == stale

    def test_passes_the_check_of_the_page_that_it_wrote(self, page: Path) -> None:
        call_command("ledger_handbook", stdout=StringIO())
        said = StringIO()

        call_command("ledger_handbook", "--check", stdout=said)

        assert "is what the code says" in said.getvalue()
