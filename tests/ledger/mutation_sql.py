"""Change the SQL that decides about money, one place at a time, and see whether a test notices.

A mutant is the text of one function with one operator, constant or word in another's place. It replaces the function in
the database that every test's is copied from; then the quick tests run in a process of their own until one fails.
"""

import asyncio
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import asyncpg
import pytest

from podium.kit import clock
from tests.serving import Cluster, running_cluster

DAYS = ("analytics",)
TESTS = {
    **dict.fromkeys(("budget_start", "budget_end"), ("period",)),
    **dict.fromkeys(("ledger_roll", "tokens_of", "tokens_learned"), DAYS),
}
USUAL = ("holding", "threshold", "sweep", "till", "machine")
OPTIONS = [
    "-qx",
    "-pno:cacheprovider",
    "-pno:schemathesis",
    "-pno:xdist",
    "-pno:unraisableexception",
    "--hypothesis-profile=mutation",
    "--timeout=60",
    "-k=not opposite_orders",
]
SECONDS = 240  # for all of the tests together: a mutant that waits for ever is found as well

RULES: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" <= ", " < "),
    # No test can stop the database's clock; and of the first transaction under way nothing can be seen.
    (r" < (?!clock_timestamp|now|_before)", " <= "),
    (r" >= ", " > "),
    (r" > ", " >= "),
    (r" = (?!ANY)", " <> "),
    (r" <> (?!ALL)", " = "),
    (r" = ANY\(", " <> ALL("),
    (r" <> ALL\(", " = ANY("),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"(?<!BETWEEN )\bAND\b", "OR"),
    (r"\bOR\b(?! REPLACE)", "AND"),
    (r"\bNOT (?!FOUND|NULL|EXISTS \(SELECT 1 FROM budget_periods)", ""),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r" DESC\b", ""),
    (r"\bDISTINCT (?!ON)", ""),
    (r"\btrue\b(?=[,\n)])", "false"),
    (r"\bfalse\b", "true"),
    (r"\bcoalesce\(([^(),]+), [^(),]+\)", r"\1"),
    (r"(?<![\w$'.])(?<!SELECT )(?<!PERFORM )(\d+)\b", lambda found: str(int(found[1]) + 1)),
    (r"(?<=interval ')(\d+)", lambda found: str(int(found[1]) * 2)),
    (r"'(settled|before|unknown|refused|free|held|judged|total|day|month|user)'", "'other'"),
]


@dataclass(frozen=True)
class Mutant:
    """`text` is the whole function; `shown` the line that differs, as it was and as it is."""

    function: str
    line: int
    shown: str
    text: str


def _functions() -> dict[str, str]:
    """The functions of the ledger by name, as they are."""
    folder = resources.files("podium.ledger") / "sql"
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("functions.sql", "rollup.sql")]
    found = (
        each
        for text in texts
        for each in re.findall(r"^CREATE OR REPLACE .*?^(?:END )?\$\$;", text, re.MULTILINE | re.DOTALL)
    )
    return {text.split("FUNCTION ")[1].split("(")[0]: text for text in found}


FUNCTIONS = _functions()


def mutants(function: str) -> Iterator[Mutant]:
    """All of a function's, in the order of the rules."""
    text = FUNCTIONS[function]
    body = text.index("$$")
    for pattern, other in RULES:
        for found in re.finditer(pattern, text):
            line = text.count("\n", 0, found.start())
            was = text.splitlines()[line]
            if found.start() < body or "--" in was[: found.start() - text.rfind("\n", 0, found.start())]:
                continue
            new = other(found) if callable(other) else found.expand(other)
            changed = text[: found.start()] + new + text[found.end() :]
            shown = f"- {was.strip()}\n  + {changed.splitlines()[line].strip()}"
            yield Mutant(function, line + 1, shown, changed)


async def _replace(cluster: Cluster, text: str) -> bool:
    """Put a function into the template; whether it is one."""
    connection = await asyncpg.connect(cluster.dsn_of("podium_template"))
    try:
        await connection.execute(text)
    except asyncpg.PostgresError:
        return False
    finally:
        await connection.close()
    return True


def _files(function: str) -> list[str]:
    return [f"tests/ledger/test_{name}.py" for name in TESTS.get(function, USUAL)]


def _end(cluster: Cluster, function: str) -> str:
    """What becomes of the tests in a process that has loaded all of them already."""
    child = os.fork()
    if not child:
        os.environ["PODIUM_TEST_CLUSTER"] = cluster.dsn
        with Path(os.devnull).open("w") as nowhere:
            for stream in (1, 2):
                os.dup2(nowhere.fileno(), stream)
        os._exit(pytest.main([*OPTIONS, *_files(function)]))
    code = wait_ended(child)
    return "timeout" if code is None else "killed" if code else "survived"


def wait_ended(child: int) -> int | None:
    """Its exit code; None if it had to be killed."""
    until = clock.monotonic() + SECONDS
    while clock.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def run(chosen: list[str]) -> int:
    """Try the mutants of these functions, or of all; how many survived."""
    functions = chosen or list(FUNCTIONS)
    survived = 0
    pytest.main(["--collect-only", "-qq", *{file for each in functions for file in _files(each)}])
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        cluster = runner.run(stack.enter_async_context(running_cluster()))
        try:
            for function in functions:
                if _end(cluster, function) != "survived":
                    sys.exit(f"mutation: the tests of {function} fail as it is")
                ends = Counter[str]()
                for mutant in mutants(function):
                    is_sql = runner.run(_replace(cluster, mutant.text))
                    end = _end(cluster, function) if is_sql else "no SQL"
                    ends[end] += 1
                    if end == "survived":
                        print(f"survived: {function}:{mutant.line}\n  {mutant.shown}", flush=True)
                runner.run(_replace(cluster, FUNCTIONS[function]))
                survived += ends["survived"]
                print(f"mutation: {function}: {dict(ends)}", flush=True)
        finally:
            runner.run(stack.aclose())
    return survived
