"""The house linters: rules that ruff and import-linter cannot say, each shown to catch what it is for.

Exemptions stand on the offending line and carry their reason:
    `# aclosing: …`   an `async for` over something that has no `aclose`, or is closed by its owner
    `# optional: …`   an import inside a function, for a dependency that may be absent
    `# sleep: …`      a test that must let time pass, where no condition could be waited for
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "src/podium/"

MOST_LINES = 400
MOST_TEST_LINES = 600
MOST_FUNCTION_LINES = 60
EMPTY_NAMES = {"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Found = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root with `/`, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> "Source":
        return cls(path, text, ast.parse(text))

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def is_ours(self) -> bool:
        return self.path.startswith(PACKAGE)

    def is_exempt(self, node: ast.stmt | ast.expr, word: str) -> bool:
        """Whether the first line of this node carries `# word: reason`."""
        return re.search(rf"# {word}: \S+", self.lines[node.lineno - 1]) is not None

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions and classes inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            yield child
            yield from own_nodes(child)


def called_name(node: ast.AST) -> str:
    """`c` for a call of `c(…)` or `a.b.c(…)`, else nothing."""
    if not isinstance(node, ast.Call):
        return ""
    return ast.unparse(node.func).rpartition(".")[2]


# ── the rules ────────────────────────────────────────────────────────────────────────────────────────────


def short_files(source: Source) -> Found:
    """A file that has grown past reading is two files."""
    most = MOST_LINES if source.is_ours else MOST_TEST_LINES
    if len(source.lines) > most:
        yield most, f"{len(source.lines)} lines, at most {most}: split it where it holds two things"


def short_functions(source: Source) -> Found:
    """A function is read at one sight."""
    for function in source.functions() if source.is_ours else ():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > MOST_FUNCTION_LINES:
            yield function.lineno, f"{function.name} has {lines} lines, at most {MOST_FUNCTION_LINES}"


def told_folders(source: Source) -> Found:
    """Each folder says what it is and who calls it."""
    if source.is_ours and source.path.endswith("/__init__.py") and not ast.get_docstring(source.tree):
        yield 1, "a folder says in its docstring what it is and who calls it"


def telling_names(source: Source) -> Found:
    """A file is named for what it holds."""
    for name in PurePosixPath(source.path).with_suffix("").parts:
        if source.is_ours and name in EMPTY_NAMES:
            yield 1, f"{name!r} says nothing of what is inside: name the noun or the verb"


def closed_generators(source: Source) -> Found:
    """An async generator closes what it reads from.

    When its reader leaves early, an inner generator that is not under `aclosing` stays open, and with it the
    connection to a provider, until it is garbage-collected.
    """
    for function in source.functions():
        nodes = list(own_nodes(function))
        if not isinstance(function, ast.AsyncFunctionDef) or not any(isinstance(n, ast.Yield) for n in nodes):
            continue
        closed = {
            ast.unparse(item.optional_vars)
            for node in nodes
            if isinstance(node, ast.AsyncWith)
            for item in node.items
            if called_name(item.context_expr) == "aclosing" and item.optional_vars
        }
        loops: list[tuple[ast.stmt | ast.expr, ast.expr]] = [
            (node, node.iter) for node in nodes if isinstance(node, ast.AsyncFor)
        ]
        loops += [
            (each.iter, each.iter) for each in nodes if isinstance(each, ast.comprehension) and each.is_async
        ]
        for loop, read in loops:
            is_open = isinstance(read, ast.Call) or (
                isinstance(read, ast.Name) and ast.unparse(read) not in closed
            )
            if is_open and not source.is_exempt(loop, "aclosing"):
                told = f"{function.name} reads {ast.unparse(read)} without closing it"
                yield loop.lineno, f"{told}: async with aclosing(…) as inner, or `# aclosing: reason`"


def may_catch_all(path: str) -> bool:
    """Whether pyproject.toml lists this file among those that may catch everything."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    exempt = config["tool"]["ruff"]["lint"]["per-file-ignores"]
    return any(PurePosixPath(path).match(glob) and "BLE001" in rules for glob, rules in exempt.items())


