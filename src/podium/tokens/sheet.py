"""All that a model would read of a request, laid out flat: its texts, its media, and how many there are of each."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import Raw

from podium.vocabulary.part import (
    Audio,
    Document,
    Extra,
    Image,
    Json,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from podium.vocabulary.request import Line, Request, Schema, Tool

Medium = Image | Audio | Video | Document

_HOSTED = ("cachedContent", "mcp_servers", "plugins", "web_search_options")
"""Members by which a host is asked to add to the prompt by itself."""


@dataclass(slots=True)
class Sheet:
    """A request laid out; filled once, by `laid_out`.

    `is_plain` is whether it is nothing but lines of text, whose framing is known to the token; `hosted` counts what the
    host itself will add, such as a search; `sealed` the characters of reasoning that only the host can read.
    """

    lines: int = 0
    names: int = 0
    calls: int = 0
    documents: int = 0
    schemas: int = 0
    hosted: int = 0
    sealed: int = 0
    texts: list[str] = field(default_factory=list)
    media: list[Medium] = field(default_factory=list)
    tools: tuple[Tool, ...] = ()
    schema: list[str] = field(default_factory=list)
    is_plain: bool = True


def laid_out(request: Request) -> Sheet:
    """Everything of a request that its model reads; takes about a microsecond a part."""
    sheet = Sheet(tools=request.tools)
    for line in request.lines:
        _lay_line(line, sheet)
    sheet.hosted = sum(tool.kind == "hosted" for tool in request.tools)
    if request.schema is not None:
        sheet.schemas = 1
        sheet.schema = list(_schema_texts(request.schema))
    if request.source is not None:
        _lay_members(request.source.members, sheet)
    if request.tools or sheet.hosted or sheet.schemas:
        sheet.is_plain = False
    return sheet


def _lay_members(members: Mapping[str, Raw], sheet: Sheet) -> None:
    """What a client has asked for in its host's own words."""
    sheet.hosted += sum(name in members for name in _HOSTED)
    if "functions" in members:  # OpenAI's tools before there were tools
        sheet.schemas += 1
        sheet.schema.append(_decoded(members["functions"]))


def _lay_line(line: Line, sheet: Sheet) -> None:
    sheet.lines += 1
    if line.name is not None:
        sheet.names += 1
        sheet.texts.append(line.name)
        sheet.is_plain = False
    for part in line.parts:
        if type(part) is Text:
            sheet.texts.append(part.text)
        else:
            sheet.is_plain = False
            _lay_part(part, sheet)


def _lay_part(part: Part, sheet: Sheet) -> None:
    match part:
        case Text(text=text) | Refusal(text=text):
            sheet.texts.append(text)
        case Reasoning(text=text, signature=signature):
            sheet.texts.append(text)
            sheet.sealed += len(signature.value) if signature is not None else 0
        case ToolCall(name=name, arguments=arguments, signature=signature):
            sheet.calls += 1
            sheet.sealed += len(signature.value) if signature is not None else 0
            sheet.texts += [name, arguments]
        case ToolResult(parts=parts):
            sheet.calls += 1
            for each in parts:
                _lay_part(each, sheet)
        case Json(value=value) | Opaque(value=value):
            sheet.texts.append(_decoded(value))
        case Document(media=media) if (words := _words(media)) is not None:
            sheet.documents += 1
            sheet.texts.append(words)
        case Image() | Audio() | Video() | Document():
            sheet.media.append(part)


def _words(media: Media) -> str | None:
    """The text of an inline document that is one."""
    kind = (media.media_type or "").partition(";")[0].lower()
    if media.kind != "inline" or not kind.startswith(("text/", "application/json", "application/xml")):
        return None
    try:
        return base64.b64decode(media.value).decode(errors="replace")
    except (binascii.Error, ValueError):
        return media.value


def _schema_texts(schema: Schema) -> Iterable[str]:
    if schema.name:
        yield schema.name
    if schema.description:
        yield schema.description
    if schema.schema is not None:
        yield _decoded(schema.schema)
    yield from extra_texts(schema.extra)


def extra_texts(extra: Extra | None) -> Iterable[str]:
    """The members that the vocabulary has no word for, as JSON."""
    return () if extra is None else (_decoded(value) for value in extra.members.values())


def _decoded(value: Raw) -> str:
    return bytes(value).decode(errors="replace")
