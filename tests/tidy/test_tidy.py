"""Tidy is a test: the house rules hold in every file, and each rule can fail."""

import ast
import subprocess

import pytest

from tests.tidy.rules import ROOMS, ROOT, RULES, broken_rules, unkind_verbs, words_of_a_moment

TEXT = {".py", ".md", ".toml", ".html", ".sql", ".css", ".txt", ".in", ".yaml", ".yml", ".cfg", ".example", ""}
LONG = "def f() -> None:\n" + "    pass\n" * 61

# A rule's name -> a file and a snippet that breaks it. Each must be caught, and forgiven with a reason.
BAD = {
    "transactions are opened by money_tx": ("payouts/services/x.py", "transaction.atomic()"),
    "only the gateway speaks to Stripe": ("payouts/x.py", "import stripe"),
    "HTTP is spoken by the relay and the gateway": ("payments/services/x.py", "import requests"),
    "hints are the only messages": ("payouts/services/x.py", "run_job.delay(row_id=1)"),
    "cursors are opened in one place": ("ledger/x.py", "connection.cursor()"),
    "bodies are read by body_of": ("payments/api/x.py", "data = PaymentInput(data=request.data)"),
    "no float near money": ("ledger/x.py", "half = amount / 2"),
    "no bare except": ("sandbox/x.py", "try:\n    pass\nexcept:\n    pass"),
    "the clock is read at the edges": ("payouts/services/x.py", "now = timezone.now()"),
    "imports stand at the top": ("tools/x.py", "def f() -> None:\n    import os"),
    "no signals": ("payments/x.py", "from django.db.models.signals import post_save"),
    "functions are short": ("tests/x.py", LONG),
    "tasks only turn the crank": ("payouts/tasks.py", "@shared_task(name='x')\n" + LONG[: 17 + 9 * 9]),
}
MORE_BAD = [
    ("payouts/x.py", "from django.db.transaction import atomic"),
    ("payments/x.py", "from stripe import StripeClient"),
    ("ledger/x.py", "rate = 0.1"),
    ("payments/x.py", "float(text)"),
    ("payouts/x.py", "current_app.send_task('x')"),
    ("payouts/x.py", "task.apply_async()"),
    ("reconciliation/x.py", "datetime.now(UTC)"),
    ("payments/services/x.py", "from payouts.models import Payout"),
    ("config/x.py", "from ledger.models import Account"),
    ("tests/x.py", "pass\n" * 401),
]
FINE = [
    ("operations/edges/transactions.py", "transaction.atomic()"),
    ("payments/gateway/x.py", "import stripe"),
    ("payments/api/views.py", "now = timezone.now()"),
    ("payouts/management/commands/x.py", "now = timezone.now()"),
    ("ledger/x.py", "path = folder / 'file'\nwhole = amount // 2"),
    ("sandbox/x.py", "half = amount / 2"),
    ("payouts/services/x.py", "from payouts.models import Payout"),
    ("payouts/x.py", "import stripe_like"),
]


def files() -> dict[str, str]:
    """Return the repository's text files, tracked or about to be, by path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if path.is_file() and path.suffix in TEXT
    }


FILES = files()


def verbs() -> dict[str, set[str]]:
    """Return the functions that each front door `services` opens: file -> names."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        door = FILES.get(f"{room}/services/__init__.py") or FILES.get(f"{room}/services.py") or ""
        for node in ast.walk(ast.parse(door)):
            if isinstance(node, ast.ImportFrom) and node.module:
                path = node.module.replace(".", "/") + ".py"
                found.setdefault(path, set()).update(alias.name for alias in node.names)
    return found


class TestTheRepository:
    def test_keeps_the_rules(self) -> None:
        broken = [line for path, text in FILES.items() if path.endswith(".py") for line in broken_rules(path, text)]

        assert broken == []

    def test_has_verbs_that_say_what_they_do_and_take_their_arguments_by_name(self) -> None:
        unkind = [line for path, names in verbs().items() for line in unkind_verbs(path, FILES[path], names)]

        assert unkind == []

    def test_speaks_of_no_moment_and_no_machine(self) -> None:
        spoken = [
            line
            for path, text in FILES.items()
            if not path.startswith("tests/tidy/")
            for line in words_of_a_moment(path, text)
        ]

        assert spoken == []

    def test_was_looked_at_whole(self) -> None:
        assert {path.split("/")[0] for path in FILES} >= {*ROOMS, "tests", "docs"} - {"docs"}
        assert sum(len(names) for names in verbs().values()) > 40


class TestARule:
    def test_has_a_snippet_that_breaks_it(self) -> None:
        assert set(BAD) == {rule.name for rule in RULES}

    @pytest.mark.parametrize("name", BAD)
    def test_catches_it(self, name: str) -> None:
        path, snippet = BAD[name]

        assert [line.split(": ")[1] for line in broken_rules(path, snippet)] == [name]

    @pytest.mark.parametrize(("path", "snippet"), MORE_BAD)
    def test_catches_its_other_forms(self, path: str, snippet: str) -> None:
        assert list(broken_rules(path, snippet))

    @pytest.mark.parametrize(("path", "snippet"), FINE)
    def test_lets_the_rest_alone(self, path: str, snippet: str) -> None:
        assert list(broken_rules(path, snippet)) == []

    def test_is_escaped_with_a_reason_only(self) -> None:
        assert list(broken_rules("ledger/x.py", "rate = 0.1  # tidy: a ratio for a chart, not money")) == []
        assert list(broken_rules("ledger/x.py", "rate = 0.1  # tidy: ok"))
        assert list(broken_rules("ledger/x.py", "rate = 0.1  # noqa"))
        assert list(broken_rules("ledger/x.py", "def f() -> None:\n    import os  # noqa: PLC0415"))
        assert list(broken_rules("ledger/x.py", "def f() -> None:\n    import os  # noqa: PLC0415 - a cycle")) == []

    def test_about_verbs_catches_both_faults(self) -> None:
        source = "def pay(amount: int) -> None:\n    return None\n\n\ndef _pay(amount: int) -> None:\n    return None\n"

        assert [line.split(": ")[1] for line in unkind_verbs("payouts/services/x.py", source, {"pay", "_other"})] == [
            "pay has no docstring",
            "pay takes positional arguments",
        ]

    @pytest.mark.parametrize(
        "text", ["x = 1  # TODO: later", "# FIXME", "see issue 7", "open('/root/thing')", "# as in issue #12"]
    )
    def test_about_words_catches_them(self, text: str) -> None:
        assert list(words_of_a_moment("payouts/x.py", text))
