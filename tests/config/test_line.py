"""Lines of keys, also where a value spreads over several lines or looks like something else."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from podium.config.line import line_at, lines_of

TEXT = '''# a comment
default = """
[not.a.table]
key = 1
"""

[a."b/c"]        # a header
list = [
  "x", # [neither]
  "y",
]
inline = { deep = { deeper = 1 } }
d.e = 2

  [a.b]
  "quoted key" = 3

[[many]]
x = 1
[[many]]
y = 2
'''


def test_each_key_has_the_line_on_which_its_statement_begins() -> None:
    lines = lines_of(TEXT)
    assert lines["default",] == 2
    assert lines["a", "b/c"] == 7
    assert lines["a", "b/c", "list"] == 8
    assert lines["a", "b/c", "inline", "deep", "deeper"] == 12
    assert lines["a", "b/c", "d", "e"] == 13
    assert lines["a", "b", "quoted key"] == 16
    assert lines["many", "y"] == 21
    assert ("not", "a", "table") not in lines
    assert ("key",) not in lines


def test_what_is_not_there_is_placed_at_the_table_around_it() -> None:
    lines = lines_of(TEXT)
    assert line_at(lines, ("a", "b", "missing")) == 15
    assert line_at(lines, ("nowhere",)) == 1
    assert line_at({}, ("a",)) == 1


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
VALUES = st.one_of(st.integers(-9, 9), st.booleans(), NAMES, st.lists(NAMES, max_size=3))
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4)
GAPS = st.lists(st.sampled_from(["", "# note = [1", "   "]), max_size=2)


@given(TABLES, st.data())
def test_every_key_of_any_file_is_found_where_it_was_written(
    tables: dict[str, dict[str, object]], data: st.DataObject
) -> None:
    written: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for name, table in tables.items():
        written += data.draw(GAPS)
        written.append(f"[{json.dumps(name, ensure_ascii=False)}]")
        expected[name,] = len(written)
        for key, value in table.items():
            written += data.draw(GAPS)
            expected[name, key] = len(written) + 1
            shown = json.dumps(value, ensure_ascii=False)
            if isinstance(value, list):
                shown = shown.replace("[", "[\n", 1)
            written += f"{json.dumps(key, ensure_ascii=False)} = {shown}".split("\n")
    text = "\n".join(written)
    assert tomllib.loads(text) == tables
    found = lines_of(text)
    assert {path: found[path] for path in expected} == expected
