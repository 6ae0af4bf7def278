"""CSV exports and the export command: amounts to read by machines, cells that no spreadsheet runs, whole files."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger import exports
from ledger.exports.cells import original, row_of, safe
from ledger.management.commands import export_books
from ledger.money import Money
from ledger.reports import Period
from tests.ledger.history import (
    DAYS,
    HISTORIES,
    HOSTILE,
    TEXTS,
    Event,
    book,
    book_history,
    euros,
    forgotten,
    held,
    sale,
    three_months,
    told,
)

some = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def rows(pieces: Iterator[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(pieces), newline=""), strict=True))


class TestSafe:
    @pytest.mark.parametrize(
        "text",
        ["=1", "+1", "-1", "@A1", "\t=1", "\r", "\n=1", "＝1", "＋", "－", "＠", "'=1", " =1", "\ufeff=1", '"=1'],
    )
    def test_puts_an_apostrophe_before_what_a_spreadsheet_would_run(self, text: str) -> None:
        assert safe(text).startswith("'")

    @pytest.mark.parametrize("text", ["x;=1", "x,+1", "x\n@A1", "x\t-1", "x; =1", 'x;"=1"'])
    def test_does_so_after_a_separator_too(self, text: str) -> None:
        assert safe(text) == f"{text[:2]}'{text[2:]}"

    @pytest.mark.parametrize(
        "text", ["", " ", "ch_1", " ch_1", "payment-1", "a=b", "o'neil", "'quoted'", "2026-01-01", "ann@example.org"]
    )
    def test_leaves_harmless_text_alone(self, text: str) -> None:
        assert safe(text) == text

    @given(st.lists(st.text("\"' =,;\t\n-a", max_size=8), min_size=1, max_size=3), st.sampled_from(",;\t"))
    def test_holds_wherever_a_spreadsheet_splits_the_row(self, texts: list[str], separator: str) -> None:
        line = io.StringIO(row_of(map(safe, texts)), newline="")

        cells = [cell for row in csv.reader(line, delimiter=separator) for cell in row]
        assert [cell for cell in cells if cell.lstrip(' "\t\n')[:1] in ("=", "-")] == []

    @given(st.one_of(TEXTS, st.text("\"' =,;\t\n-a＝\ufeff", max_size=8)))
    def test_can_be_undone(self, text: str) -> None:
        assert original(safe(text)) == text


@pytest.mark.django_db
class TestJournalCsv:
    def test_has_a_row_for_each_line_with_both_kinds_of_amount(self) -> None:
        book(sale("ch_1", euros(10_000), commission=euros(1_000), value_date=date(2026, 1, 13)), on=date(2026, 1, 15))

        found = rows(exports.journal_csv())

        assert [(row["account"], row["debit"], row["credit"], row["debit_minor"]) for row in found] == [
            ("psp:stripe:clearing", "100.00", "", "10000"),
            ("seller:ann:pending", "", "90.00", "-9000"),
            ("platform:commission", "", "10.00", "-1000"),
        ]
        assert {(row["business_date"], row["value_date"], row["currency"]) for row in found} == {
            ("2026-01-15", "2026-01-13", "EUR")
        }

    def test_ends_its_lines_as_the_rfc_says(self) -> None:
        book(told("two\nlines"), on=date(2026, 1, 15))

        text = "".join(exports.journal_csv())

        assert text.count("\r\n") == 3
        assert text.endswith("\r\n")

    def test_never_lets_a_cell_begin_like_a_formula(self) -> None:
        for text in HOSTILE:
            book(told(text), on=date(2026, 1, 15))

        cells = [(name, cell) for row in rows(exports.journal_csv()) for name, cell in row.items() if cell]

        assert all(cell[0] not in "=+@\t\r\n＝＋－＠" for _, cell in cells)
        assert {name for name, cell in cells if cell.startswith("-")} == {"debit_minor"}

    @some
    @given(texts=st.lists(TEXTS, min_size=1, max_size=4, unique=True))
    @example(texts=list(HOSTILE))
    def test_can_be_read_back(self, texts: list[str]) -> None:
        with forgotten():
            for text in texts:
                book(told(text), on=date(2026, 1, 15))

            found = rows(exports.journal_csv())

            assert [original(row["reference"]) for row in found] == [text for text in texts for _ in "dc"]
            assert [original(row["item"]) for row in found] == [text for text in texts for _ in "dc"]

    @some
    @given(events=HISTORIES, one=DAYS, other=DAYS)
    def test_sums_to_the_balances_for_any_history_and_period(self, events: list[Event], one: date, other: date) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            sums: dict[tuple[str, str], int] = {}
            for row in rows(exports.journal_csv(since=period.since, until=period.until)):
                key = (row["account"], row["currency"])
                sums[key] = sums.get(key, 0) + int(row["debit_minor"])

            assert {key: Money(minor, key[1]).text for key, minor in sums.items() if minor} == held(period.until)

    def test_has_nothing_of_a_period_that_ended_before_the_books_began(self) -> None:
        book(sale("ch_1", euros(10_000), commission=euros(1_000)), on=date(2026, 1, 15))

        assert rows(exports.journal_csv(until=date(2026, 1, 14))) == []
        assert rows(exports.journal_csv(since=date(2025, 1, 1), until=date(2026, 1, 14))) == []


@pytest.mark.django_db
class TestStatementCsv:
    def test_goes_from_opening_to_closing(self) -> None:
        three_months()

        found = rows(
            exports.statement_csv(
                since=date(2026, 2, 1), until=date(2026, 2, 28), code="seller:ann:available", currency="EUR"
            )
        )

        assert [(row["row"], row["debit"], row["credit"], row["balance"], row["balance_minor"]) for row in found] == [
            ("opening", "", "", "0.00", "0"),
            ("line", "", "90.00", "90.00", "9000"),
            ("line", "60.00", "", "30.00", "3000"),
            ("closing", "", "", "30.00", "3000"),
        ]

    def test_names_the_accounts_on_the_other_side(self) -> None:
        three_months()

        found = rows(exports.statement_csv(code="psp:stripe:clearing", currency="EUR", until=date(2026, 1, 31)))

        assert [row["counterparts"] for row in found if row["row"] == "line"] == [
            "seller:ann:pending platform:commission",
            "psp:stripe:fees",
        ]


@pytest.mark.django_db
class TestGeneralLedgerCsv:
    def test_has_the_statement_of_every_account(self) -> None:
        three_months()

        found = rows(exports.general_ledger_csv(until=date(2026, 2, 28)))

        closing = {(row["account"], row["currency"]): row["balance"] for row in found if row["row"] == "closing"}
        assert closing["psp:stripe:clearing", "EUR"] == "146.80"
        assert len(closing) == 7

    def test_never_lets_a_cell_begin_like_a_formula(self) -> None:
        for text in HOSTILE:
            book(told(text), on=date(2026, 1, 15))

        found = rows(exports.general_ledger_csv())

        cells = [(name, cell) for row in found for name, cell in row.items() if cell]
        assert all(cell[0] not in "=+@\t\r\n＝＋－＠" for _, cell in cells)
        assert {name for name, cell in cells if cell.startswith("-")} == {"debit_minor"}
        assert {original(row["item"]) for row in found if row["row"] == "line"} == set(HOSTILE)


@pytest.mark.django_db
class TestTrialBalanceCsv:
    def test_shows_both_sides_and_the_way_there(self) -> None:
        three_months()

        found = rows(exports.trial_balance_csv(since=date(2026, 2, 1), until=date(2026, 2, 28)))

        by_account = {(row["account"], row["currency"]): row for row in found}
        clearing = by_account["psp:stripe:clearing", "EUR"]
        assert [clearing[name] for name in ("opening", "movement", "debit", "credit")] == [
            "96.80",
            "50.00",
            "146.80",
            "",
        ]
        assert by_account["seller:bob:pending", "EUR"]["credit"] == "45.00"
        assert sum(int(row["debit_minor"]) for row in found if row["currency"] == "EUR") == 0


@pytest.mark.django_db
class TestTheCommand:
    @pytest.mark.parametrize(
        ("chosen", "begins"),
        [
            ("beancount", 'option "title"'),
            ("hledger", "; Counterfoil"),
            ("journal-csv", "entry,position,business_date"),
            ("trial-balance-csv", "account,type,currency"),
            ("general-ledger-csv", "account,currency,type"),
        ],
    )
    def test_writes_each_format_to_a_file(self, chosen: str, begins: str, tmp_path: Path) -> None:
        three_months()
        file = tmp_path / "books"

        call_command("export_books", "--format", chosen, "--output", str(file))

        text = file.read_text(encoding="utf-8")
        assert text.startswith(begins)
        assert "psp:stripe:clearing" in text

    def test_writes_to_standard_output(self, capsys: pytest.CaptureFixture[str]) -> None:
        three_months()

        call_command("export_books", "--format", "statement-csv", "--account", "bank:main", "--currency", "EUR")

        assert [line.split(",")[3] for line in capsys.readouterr().out.splitlines()] == ["row", "opening", "closing"]

    def test_chooses_the_accounts_of_a_general_ledger(self, capsys: pytest.CaptureFixture[str]) -> None:
        three_months()

        chosen = ("--currency", "EUR", "--type", "liability", "--under", "seller:ann")
        call_command("export_books", "--format", "general-ledger-csv", *chosen)

        accounts = {row["account"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))}
        assert accounts == {"seller:ann:available", "seller:ann:pending"}

    def test_leaves_the_old_file_as_it_was_when_it_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        three_months()
        file = tmp_path / "books.csv"
        file.write_text("yesterday's")

        def broken(**_: Any) -> Iterator[str]:
            yield "half of it"
            raise RuntimeError("the database went away")

        monkeypatch.setitem(export_books.FORMATS, "journal-csv", broken)
        with pytest.raises(RuntimeError):
            call_command("export_books", "--format", "journal-csv", "--output", str(file))

        assert file.read_text() == "yesterday's"
        assert list(tmp_path.iterdir()) == [file]

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("--format", "pdf"), "pdf"),
            (("--format", "hledger", "--since", "2026-02-30"), "2026-02-30"),
            (("--format", "hledger", "--since", "2026-02-02", "--until", "2026-02-01"), "begins on 2026-02-02"),
            (("--format", "hledger", "--account", "bank:main"), "statement-csv"),
            (("--format", "statement-csv", "--account", "bank:main"), "--currency"),
            (("--format", "statement-csv", "--currency", "EUR"), "--account"),
            (("--format", "hledger", "--currency", "EUR"), "--currency belongs to"),
            (("--format", "journal-csv", "--under", "psp"), "--under belong to"),
            (("--format", "general-ledger-csv", "--under", "petty:cash"), "petty:cash"),
            (("--format", "statement-csv", "--account", "petty:cash", "--currency", "EUR"), "petty:cash"),
            (("--format", "statement-csv", "--account", "bank:main", "--currency", "eur"), "eur"),
            (("--format", "hledger", "--output", "/nowhere/at/all"), "/nowhere/at/all"),
        ],
    )
    def test_says_what_is_wrong_with_a_wish(self, arguments: tuple[str, ...], problem: str) -> None:
        with pytest.raises(CommandError, match=problem):
            call_command("export_books", *arguments)
