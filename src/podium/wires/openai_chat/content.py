"""Content parts of messages, both ways.

Source: https://platform.openai.com/docs/api-reference/chat/create, `messages`. Parts that this wire's dialects add
(`file_url`, `document_url`) are `Opaque` and go back as they came; `video_url` is a video.
"""

from collections.abc import Callable

from msgspec import Raw

from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.part import (
    Audio,
    Document,
    Image,
    Json,
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Video,
)
from podium.wires.member import object_at, rest_of, string_at
from podium.wires.openai_chat.member import NAME, Members, extra_of, level, parse, raw
from podium.wires.place import type_of

_AUDIO_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
}
_AUDIO_FORMATS = {kind: name for name, kind in _AUDIO_TYPES.items()} | {
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}


def read_part(value: Raw, path: str) -> Part:
    """One entry of a `content` list.

    Raises:
        InvalidRequest: it is not a part; names the member by its path.
    """
    members = parse(value, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object with a `type`.", param=path)
    kind = parse(members.get("type"), str)
    if kind is None:
        raise InvalidRequest(f"`{path}.type` must be a string.", param=f"{path}.type")
    read = _READERS.get(kind)
    return read(members, path) if read else Opaque(NAME, value)


def read_image(members: Members) -> Image | None:
    """An `image_url` part; None if it is none."""
    inner = parse(members.get("image_url"), Members)
    url = parse(members.get("image_url"), str) if inner is None else parse(inner.get("url"), str)
    if url is None:
        return None
    return Image(
        media_of(url),
        detail=parse((inner or {}).get("detail"), str),
        extra=extra_of(
            part=rest_of(members, "type", "image_url"), function=rest_of(inner or {}, "url", "detail")
        ),
    )


def media_of(url: str) -> Media:
    """A URL, or the bytes in a `data:` URL with base64."""
    if url.startswith("data:"):
        head, comma, value = url[5:].partition(",")
        kind, _, encoding = head.rpartition(";")
        if comma and encoding == "base64":
            return Media("inline", value, media_type=kind or None)
    return Media("url", url)


def write_parts(parts: tuple[Part, ...], path: Callable[[int], str]) -> Raw:
    """The `content` of a message: a string where a single plain text says it all, else a list.

    `path` tells where the part of an index stood.

    Raises:
        Inexpressible: a part has no form on this wire.
    """
    if not parts:
        return raw("")
    only = parts[0] if len(parts) == 1 else None
    if isinstance(only, Text) and not level(only.extra, "part"):
        return raw(only.text)
    return raw([write_part(part, path(at)) for at, part in enumerate(parts)])


def write_part(part: Part, path: str) -> Raw:
    """One entry of a `content` list.

    Raises:
        Inexpressible: it has no form on this wire.
    """
    match part:
        case Text(text=text):
            entry = raw({"type": "text", "text": text, **level(part.extra, "part")})
        case Refusal(text=text):
            entry = raw({"type": "refusal", "refusal": text, **level(part.extra, "part")})
        case Json(value=value):
            entry = raw({"type": "text", "text": bytes(value).decode()})
        case Image():
            entry = _write_image(part, path)
        case Audio():
            entry = _write_audio(part, path)
        case Document():
            entry = _write_document(part, path)
        case Video(media=media):
            url = {"url": _url(media, path), **level(part.extra, "function")}
            entry = raw({"type": "video_url", "video_url": url, **level(part.extra, "part")})
        case Opaque(wire=wire, value=value) if wire == NAME:
            entry = value
        case _:
            name = type_of(part)
            raise Inexpressible(
                f"A part of type {name!r} has no form here on the openai_chat wire.", param=path
            )
    return entry


def _write_image(part: Image, path: str) -> Raw:
    inner: dict[str, object] = {"url": _url(part.media, path)}
    if part.detail is not None:
        inner["detail"] = part.detail
    inner.update(level(part.extra, "function"))
    return raw({"type": "image_url", "image_url": inner, **level(part.extra, "part")})


def _write_audio(part: Audio, path: str) -> Raw:
    media = part.media
    kind = media.media_type or ""
    name = _AUDIO_FORMATS.get(kind) or (kind.removeprefix("audio/") if kind.startswith("audio/") else "")
    if media.kind != "inline" or not name:
        raise Inexpressible("The openai_chat wire takes sound only inline, in a known format.", param=path)
    inner = {"data": media.value, "format": name, **level(part.extra, "function")}
    return raw({"type": "input_audio", "input_audio": inner, **level(part.extra, "part")})


def _write_document(part: Document, path: str) -> Raw:
    media = part.media
    if media.kind == "url" and "file_data" not in level(part.extra, "function"):
        raise Inexpressible(
            "The openai_chat wire takes documents inline or by file id, not by URL.", param=path
        )
    inner: dict[str, object] = {}
    if media.kind == "file":
        inner["file_id"] = media.value
    else:
        inner["file_data"] = _url(media, path)
    if media.name is not None:
        inner["filename"] = media.name
    inner.update(level(part.extra, "function"))
    return raw({"type": "file", "file": inner, **level(part.extra, "part")})


def _url(media: Media, path: str) -> str:
    if media.kind == "url":
        return media.value
    if media.kind == "inline":
        return f"data:{media.media_type or 'application/octet-stream'};base64,{media.value}"
    raise Inexpressible("The openai_chat wire has no file ids for this kind of part.", param=path)


def _read_text(members: Members, path: str) -> Part:
    return Text(string_at(members, "text", path), extra=extra_of(part=rest_of(members, "type", "text")))


def _read_refusal(members: Members, path: str) -> Part:
    return Refusal(
        string_at(members, "refusal", path), extra=extra_of(part=rest_of(members, "type", "refusal"))
    )


def _read_image(members: Members, path: str) -> Part:
    image = read_image(members)
    if image is None:
        raise InvalidRequest(
            f"`{path}.image_url.url` must be a string: a URL, or a data: URL with the image in base64.",
            param=f"{path}.image_url.url",
        )
    return image


def _read_audio(members: Members, path: str) -> Part:
    inner = parse(members.get("input_audio"), Members)
    if inner is None:  # Mistral's dialect has the bytes, or a URL, in place of the object
        return Opaque(NAME, raw(members)) if parse(members.get("input_audio"), str) else _bad_audio(path)
    name = string_at(inner, "format", f"{path}.input_audio")
    return Audio(
        Media(
            "inline",
            string_at(inner, "data", f"{path}.input_audio"),
            media_type=_AUDIO_TYPES.get(name, f"audio/{name}"),
        ),
        extra=extra_of(
            part=rest_of(members, "type", "input_audio"), function=rest_of(inner, "data", "format")
        ),
    )


def _bad_audio(path: str) -> Part:
    raise InvalidRequest(f"`{path}.input_audio` must be an object.", param=f"{path}.input_audio")


def _read_file(members: Members, path: str) -> Part:
    inner = object_at(members, "file", path)
    name = parse(inner.get("filename"), str)
    file_id, data = parse(inner.get("file_id"), str), parse(inner.get("file_data"), str)
    rest = rest_of(inner, "file_id", "file_data", "filename")
    if file_id is not None:
        extra = extra_of(part=rest_of(members, "type", "file"), function=rest)
        return Document(Media("file", file_id, name=name), extra=extra)
    if data is None:
        raise InvalidRequest(f"`{path}.file` needs `file_data` or `file_id`.", param=f"{path}.file")
    media = media_of(data)
    if media.kind == "url" and not data.startswith(("http://", "https://")):
        media = Media("inline", data)
    elif media.kind == "url":  # OpenRouter's dialect
        rest["file_data"] = raw(data)
    extra = extra_of(part=rest_of(members, "type", "file"), function=rest)
    return Document(Media(media.kind, media.value, media_type=media.media_type, name=name), extra=extra)


def _read_video(members: Members, path: str) -> Part:
    inner = object_at(members, "video_url", path)
    return Video(
        media_of(string_at(inner, "url", f"{path}.video_url")),
        extra=extra_of(part=rest_of(members, "type", "video_url"), function=rest_of(inner, "url")),
    )


_READERS: dict[str, Callable[[Members, str], Part]] = {
    "text": _read_text,
    "refusal": _read_refusal,
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
    "video_url": _read_video,
}