def is_all(kind: ast.expr | None) -> bool:
    """Whether an except clause of this kind catches everything."""
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(each is None or ast.unparse(each) in {"Exception", "BaseException"} for each in kinds)


def narrow_excepts(source: Source) -> Found:
    """Catching everything hides faults of ours: only the listed last resorts do it, or who raises again."""
    if not source.is_ours or may_catch_all(source.path):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and is_all(node.type):
            if not isinstance(node.body[-1], ast.Raise):
                yield node.lineno, "catches everything: name what is expected, or raise again at its end"
        elif isinstance(node, ast.Call) and called_name(node) == "suppress" and any(map(is_all, node.args)):
            yield node.lineno, "suppresses everything: name what is expected"


def linked_todos(source: Source) -> Found:
    """What is left to do is written where others can find it."""
    for number, line in enumerate(source.lines, 1):
        if re.search(r"#.*\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", line) and "https://" not in line:
            yield number, "a note of work to do needs a link"


def imports_on_top(source: Source) -> Found:
    """What a file needs stands at its head; commands import late so that `--help` is quick."""
    if not source.is_ours or source.path.startswith(f"{PACKAGE}cli/"):
        return
    for function in source.functions():
        for node in own_nodes(function):
            if isinstance(node, ast.Import | ast.ImportFrom) and not source.is_exempt(node, "optional"):
                yield node.lineno, "an import inside a function: move it up, or say `# optional: reason`"


def reasoned_exemptions(source: Source) -> Found:
    """A linter is silenced for one named rule and a reason."""
    for number, line in enumerate(source.lines, 1):
        silenced = re.search(r"#\s*(noqa|type:\s*ignore)\b(.*)", line)
        if silenced is None or source.path == "tests/test_house.py":
            continue
        codes = (
            r":\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*" if silenced[1] == "noqa" else r"\[[a-z-]+(?:,\s*[a-z-]+)*\]"
        )
        if not re.match(codes + r"[\s#:,()–—-]+\w+", silenced[2]):
            yield number, f"# {silenced[1]} needs a code and a reason"


def waiting_tests(source: Source) -> Found:
    """A test waits for a condition, with a deadline, in a function named wait_…; it does not sleep."""
    if not source.path.startswith("tests/"):
        return
    for function in source.functions():
        for node in own_nodes(function):
            if (
                called_name(node) == "sleep"
                and isinstance(node, ast.Call)
                and ast.unparse(node.args[0] if node.args else node) != "0"
                and not function.name.lstrip("_").startswith("wait")
                and not source.is_exempt(node, "sleep")
            ):
                yield node.lineno, "sleeps: wait for a condition in a function wait_…, or `# sleep: reason`"


RULES: list[Callable[[Source], Found]] = [
    short_files,
    short_functions,
    told_folders,
    telling_names,
    closed_generators,
    narrow_excepts,
    linked_todos,
    imports_on_top,
    reasoned_exemptions,
    waiting_tests,
]


# ── the rules, kept ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return [
        Source.of(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for folder in ("src", "tests", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[Source], Found], sources: list[Source]) -> None:
    assert len(sources) > 1
    offences = [f"{source.path}:{line}: {what}" for source in sources for line, what in rule(source)]
    assert not offences, f"{rule.__doc__}\n" + "\n".join(offences)


def test_every_folder_of_the_package_is_one() -> None:
    folders = {path.parent for path in (ROOT / PACKAGE).rglob("*.py")}
    bare = [
        folder.relative_to(ROOT).as_posix() for folder in folders if not (folder / "__init__.py").exists()
    ]
    assert not bare, f"folders without __init__.py: {bare}"


def test_no_tracked_file_names_a_package_registry() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "registry." + "npmjs"]
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a checkout: {error}")
    named = [
        f"{name}: {host}"
        for name in listed.decode().split("\0")
        if name and (ROOT / name).is_file()
        for host in hosts
        if host.encode() in (ROOT / name).read_bytes()
    ]
    assert not named, f"lock files and docs carry no download addresses: {named}"


