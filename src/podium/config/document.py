"""podium.toml, read: what it says, and on which line."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from podium.config.file import EndpointTable, File
from podium.config.hosts import NAMES
from podium.config.line import line_at, lines_of
from podium.config.mistake import Misconfigured, header, likely, told

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """A file's name as a person sees it, its tables, and the line of each key. Without a file all are empty."""

    name: str = ""
    path: Path | None = None
    file: File = field(default_factory=File)
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def place(self, *path: str) -> str:
        """`podium.toml:7`, or `/etc/podium.toml:7` where the file was named so."""
        return f"{self.name}:{line_at(self.lines, path)}"

    def bare_place(self, *path: str) -> str:
        """`podium.toml:7`, for those who have no business with the operator's folders."""
        return f"{Path(self.name).name}:{line_at(self.lines, path)}"


def read(path: Path, name: str) -> Document:
    """Read and check a file; `name` is what messages call it.

    Raises:
        Misconfigured: with every mistake in it, in the order of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Misconfigured([f"{name}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise Misconfigured([f"{name}: is not UTF-8 text (byte {error.start})"]) from error
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured([_told_syntax(name, text, str(error))]) from error
    lines = lines_of(text)
    mistakes = list(_incomplete(said))
    file = File()
    try:
        # Through JSON because there a list may become a tuple and a text a path, and "8080" still is no number.
        file = File.model_validate_json(json.dumps(said, default=str), strict=True)
    except ValidationError as error:
        mistakes += told(error)
    if mistakes:
        places = sorted((line_at(lines, at), sentence) for at, sentence in mistakes)
        raise Misconfigured(f"{name}:{line}: {sentence}" for line, sentence in places)
    return Document(name=name, path=path, file=file, lines=lines)


def _told_syntax(name: str, text: str, message: str) -> str:
    place = _PLACE.search(message)
    line = int(place[1]) if place and place[1] else len(text.splitlines()) or 1
    said = _PLACE.sub("", message)
    return f"{name}:{line}: not valid TOML: {said[:1].lower()}{said[1:]}"


def _incomplete(said: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], str]]:
    """An endpoint says where it is and how to speak to it, unless Podium knows one of this name."""
    endpoints = said.get("endpoints")
    for name, table in endpoints.items() if isinstance(endpoints, dict) else ():
        if isinstance(table, dict) and name not in NAMES:
            strange = [key for key in table if key not in EndpointTable.model_fields]
            near = likely(name, sorted(NAMES), shown="[endpoints.{}]")
            for key in ("wire", "base_url"):
                # One mistake is told once: "baseurl" is told as a misspelling of what is missing.
                is_misspelt = any(
                    likely(word, EndpointTable.model_fields) == likely(key, (key,)) for word in strange
                )
                if key not in table and not is_misspelt:
                    path = ("endpoints", name)
                    yield path, f'{header(path)} has no "{key}"{near}'
