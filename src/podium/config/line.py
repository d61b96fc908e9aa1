"""On which line of a TOML file a key stands; the standard parser does not say."""

import tomllib
from collections.abc import Iterator, Mapping

Path = tuple[str, ...]


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, on which the statement begins that sets each key or opens each table of a valid TOML file.

    A statement ends with the first line up to which it parses by itself, so strings and arrays over several lines are
    left to the parser.
    """
    found: dict[Path, int] = {}
    table: Path = ()
    chunk: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        chunk.append(line)
        try:
            said = tomllib.loads("\n".join(chunk) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        first = number - len(chunk) + 1
        is_header = chunk[0].lstrip().startswith("[")
        chunk = []
        if is_header:
            table = max(_paths(said, ()), key=len)
        for path in _paths(said, () if is_header else table):
            found.setdefault(path, first)
    return found


def line_at(lines: Mapping[Path, int], path: Path) -> int:
    """The line of a key, else of the table around it, else the first."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def _paths(value: object, path: Path) -> Iterator[Path]:
    if isinstance(value, list) and value:
        value = value[-1]  # [[a.b]] opens one more table of a list
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from _paths(inner, (*path, key))
