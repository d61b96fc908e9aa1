"""Content blocks of a request, both ways.

Source: https://docs.claude.com/en/api/messages, `messages`. Blocks that have no word in the vocabulary (search results,
documents made of blocks, server tools and their results) are `Opaque` and go back as they came.
"""

import base64
from collections.abc import Callable

from msgspec import Raw

from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.part import (
    Document,
    Image,
    Media,
    Opaque,
    Part,
    Reasoning,
    Signature,
    Text,
    ToolCall,
    ToolResult,
)
from podium.wires.anthropic.block_writer import write_block
from podium.wires.anthropic.citation import read_citations
from podium.wires.anthropic.member import NAME, extra_of, level
from podium.wires.member import Members, is_null, object_at, parse, raw, rest_of, string_at
from podium.wires.place import type_of
from podium.wires.seal import unwrap
from podium.wires.text_document import words_of

_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_BEGINNINGS = (
    ("iVBOR", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("JVBERi", "application/pdf"),
)
"""How the base64 of the formats begins, for media whose type was not told."""


def read_content(value: Raw | None, path: str) -> tuple[Part, ...]:
    """The parts of a `content`, a string or a list of blocks.

    Raises:
        InvalidRequest: it is neither; names the member by its path.
    """
    if value is None or is_null(value):
        raise InvalidRequest(f"`{path}` is required.", param=path)
    text = parse(value, str)
    if text is not None:
        return (Text(text),)
    blocks = parse(value, list[Raw])
    if blocks is None:
        raise InvalidRequest(f"`{path}` must be a string or a list of content blocks.", param=path)
    return tuple(read_part(block, f"{path}[{at}]") for at, block in enumerate(blocks))


def read_part(value: Raw, path: str) -> Part:
    """One content block.

    Raises:
        InvalidRequest: it is not one; names the member by its path.
    """
    members = parse(value, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object with a `type`.", param=path)
    kind = parse(members.get("type"), str)
    if kind is None:
        raise InvalidRequest(f"`{path}.type` must be a string.", param=f"{path}.type")
    read = _READERS.get(kind)
    return read(members, path) if read else Opaque(NAME, value)


def write_media(part: Image | Document, path: str, *, own_files: bool) -> Raw:
    """The block of a picture or a document; `own_files` says that file ids are this wire's.

    Raises:
        Inexpressible: this wire does not take it in this form.
    """
    kind = "image" if isinstance(part, Image) else "document"
    media, beside = part.media, level(part.extra, "block")
    source: dict[str, object]
    if media.kind == "url":
        if not media.value.startswith(("https://", "http://")):
            raise Inexpressible("The anthropic wire takes only http(s) URLs.", param=path)
        source = {"type": "url", "url": media.value}
    elif media.kind == "file":
        if not own_files:
            raise Inexpressible("The file id belongs to another kind of host.", param=path)
        source = {"type": "file", "file_id": media.value}
    else:
        source = _inline(media, path, picture=kind == "image")
    if kind == "document" and media.name is not None and "title" not in beside:
        beside["title"] = raw(media.name)
    source.update(level(part.extra, "source"))
    return raw({"type": kind, "source": source, **beside})


def _inline(media: Media, path: str, *, picture: bool) -> dict[str, object]:
    kind = (
        media.media_type or next((k for head, k in _BEGINNINGS if media.value.startswith(head)), None) or ""
    )
    kind = "image/jpeg" if kind == "image/jpg" else kind.partition(";")[0]
    if (kind in _PICTURES) if picture else kind == "application/pdf":
        return {"type": "base64", "media_type": kind, "data": media.value}
    if not picture and (words := words_of(media, path)) is not None:
        return {"type": "text", "media_type": "text/plain", "data": words}
    what = "pictures in JPEG, PNG, GIF or WebP" if picture else "documents in PDF or plain text"
    raise Inexpressible(f"The anthropic wire takes {what}; this is {kind or 'of unknown type'}.", param=path)


def write_part(part: Part, path: str, *, own_files: bool) -> Raw:
    """One content block of a request, but for calls, results and reasoning.

    Raises:
        Inexpressible: it has no form on this wire.
    """
    if isinstance(part, Image | Document):
        return write_media(part, path, own_files=own_files)
    written = None if isinstance(part, Reasoning | ToolCall | ToolResult) else write_block(part)
    if written is None:
        name = type_of(part)
        raise Inexpressible(f"A part of type {name!r} has no form here on the anthropic wire.", param=path)
    return written


def _read_text(members: Members, path: str) -> Part:
    text = string_at(members, "text", path)
    cited = parse(members.get("citations"), list[Raw]) or []
    extra = extra_of(block=rest_of(members, "type", "text", *(("citations",) if cited else ())))
    return Text(text, read_citations(cited, text), extra)


def _media(members: Members, path: str) -> tuple[Media, Members] | None:
    """Where the bytes are, with the unknown members of the source; None if the source is of another kind."""
    source = object_at(members, "source", path)
    path = f"{path}.source"
    match string_at(source, "type", path):
        case "base64":
            kind = string_at(source, "media_type", path)
            media = Media("inline", string_at(source, "data", path), media_type=kind)
        case "url":
            media = Media("url", string_at(source, "url", path))
        case "file":
            media = Media("file", string_at(source, "file_id", path))
        case "text":
            data = base64.b64encode(string_at(source, "data", path).encode()).decode()
            media = Media("inline", data, media_type="text/plain")
        case _:
            return None
    return media, rest_of(source, "type", "media_type", "data", "url", "file_id")


def _read_image(members: Members, path: str) -> Part:
    found = _media(members, path)
    if found is None:
        return Opaque(NAME, raw(members))
    return Image(found[0], extra=extra_of(block=rest_of(members, "type", "source"), source=found[1]))


def _read_document(members: Members, path: str) -> Part:
    found = _media(members, path)
    if found is None:
        return Opaque(NAME, raw(members))
    media, source = found
    title = parse(members.get("title"), str)
    named = Media(media.kind, media.value, media_type=media.media_type, name=title)
    known = ("type", "source", *(("title",) if title is not None else ()))
    return Document(named, extra=extra_of(block=rest_of(members, *known), source=source))


def _read_thinking(members: Members, path: str) -> Part:
    value = parse(members.get("signature"), str)
    signature = (unwrap(value) or Signature(NAME, "", value)) if value else None
    extra = extra_of(block=rest_of(members, "type", "thinking", "signature"))
    return Reasoning(string_at(members, "thinking", path), signature, extra=extra)


def _read_redacted(members: Members, path: str) -> Part:
    value = string_at(members, "data", path)
    signature = unwrap(value) or Signature(NAME, "", value)
    return Reasoning("", signature, redacted=True, extra=extra_of(block=rest_of(members, "type", "data")))


def _read_call(members: Members, path: str) -> Part:
    value = members.get("input")
    if value is not None and not is_null(value):
        object_at(members, "input", path)
    return ToolCall(
        id=string_at(members, "id", path),
        name=string_at(members, "name", path),
        arguments="{}" if value is None or is_null(value) else bytes(value).decode(),
        extra=extra_of(block=rest_of(members, "type", "id", "name", "input")),
    )


def _read_result(members: Members, path: str) -> Part:
    content = members.get("content")
    return ToolResult(
        call_id=string_at(members, "tool_use_id", path),
        parts=() if content is None or is_null(content) else read_content(content, f"{path}.content"),
        is_error=bool(parse(members.get("is_error"), bool)),
        extra=extra_of(block=rest_of(members, "type", "tool_use_id", "content", "is_error")),
    )


_READERS: dict[str, Callable[[Members, str], Part]] = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "tool_use": _read_call,
    "tool_result": _read_result,
}