# ── the rules, shown to catch ────────────────────────────────────────────────────────────────────────────

IN_GENERATOR = "async def words(inner):\n"
CAUGHT: list[tuple[Callable[[Source], Found], str, str]] = [
    (short_files, "turn/run.py", "x = 1\n" * (MOST_LINES + 1)),
    (short_functions, "turn/run.py", "def run():\n" + "    x = 1\n" * MOST_FUNCTION_LINES),
    (told_folders, "turn/__init__.py", "x = 1"),
    (telling_names, "turn/utils.py", ""),
    (telling_names, "core/turn.py", ""),
    (closed_generators, "a.py", IN_GENERATOR + "    async for word in inner.stream():\n        yield word"),
    (closed_generators, "a.py", IN_GENERATOR + "    async for word in inner:\n        yield word"),
    (closed_generators, "a.py", IN_GENERATOR + "    yield [word async for word in inner()]"),
    (narrow_excepts, "a.py", "try:\n    x()\nexcept Exception:\n    pass"),
    (narrow_excepts, "a.py", "try:\n    x()\nexcept:\n    pass"),
    (narrow_excepts, "a.py", "try:\n    x()\nexcept (OSError, BaseException):\n    pass"),
    (narrow_excepts, "a.py", "with contextlib.suppress(Exception):\n    x()"),
    (linked_todos, "a.py", "x = 1  # TO" + "DO: later"),
    (imports_on_top, "a.py", "def f():\n    import json"),
    (reasoned_exemptions, "a.py", "x = 1  # noqa"),
    (reasoned_exemptions, "a.py", "x = 1  # noqa: E501"),
    (reasoned_exemptions, "a.py", "x = 1  # type: ignore"),
    (reasoned_exemptions, "a.py", "x = 1  # type: ignore[misc]"),
    (waiting_tests, "tests/test_a.py", "async def test_a():\n    await asyncio.sleep(1)"),
]
PASSED: list[tuple[Callable[[Source], Found], str, str]] = [
    (
        closed_generators,
        "a.py",
        IN_GENERATOR
        + "    async with aclosing(inner.stream()) as spoken:\n"
        + "        async for word in spoken:\n            yield word",
    ),
    (
        closed_generators,
        "a.py",
        "async def read(inner):\n    async for word in inner():\n        print(word)",
    ),
    (
        closed_generators,
        "a.py",
        IN_GENERATOR + "    async for c in body():  # aclosing: has none\n        yield c",
    ),
    (narrow_excepts, "turn/run.py", "try:\n    x()\nexcept Exception:\n    pass"),
    (narrow_excepts, "a.py", "try:\n    x()\nexcept BaseException:\n    close()\n    raise"),
    (linked_todos, "a.py", "x = 1  # TO" + "DO https://example.org/1"),
    (imports_on_top, "a.py", "def f():\n    import xllamacpp  # optional: an extra"),
    (imports_on_top, "cli/serve.py", "def f():\n    import uvicorn"),
    (reasoned_exemptions, "a.py", "x = 1  # noqa: E501, F401  # a table reads best in one line"),
    (reasoned_exemptions, "a.py", "x = 1  # type: ignore[misc]  # untyped upstream"),
    (waiting_tests, "tests/a.py", "async def wait_until(sees):\n    await asyncio.sleep(0.01)"),
    (waiting_tests, "tests/a.py", "async def test_a():\n    await asyncio.sleep(0)"),
]


def planted(path: str, text: str) -> Source:
    return Source.of(path if path.startswith("tests/") else PACKAGE + path, text)


@pytest.mark.parametrize(("rule", "path", "text"), CAUGHT)
def test_a_planted_fault_is_caught(rule: Callable[[Source], Found], path: str, text: str) -> None:
    assert len(list(rule(planted(path, text)))) == 1


@pytest.mark.parametrize(("rule", "path", "text"), PASSED)
def test_what_keeps_the_rule_passes(rule: Callable[[Source], Found], path: str, text: str) -> None:
    assert list(rule(planted(path, text))) == []
