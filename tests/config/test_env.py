"""The readers of the environment: a typed value, or a start-up that stops with one sentence."""

import re
from pathlib import Path

import pytest

from config import env
from config.env import BadEnvironment

NAME = "COUNTERFOIL_TEST_VARIABLE"


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, without the variable."""
    monkeypatch.delenv(NAME, raising=False)
    return monkeypatch


def refused(call: object) -> str:
    return f"Environment variable {NAME} {call}."


class TestText:
    def test_returns_what_is_set_even_when_it_is_empty(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "")

        assert env.text(NAME, "default") == ""

    def test_returns_the_default(self, variable: pytest.MonkeyPatch) -> None:
        assert env.text(NAME, "default") == "default"

    def test_refuses_a_missing_one_that_has_no_default(self, variable: pytest.MonkeyPatch) -> None:
        with pytest.raises(BadEnvironment, match="is not set, and has no default"):
            env.text(NAME)

    def test_reads_a_mounted_secret(self, variable: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("s3cret\n")
        variable.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))

        assert env.text(NAME) == "s3cret"

    def test_refuses_a_mounted_secret_that_is_not_there(self, variable: pytest.MonkeyPatch, tmp_path: Path) -> None:
        variable.setenv(f"{NAME}_FILE", str(tmp_path / "none"))

        with pytest.raises(BadEnvironment, match=f"{NAME}_FILE names a file that cannot be read"):
            env.text(NAME, "default")


class TestBoolean:
    @pytest.mark.parametrize(
        ("raw", "value"),
        [
            *[(word, True) for word in ("true", "YES", "on", "1")],
            *[(word, False) for word in ("False", "no", "off", "0")],
        ],
    )
    def test_reads_the_usual_words(self, variable: pytest.MonkeyPatch, raw: str, value: bool) -> None:
        variable.setenv(NAME, raw)

        assert env.boolean(NAME, not value) is value

    @pytest.mark.parametrize("raw", ["ture", "2", "enabled", " true", "None"])
    def test_refuses_every_other_word(self, variable: pytest.MonkeyPatch, raw: str) -> None:
        variable.setenv(NAME, raw)

        with pytest.raises(BadEnvironment) as caught:
            env.boolean(NAME, True)
        assert str(caught.value) == refused(f"is {raw!r}, but must be true or false")

    @pytest.mark.parametrize("default", [True, False])
    def test_takes_an_empty_one_as_not_set(self, variable: pytest.MonkeyPatch, default: bool) -> None:
        variable.setenv(NAME, "")

        assert env.boolean(NAME, default) is default


class TestInteger:
    @pytest.mark.parametrize(("raw", "value"), [("1", 1), ("10", 10), ("-3", -3)])
    def test_reads_a_number_within_its_bounds(self, variable: pytest.MonkeyPatch, raw: str, value: int) -> None:
        variable.setenv(NAME, raw)

        assert env.integer(NAME, 5, minimum=-3, maximum=10) == value

    @pytest.mark.parametrize("raw", ["1.5", "1e3", "ten", "١", "1_0", " 1", "--1", "-"])
    def test_refuses_what_is_no_whole_number(self, variable: pytest.MonkeyPatch, raw: str) -> None:
        variable.setenv(NAME, raw)

        with pytest.raises(BadEnvironment, match="must be a whole number"):
            env.integer(NAME, 5, minimum=1, maximum=10)

    @pytest.mark.parametrize("raw", ["0", "11", "-5"])
    def test_refuses_a_number_out_of_bounds_naming_them(self, variable: pytest.MonkeyPatch, raw: str) -> None:
        variable.setenv(NAME, raw)

        with pytest.raises(BadEnvironment, match="must be between 1 and 10"):
            env.integer(NAME, 5, minimum=1, maximum=10)


class TestChoice:
    def test_refuses_another_word_naming_the_possible_ones(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "prod")

        with pytest.raises(BadEnvironment, match="must be one of development, production"):
            env.choice(NAME, "development", ("development", "production"))

    def test_takes_an_empty_one_as_not_set(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "")

        assert env.choice(NAME, "development", ("development", "production")) == "development"


class TestAmounts:
    def test_reads_minor_units_by_currency(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "EUR=10000, JPY=0,")

        assert env.amounts(NAME) == {"EUR": 10_000, "JPY": 0}

    def test_is_empty_when_nothing_is_set(self, variable: pytest.MonkeyPatch) -> None:
        assert env.amounts(NAME) == {}

    @pytest.mark.parametrize("raw", ["EUR", "10000", "EUR=", "eur=1", "EURO=1", "EUR=-1", "EUR=1.50", "EUR=١", "EUR:1"])
    def test_refuses_what_it_cannot_read(self, variable: pytest.MonkeyPatch, raw: str) -> None:
        variable.setenv(NAME, raw)

        with pytest.raises(BadEnvironment) as caught:
            env.amounts(NAME)
        assert str(caught.value) == refused(f"holds {raw!r}, but must be a list such as EUR=10000,BRL=50000")

    def test_refuses_a_currency_with_two_limits(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "EUR=1,EUR=2")

        with pytest.raises(BadEnvironment, match="names EUR twice"):
            env.amounts(NAME)


class TestRates:
    def test_reads_a_rate_and_a_fixed_part_by_currency(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "EUR=290+30, JPY=360+0")

        assert env.rates(NAME) == {"EUR": (290, 30), "JPY": (360, 0)}

    def test_takes_the_default_when_nothing_is_set(self, variable: pytest.MonkeyPatch) -> None:
        assert env.rates(NAME, "EUR=1+2") == {"EUR": (1, 2)}

    @pytest.mark.parametrize("raw", ["EUR", "EUR=290", "EUR=2.9+30", "EUR=-1+0", "eur=1+1", "EUR=1+1+1", "EUR=1+"])
    def test_refuses_what_it_cannot_read(self, variable: pytest.MonkeyPatch, raw: str) -> None:
        variable.setenv(NAME, raw)

        with pytest.raises(BadEnvironment, match="must be a list such as EUR=290"):
            env.rates(NAME)

    def test_refuses_a_currency_with_two_rates(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "EUR=1+1,EUR=2+2")

        with pytest.raises(BadEnvironment, match="names EUR twice"):
            env.rates(NAME)


class TestRoutes:
    def test_reads_orders_of_preference(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "*=stripe>mollie, acme/EUR=mollie, */BRL=stripe,bolt-2=stripe")

        assert env.routes(NAME, "*=stripe") == {
            "*": ["stripe", "mollie"],
            "acme/EUR": ["mollie"],
            "*/BRL": ["stripe"],
            "bolt-2": ["stripe"],
        }

    def test_has_a_default(self, variable: pytest.MonkeyPatch) -> None:
        assert env.routes(NAME, "*=stripe") == {"*": ["stripe"]}

    @pytest.mark.parametrize(
        "raw", ["acme", "acme=", "=mollie", "acme=mollie=stripe", "ac me=mollie", "acme/euro=mollie", "acme=mollie>"]
    )
    def test_refuses_what_it_cannot_read(self, variable: pytest.MonkeyPatch, raw: str) -> None:
        variable.setenv(NAME, raw)

        with pytest.raises(BadEnvironment, match="must be a list such as"):
            env.routes(NAME, "*=stripe")

    def test_refuses_an_entry_with_two_answers(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "acme=mollie,acme=stripe")

        with pytest.raises(BadEnvironment, match="names acme twice"):
            env.routes(NAME, "*=stripe")


class TestGone:
    def test_says_what_took_a_variables_place(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, "mollie")

        with pytest.raises(BadEnvironment, match="is not read any more: set PSP_ROUTES"):
            env.gone(NAME, instead="PSP_ROUTES")

    def test_says_nothing_where_it_is_not_set(self, variable: pytest.MonkeyPatch) -> None:
        env.gone(NAME, instead="PSP_ROUTES")


class TestWords:
    def test_splits_at_commas_and_drops_what_is_empty(self, variable: pytest.MonkeyPatch) -> None:
        variable.setenv(NAME, " a.example, ,b.example,")

        assert env.words(NAME) == ["a.example", "b.example"]


class TestTheTemplate:
    """`.env.example` says of itself that it holds everything that is read."""

    def test_has_every_variable_that_the_settings_read(self) -> None:
        repository = Path(__file__).resolve().parents[2]
        settings = (repository / "config" / "settings.py").read_text(encoding="utf-8")
        template = (repository / ".env.example").read_text(encoding="utf-8")

        read = set(re.findall(r'env\.(?!gone)[a-z]+\(\s*"([A-Z_]+)"', settings))
        said = set(re.findall(r"^(?:# )?([A-Z_]+)=", template, re.MULTILINE))

        assert len(read) > 50
        assert read - said == set()
