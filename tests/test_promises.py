"""Holds tests/promises.toml and the tests together."""

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PROMISES: dict[str, str] = {
    promise["id"]: promise["sentence"]
    for promise in tomllib.loads((TESTS / "promises.toml").read_text(encoding="utf-8"))["promise"]
}


def promise_ids(node: ast.AST) -> list[str]:
    """The ids in every `…mark.promise("id", …)` under this node."""
    return [
        argument.value
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "promise"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def marked_tests(source: str) -> dict[str, set[str]]:
    """Promise id → names of the tests that carry it, by mark on the test, its class or its whole file."""
    found: dict[str, set[str]] = defaultdict(set)

    def visit(body: list[ast.stmt], inherited: list[str]) -> None:
        of_the_whole = [
            promise
            for node in body
            if isinstance(node, ast.Assign) and "pytestmark" in [ast.unparse(to) for to in node.targets]
            for promise in promise_ids(node)
        ]
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            here = [
                *inherited,
                *of_the_whole,
                *(p for mark in node.decorator_list for p in promise_ids(mark)),
            ]
            if isinstance(node, ast.ClassDef):
                visit(node.body, here)
            elif node.name.startswith("test_"):
                for promise in here:
                    found[promise].add(node.name)

    visit(ast.parse(source).body, [])
    return found


def keepers() -> dict[str, set[str]]:
    """Every promise id that tests name → those tests, as file::test."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for promise, names in marked_tests(path.read_text(encoding="utf-8")).items():
            found[promise] |= {f"{path.relative_to(TESTS)}::{name}" for name in names}
    return found


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_is_kept_by_a_test(promise: str) -> None:
    assert keepers()[promise], (
        f"no test carries the promise {promise!r}: {PROMISES[promise]}\n"
        f'Mark the tests that keep it: @pytest.mark.promise("{promise}")'
    )


def test_no_test_names_a_promise_that_is_not_listed() -> None:
    unknown = {promise: names for promise, names in keepers().items() if promise not in PROMISES}
    assert not unknown, f"not in tests/promises.toml: {unknown}"


def test_a_mark_is_found_on_a_test_on_its_class_and_on_its_file() -> None:
    source = """
pytestmark = [pytest.mark.promise("file")]

@pytest.mark.promise("one", "two")
async def test_alone(): ...

@pytest.mark.promise("class")
class TestTogether:
    def test_in_class(self): ...
    def no_test(self): ...

def test_plain(): ...
"""
    assert marked_tests(source) == {
        "file": {"test_alone", "test_in_class", "test_plain"},
        "one": {"test_alone"},
        "two": {"test_alone"},
        "class": {"test_in_class"},
    }
