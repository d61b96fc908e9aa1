"""A file of rules: which prompts get which answers."""

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
from msgspec import Struct

from podium.errors import OperatorError


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """Prompts in which the expression `match` is found, for models of this shell-style pattern, get `answer`.

    The answer is text with rules; `$0` to `$9` in it are what the expression and its groups have matched.
    """

    answer: str
    match: str = ""
    model: str = "*"


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """Entries in order; the first that fits is taken."""

    rules: tuple[Entry, ...] = ()

    def find(self, model: str, prompt: str) -> str | None:
        """The answer for a prompt, or None."""
        for entry in self.rules:
            if fnmatchcase(model, entry.model) and (found := re.search(entry.match, prompt)):
                return re.sub(r"\$(\d)", lambda name: _group(found, int(name[1])), entry.answer)
        return None


def read_script(path: Path) -> Script:
    """Read a script from a file, TOML or JSON by the ending of its name.

    Raises:
        OperatorError: the file cannot be read, or is no script.
    """
    try:
        data = path.read_bytes()
        members = tomllib.loads(data.decode()) if path.suffix == ".toml" else msgspec.json.decode(data)
    except (OSError, ValueError) as error:
        raise OperatorError(f"The simulator's script {path} cannot be read: {error}") from None
    return parse_script(members)


def parse_script(members: object) -> Script:
    """A script from its members.

    Raises:
        OperatorError: it is none.
    """
    try:
        script = msgspec.convert(members, Script)
        for entry in script.rules:
            re.compile(entry.match)
    except (msgspec.ValidationError, re.error) as error:
        raise OperatorError(f"The simulator's script is wrong: {error}") from None
    return script


def _group(found: re.Match[str], number: int) -> str:
    return (found[number] or "") if number <= (found.re.groups) else ""
