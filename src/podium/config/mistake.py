"""What is wrong with a setting, told to a person: where, what, and the likely word."""

import difflib
import re
from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from podium.config.file import table_at
from podium.errors import OperatorError

Path = tuple[str, ...]

_WANTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "frozen_set": "a list",
    "dict": "a table",
    "model": "a table",
    "path": "a path",
}
SECRET = frozenset({"database_url", "redis_url", "webhook_url"})
"""Settings whose value may hold a secret and is never shown."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


class Misconfigured(OperatorError):
    """The settings are wrong; the message holds a line for each mistake."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was likely meant, or None where none is near."""
    # "baseurl" and "base-url" are "base_url" to a person; the comparison does not weigh that.
    plain = {re.sub(r"[^a-z0-9]", "", each.lower()): each for each in known}
    near = difflib.get_close_matches(re.sub(r"[^a-z0-9]", "", word.lower()), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else None


def likely(word: str, known: Iterable[str], *, shown: str = '"{}"') -> str:
    """`; did you mean "base_url"?`, or nothing where no known word is near."""
    near = nearest(word, known)
    return f"; did you mean {shown.format(near)}?" if near else ""


def header(path: Path) -> str:
    """A table as its header in the file: `[models."lab/small"]`."""
    return "[" + ".".join(key if _BARE_KEY.match(key) else f'"{key}"' for key in path) + "]"


def told(error: ValidationError) -> list[tuple[Path, str]]:
    """Each mistake in podium.toml: the path of the key it is about, and the sentence."""
    return [_told(each) for each in error.errors()]


def reason(error: ErrorDetails) -> str:
    """What is wrong with a value, to follow its name: `should be a whole number, not "80a"`."""
    kind = error["type"].removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")
    context = error.get("ctx", {})
    if kind in _WANTED:
        return f"should be {_WANTED[kind]}, not {_shown(error['input'])}"
    if kind == "literal_error":
        words = _words(str(context["expected"]))
        known = " or ".join(f'"{word}"' for word in words)
        near = likely(str(error["input"]), words) if len(words) > 1 else ""
        return f"should be {known}, not {_shown(error['input'])}{near}"
    if kind == "value_error":
        said = str(context["error"])
        if error["loc"][-1] in SECRET:
            return said
        return f"{said}, not {_shown(error['input'])}" if said.startswith("should") else f"is wrong: {said}"
    if kind == "too_short" and context["actual_length"] == 0:
        return "needs at least one"
    said = error["msg"].removeprefix("Input ").removeprefix("Value ")
    return f"{said[:1].lower()}{said[1:]}, not {_shown(error['input'])}"


def _told(error: ErrorDetails) -> tuple[Path, str]:
    path = tuple(str(each) for each in error["loc"] if each != "[key]")
    if error["type"] == "extra_forbidden":
        return path, _unknown_key(path, error["input"])
    if error["type"] == "missing":
        return path[:-1], f'{header(path[:-1])} has no "{path[-1]}"'
    if "[key]" in error["loc"]:
        return path, _bad_name(path)
    if table_at(path) is not None or path in {("endpoints",), ("models",), ("routes",)}:
        return path, f"{header(path)} {reason(error)}"
    return path, f"{_at(path)} {reason(error)}"


def _unknown_key(path: Path, value: object) -> str:
    table = table_at(path[:-1])
    known = table.model_fields if table is not None else {}
    if isinstance(value, dict) and len(path) == 1:
        tables = [name for name in known if name not in {"default_model", "allow_unpriced"}]
        return f"unknown table {header(path)}{likely(path[-1], tables, shown='[{}]')}"
    place = f" in {header(path[:-1])}" if path[:-1] else ""
    hint = likely(path[-1], known)
    if not path[:-1]:
        homes = (name for name in known if (inner := table_at((name,))) and path[-1] in inner.model_fields)
        hint = next((f"; it belongs in {header((name,))}" for name in homes), hint)
    return f'unknown key "{path[-1]}"{place}{hint}'


def _bad_name(path: Path) -> str:
    if path[0] == "models":
        return f'{header(path)} should be named "endpoint/model"'
    return f'{header(path)}: an endpoint\'s name has letters, digits, "_", "-" and "." only'


def _at(path: Path) -> str:
    numbers = [int(each) + 1 for each in path[-1:] if each.isdigit()]
    keys = path[: -len(numbers)] if numbers else path
    place = f" in {header(keys[:-1])}" if keys[:-1] else ""
    return f'"{keys[-1]}"{place}' + "".join(f", number {number} of its list," for number in numbers)


def _words(expected: str) -> list[str]:
    return re.findall(r"'([^']*)'", expected)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{value}"' if isinstance(value, str) else str(value)
