"""The parser of the provider's activity report: all lines, or all errors, never something in between."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import MAX_MINOR, exponent
from reconciliation.parsers import stripe_reports
from reconciliation.parsers.base import StatementUnreadable
from reconciliation.parsers.stripe_reports import parse
from tests.reconciliation.files import HEADER, file_of, row


def errors_of(content: bytes) -> list[str]:
    """Return every error that a file is refused for, as people read them."""
    with pytest.raises(StatementUnreadable) as caught:
        parse(content)
    return [str(error) for error in caught.value.errors]


class TestParse:
    def test_reads_every_column_exactly(self) -> None:
        [line] = parse(file_of(row()))

        assert (line.line_no, line.transaction_ref, line.category, line.source_ref) == (2, "txn_1", "charge", "ch_1")
        assert (line.currency, line.gross_minor, line.fee_minor, line.net_minor) == ("EUR", 10_000, 320, 9_680)
        assert line.created_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
        assert line.available_on == datetime(2026, 11, 22, tzinfo=UTC)
        assert line.description == "order 1"

    @pytest.mark.parametrize(
        ("currency", "gross", "minor"),
        [
            ("eur", "-12.34", -1_234),
            ("eur", "5", 500),
            ("eur", "5.5", 550),
            ("jpy", "500", 500),
            ("jpy", "500.00", 500),
            ("bhd", "1.234", 1_234),
            ("eur", "0.00", 0),
        ],
    )
    def test_reads_amounts_by_the_currencys_decimals(self, currency: str, gross: str, minor: int) -> None:
        [line] = parse(file_of(row(currency=currency, gross=gross, fee="0", net=gross)))

        assert line.gross_minor == minor

    def test_takes_the_columns_in_any_order(self) -> None:
        names = sorted(HEADER.split(","))
        cells = dict(zip(HEADER.split(","), row().text.split(","), strict=True))
        content = file_of(",".join(cells[name] for name in names), header=",".join(names))

        assert parse(content) == parse(file_of(row()))

    def test_takes_a_byte_order_mark_and_windows_line_ends(self) -> None:
        content = b"\xef\xbb\xbf" + file_of(row()).replace(b"\n", b"\r\n")

        assert parse(content) == parse(file_of(row()))

    def test_numbers_lines_as_an_editor_does_across_quoted_line_ends_and_empty_lines(self) -> None:
        content = file_of(row(description='"two\nlines"'), "", row(balance_transaction_id="txn_2"))

        assert [line.line_no for line in parse(content)] == [2, 5]

    def test_keeps_text_that_a_spreadsheet_would_run(self) -> None:
        [line] = parse(file_of(row(description="=1+1")))

        assert line.description == "=1+1"

    def test_takes_a_movement_that_is_of_no_object_as_its_own(self) -> None:
        fee = row(
            balance_transaction_id="txn_2",
            reporting_category="fee",
            source_id="",
            gross="-2.00",
            fee="0.00",
            net="-2.00",
        )

        assert [line.source_ref for line in parse(file_of(row(), fee))] == ["ch_1", "txn_2"]


class TestAnUnreadableFile:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "line 1, file: the file is empty"),
            (b" \n\n", "line 1, file: the file is empty"),
            (file_of(), "line 2, file: there is no line below the header"),
            (row().text.encode(), "line 1, balance_transaction_id: this column is missing"),
            (file_of(row()).replace(b",", b";"), "line 1, balance_transaction_id: this column is missing"),
            (file_of(row(), header=HEADER.replace("net", "nett")), "line 1, net: this column is missing"),
            (file_of(row(), header=HEADER + ",iban"), "line 1, iban: this column is not known"),
            (file_of(row(), header=HEADER + ",net"), "line 1, net: this column stands twice"),
            (file_of(row(), row().text + ",extra"), "line 3, line: 10 cells are needed (found '11')"),
            (file_of(row(), "txn_2,2026"), "line 3, line: 10 cells are needed (found '2')"),
            (file_of(row(), row(description='"open')), "line 3, line: not readable as CSV"),
            (file_of(row(), row(description='"shut"up')), "line 3, line: not readable as CSV"),
            (file_of(row(), row(description="x" * 10_000_000)), "line 3, line: not readable as CSV"),
            (file_of(row(), "ÿ").replace("ÿ".encode(), b"\xff"), "line 3, file: this is not UTF-8"),
            (file_of(row()).decode().encode("utf-16"), "line 1, file: this is not UTF-8"),
            (file_of(row(description="a\x00b")), "line 1, file: the file contains NUL"),
        ],
    )
    def test_is_refused_whole_naming_the_line(self, content: bytes, problem: str) -> None:
        assert any(error.startswith(problem) for error in errors_of(content)), errors_of(content)

    @pytest.mark.parametrize(
        "amount",
        [
            *("1.234,56", "(12.00)", "12,00-", "12.00-", "1 234", "1_234", "1e2", "+1", "", " 1", "1.", ".5", "NaN"),
            *("1.001", "١٠", "１０", "--1", "0x10", "9999999999999999", "Infinity"),
        ],
    )
    def test_has_no_amount_that_could_mean_two_things(self, amount: str) -> None:
        quoted = f'"{amount}"'

        errors = errors_of(file_of(row(), row(gross=quoted)))

        assert errors == [f"line 3, gross: this is not an amount of EUR (found {amount!r})"]

    def test_has_no_fractions_of_a_yen(self) -> None:
        [error, *_] = errors_of(file_of(row(currency="jpy", gross="500.50", fee="0", net="500.50")))

        assert error == "line 2, gross: this is not an amount of JPY (found '500.50')"

    @pytest.mark.parametrize("currency", ["", "xxx", "zzz", "euro", "€", "e"])
    def test_has_no_currency_that_does_not_exist(self, currency: str) -> None:
        [error] = errors_of(file_of(row(currency=currency)))

        assert error.startswith("line 2, currency: this is not a currency")

    @pytest.mark.parametrize(
        "moment",
        [
            "",
            "2026-11-20",
            "2026-11-20T10:00:00Z",
            "2026-02-29 10:00:00",
            "2026-11-20 25:00:00",
            "20.11.2026 10:00:00",
            "0000-01-01 00:00:00",
            "2026-11-20 10:00:00+01:00",
            "٢٠٢٦-11-20 10:00:00",
        ],
    )
    def test_has_no_moment_that_does_not_exist(self, moment: str) -> None:
        [error] = errors_of(file_of(row(created=moment)))

        assert error.startswith("line 2, created: this is not an instant")

    def test_has_no_line_whose_net_is_not_gross_less_fee(self) -> None:
        [error] = errors_of(file_of(row(net="96.81")))

        assert error == "line 2, net: gross 100.00 less fee 3.20 is something else (found '96.81')"

    @pytest.mark.parametrize("field", ["balance_transaction_id", "reporting_category"])
    def test_has_no_line_without_its_identity(self, field: str) -> None:
        [error] = errors_of(file_of(row(**{field: "  "})))

        assert error.startswith(f"line 2, {field}: this must not be empty")

    def test_is_refused_for_all_that_is_wrong_at_once(self) -> None:
        content = file_of(
            row(gross="x", fee="y", created="z"),
            row(balance_transaction_id="txn_2"),
            row(currency="zzz"),
            "too,few",
            row(net="1.00"),
        )

        starts = [error.split(":")[0] for error in errors_of(content)]

        assert starts == [
            "line 2, gross",
            "line 2, fee",
            "line 2, created",
            "line 4, currency",
            "line 5, line",
            "line 6, net",
        ]

    def test_is_refused_when_it_is_too_large_before_it_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stripe_reports, "MAX_BYTES", 100)

        assert errors_of(file_of(row()))[0].startswith("line 1, file: the file is larger than 100 bytes")


_TEXT = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=30)
_NAME = st.from_regex(r"[a-z]{2,4}_[A-Za-z0-9]{1,12}", fullmatch=True)
_MOMENT = st.integers(946_684_800, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@st.composite
def movements(draw: st.DrawFn) -> tuple[str, str, str, int, int, datetime, str]:
    """Draw a movement: transaction, source, currency, gross, fee, moment, description."""
    currency = draw(st.sampled_from(["EUR", "JPY", "BHD", "BRL"]))
    gross = draw(st.integers(-MAX_MINOR // 2, MAX_MINOR // 2))
    fee = draw(st.integers(-(10**9), 10**9))
    return draw(_NAME), draw(_NAME), currency, gross, fee, draw(_MOMENT), draw(_TEXT)


def major(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-exponent(currency)):f}"


class TestRoundTrip:
    @settings(max_examples=80, deadline=None)
    @given(st.lists(movements(), min_size=1, max_size=8))
    def test_gives_back_what_was_written(self, drawn: list[tuple[str, str, str, int, int, datetime, str]]) -> None:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(HEADER.split(","))
        for transaction, source, currency, gross, fee, moment, description in drawn:
            at = moment.strftime("%Y-%m-%d %H:%M:%S")
            amounts = [major(amount, currency) for amount in (gross, fee, gross - fee)]
            writer.writerow([transaction, at, at, currency.lower(), *amounts, "charge", source, description])

        lines = parse(out.getvalue().encode())

        assert [
            (line.transaction_ref, line.source_ref, line.currency, line.gross_minor, line.fee_minor) for line in lines
        ] == [each[:5] for each in drawn]
        assert all(line.net_minor == line.gross_minor - line.fee_minor for line in lines)
        assert [line.created_at for line in lines] == [each[5] for each in drawn]
        assert [line.description for line in lines] == [each[6] for each in drawn]

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=400))
    def test_refuses_noise_with_an_error_of_its_own(self, noise: bytes) -> None:
        assert errors_of(noise)
