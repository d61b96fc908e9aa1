"""Pictures, sound, films and documents, both ways: `inlineData` holds the bytes, `fileData` says where they are.

Source: https://ai.google.dev/api/caching#Part. Files of Google's own store are told by their URI.
"""

import mimetypes
import re

from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.part import Audio, Document, Image, Media, Video
from podium.wires.gemini.member import TRUE, camel, extra_of, level
from podium.wires.member import Members, parse, raw, rest_of

AnyMedia = Image | Audio | Video | Document

_STORED = re.compile(r"gs://|files/|https://[a-z0-9.-]*googleapis\.com/v\w+/files/")
_FETCHED = re.compile(r"(https?|gs)://", re.IGNORECASE)
_FILMS = re.compile(r"https?://((www\.|m\.)?youtube\.com|youtu\.be)/")
_BEGINNINGS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}
_ALPHABET = str.maketrans("-_", "+/")


def read_media(members: Members) -> AnyMedia | None:
    """A part that holds media; None if it holds none, or such as is not for people to see."""
    if members.get("thought") == TRUE:
        return None
    inner = parse(members.get("inlineData"), Members)
    if inner is not None:
        return _inline(members, camel(inner))
    inner = parse(members.get("fileData"), Members)
    return _stored(members, camel(inner)) if inner is not None else None


def write_media(part: AnyMedia, path: str) -> Members:
    """The members of a part that holds media.

    Raises:
        Inexpressible: the file lies in another host's store.
    """
    media, beside = part.media, level(part.extra, "inner")
    if media.kind == "inline":
        inner: Members = {"mimeType": raw(_type_of_bytes(part)), "data": raw(media.value)}
        return {"inlineData": raw({**inner, **beside}), **level(part.extra, "part")}
    if media.kind == "file" and not _STORED.match(media.value):
        raise Inexpressible("A file in the store of another kind of host cannot be read here.", param=path)
    inner = {"fileUri": raw(media.value)}
    kind = media.media_type or _type_of_url(part)
    if kind is not None:
        inner["mimeType"] = raw(kind)
    return {"fileData": raw({**inner, **beside}), **level(part.extra, "part")}


def check_address(part: AnyMedia, path: str) -> None:
    """Refuse media at an address that no host of this wire fetches from.

    Raises:
        Inexpressible: it is neither `http`, `https` nor `gs`.
    """
    media = part.media
    if media.kind == "url" and not _FETCHED.match(media.value):
        raise Inexpressible(
            f"`{path}` is not at an address that the gemini wire can tell: it must begin with https://, http:// or gs://.",
            param=path,
        )


def _inline(members: Members, inner: Members) -> AnyMedia | None:
    data = parse(inner.get("data"), str)
    if data is None:
        return None
    media = Media(
        "inline",
        _standard(data),
        media_type=parse(inner.get("mimeType"), str),
        name=parse(inner.get("displayName"), str),
    )
    rest = rest_of(members, "inlineData", "thoughtSignature")
    return _part(media, rest, rest_of(inner, "data", "mimeType"))


def _stored(members: Members, inner: Members) -> AnyMedia | None:
    uri = parse(inner.get("fileUri"), str)
    if not uri:
        return None
    media = Media(
        "file" if _STORED.match(uri) else "url",
        uri,
        media_type=parse(inner.get("mimeType"), str),
        name=parse(inner.get("displayName"), str),
    )
    rest = rest_of(members, "fileData", "thoughtSignature")
    return _part(media, rest, rest_of(inner, "fileUri", "mimeType"))


def _part(media: Media, beside: Members, inner: Members) -> AnyMedia:
    extra = extra_of(part=beside, inner=inner)
    kind = (media.media_type or "").partition("/")[0]
    if kind == "image":
        return Image(media, extra=extra)
    if kind == "audio":
        return Audio(media, extra=extra)
    if kind == "video" or (not kind and _FILMS.match(media.value)):
        return Video(media, extra=extra)
    return Document(media, extra=extra)


def _standard(data: str) -> str:
    """Base64 in the usual alphabet; Google's own SDK sends that for URLs."""
    if "-" not in data and "_" not in data:
        return data
    standard = data.translate(_ALPHABET)
    return standard + "=" * (-len(standard) % 4)


def _type_of_bytes(part: AnyMedia) -> str:
    """The type as told, else by how the bytes begin: this wire takes nothing without one."""
    if part.media.media_type:
        return part.media.media_type
    found = next((kind for begin, kind in _BEGINNINGS.items() if part.media.value.startswith(begin)), None)
    return found or _usual(part) or "application/octet-stream"


def _type_of_url(part: AnyMedia) -> str | None:
    if _FILMS.match(part.media.value):
        return None
    return mimetypes.guess_type(part.media.value.partition("?")[0])[0] or _usual(part)


def _usual(part: AnyMedia) -> str | None:
    match part:
        case Image():
            return "image/jpeg"
        case Audio():
            return "audio/mpeg"
        case Video():
            return "video/mp4"
    return None


def data_of(value: Raw | None) -> Members:
    """An object's members by Google's names; none if it is no object."""
    return camel(parse(value, Members) or {})
