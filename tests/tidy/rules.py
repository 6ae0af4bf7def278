"""The house rules that no other tool checks. A line escapes one with a comment `# tidy: …` that says why."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "operations", "ledger", "payments", "payouts", "reconciliation", "sandbox")
BUSINESS = tuple(f"{room}/*" for room in ROOMS if room not in ("config", "sandbox"))
MONEY = ("ledger/*", "payments/*", "payouts/*", "reconciliation/*")
OURS = ("config/*", *BUSINESS)
EVERYTHING = (*OURS, "sandbox/*", "tests/*", "tools/*", "benchmarks/*", "manage.py")
CLOCKS = {"timezone.now", "datetime.now", "datetime.utcnow", "date.today", "time.time"}
EDGES = (
    *("config/*", "*/views.py", "*/tasks.py", "*/management/commands/*", "*/admin/*", "*/admin_*.py"),
    *("operations/jobs/*", "*/api/*"),
)
_ESCAPE = re.compile(r"# tidy: \S.{9,}")
# Words of a moment or of one machine: a reader of next year can do nothing with them.
_WORDS = re.compile(r"#\s*(?:TODO|FIXME|HACK)\b|\bissue #?\d+\b|/(?:root|home|Users)/\w+|\bC:\\\\Users\b")
Check = Callable[[ast.AST], bool]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is forbidden, in which files, and where it is allowed all the same."""

    name: str
    broken: Check
    within: tuple[str, ...] = OURS
    but: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        """Tell whether a file must keep the rule."""
        return _matches(path, self.within) and not _matches(path, self.but)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _dotted(node: ast.AST) -> str:
    """Return the last two names of `a.b.c` as `b.c`, or a plain name."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value).rsplit('.', 1)[-1]}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def importing(*modules: str) -> Check:
    """Tell whether a node imports one of these modules, or from within one."""
    return lambda node: any(
        name == module or name.startswith(f"{module}.") for name in _imports(node) for module in modules
    )


def calling(*methods: str) -> Check:
    """Tell whether a node calls a method of one of these names."""
    return lambda node: (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods
    )


def _is_float(node: ast.AST) -> bool:
    literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
    divides = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
    if divides and isinstance(node, ast.BinOp):
        # `folder / "file"` and `… / path` are paths.
        divides = not any(
            isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right)
        )
    return literal or divides or _dotted(node) == "float"


def _decorated(node: ast.AST, name: str) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return any(_dotted(each.func if isinstance(each, ast.Call) else each).endswith(name) for each in decorators)


def _longer(node: ast.AST, lines: int) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= lines


def _imports_inside(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "in_function", False)


RULES = (
    Rule(
        name="transactions are opened by money_tx",
        broken=lambda node: _dotted(node) == "transaction.atomic" or importing("django.db.transaction.atomic")(node),
        but=("operations/edges/transactions.py", "*/migrations/*"),
    ),
    Rule(name="only the gateway speaks to Stripe", broken=importing("stripe"), but=("payments/gateway/*",)),
    Rule(
        name="HTTP is spoken by the relay and the gateway",
        broken=importing("requests", "httpx", "urllib3", "urllib.request", "http.client"),
        within=BUSINESS,
        but=("operations/edges/relay.py", "payments/gateway/*"),
    ),
    Rule(
        name="hints are the only messages",
        broken=calling("delay", "apply_async", "send_task"),
        but=("operations/edges/hints.py",),
    ),
    Rule(
        name="cursors are opened in one place", broken=calling("cursor"), within=OURS, but=("operations/database.py",)
    ),
    Rule(
        name="bodies are read by body_of",
        broken=lambda node: _dotted(node) == "request.data",
        within=OURS,
        but=("operations/api/parsers.py",),
    ),
    Rule(name="no float near money", broken=_is_float, within=MONEY),
    Rule(
        name="no bare except",
        broken=lambda node: isinstance(node, ast.ExceptHandler) and node.type is None,
        within=EVERYTHING,
    ),
    Rule(
        name="the clock is read at the edges",
        broken=lambda node: isinstance(node, ast.Call) and _dotted(node.func) in CLOCKS,
        but=EDGES,
    ),
    Rule(name="imports stand at the top", broken=_imports_inside, within=(*OURS, "sandbox/*", "tools/*")),
    Rule(name="no signals", broken=importing("django.dispatch", "django.db.models.signals", "django.core.signals")),
    Rule(
        name="functions are short",
        broken=lambda node: _longer(node, 60),
        within=EVERYTHING,
        # A flow is a story that is told whole.
        but=("*/migrations/*", "tests/flows/*"),
    ),
    Rule(name="tasks only turn the crank", broken=lambda node: _decorated(node, "shared_task") and _longer(node, 8)),
)


def broken_rules(path: str, source: str) -> Iterator[str]:
    """Yield what a Python file breaks: `path:line: rule`."""
    lines = source.splitlines()
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(function):
                inner.in_function = True  # type: ignore[attr-defined]
    covering = [rule for rule in RULES if rule.covers(path)]
    for node in ast.walk(tree):
        for rule in covering:
            if rule.broken(node) and not _escapes(lines, node):
                yield f"{path}:{getattr(node, 'lineno', 1)}: {rule.name}"
    if len(lines) > 400 and "/migrations/" not in path:
        yield f"{path}:401: files are short"
    yield from _foreign_models(path, tree)


def words_of_a_moment(path: str, source: str) -> Iterator[str]:
    """Yield each line of a text file with a word that does not belong into the repository."""
    for number, line in enumerate(source.splitlines(), start=1):
        if _WORDS.search(line) and not _ESCAPE.search(line):
            yield f"{path}:{number}: {line.strip()[:80]}"


def unkind_verbs(path: str, source: str, names: set[str]) -> Iterator[str]:
    """Yield the named functions of a file that have no docstring, or take a positional argument."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name in names and not _escapes(source.splitlines(), node):
            if not ast.get_docstring(node):
                yield f"{path}:{node.lineno}: {node.name} has no docstring"
            if node.args.args or node.args.posonlyargs or node.args.vararg:
                yield f"{path}:{node.lineno}: {node.name} takes positional arguments"


def _foreign_models(path: str, tree: ast.AST) -> Iterator[str]:
    room = path.split("/", maxsplit=1)[0]
    foreign = [f"{other}.models" for other in ROOMS if other != room]
    for node in ast.walk(tree):
        if room in ROOMS and "/migrations/" not in path and importing(*foreign)(node):
            yield f"{path}:{getattr(node, 'lineno', 1)}: another room's models"


def _escapes(lines: list[str], node: ast.AST) -> bool:
    line = lines[getattr(node, "lineno", 1) - 1] if lines else ""
    reasoned_import = isinstance(node, ast.Import | ast.ImportFrom) and re.search(
        r"noqa: (?:\w+, )*PLC0415(?:, \w+)* - \S.{3,}", line
    )
    return bool(_ESCAPE.search(line) or reasoned_import)
