"""Parts that came in another dialect, as parts that OpenAI's hosts take."""

import msgspec

from podium.errors import Inexpressible
from podium.vocabulary.part import Audio, Document, Extra, Image, Part, Text, Video
from podium.wires.dialect import foreign_members
from podium.wires.openai_chat.member import NAME
from podium.wires.text_document import words_of

_SOUNDS = ("audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav", "audio/wave")
_PDF = "application/pdf"
_PDF_BEGINNING = "JVBERi"
_FILE_NAME = "document.pdf"


def is_foreign(part: Part) -> bool:
    """Whether a part shows that it came in another dialect."""
    extra: Extra | None = getattr(part, "extra", None)
    return extra is not None and extra.wire != NAME


def adopted(part: Part, path: str, dropped: list[str]) -> Part:
    """The part as this wire has it. What it holds besides is a hint, and named in `dropped`.

    Raises:
        Inexpressible: hosts of this wire have no such part.
    """
    dropped.extend(name for name, _ in foreign_members(getattr(part, "extra", None), NAME))
    match part:
        case Text(annotations=annotations) if annotations:
            dropped.append("annotations")
        case Audio(media=media) if media.kind != "inline" or media.media_type not in _SOUNDS:
            raise Inexpressible("The openai_chat wire takes sound only inline, as MP3 or WAV.", param=path)
        case Video():
            raise Inexpressible("The openai_chat wire takes no moving pictures.", param=path)
        case Document():
            return _document(part, path, dropped)
        case _:
            pass
    if isinstance(part, Image | Audio) and part.media.name is not None:
        dropped.append("filename")
    return part


def _document(part: Document, path: str, dropped: list[str]) -> Part:
    """A PDF, which needs a name here, or a text, which is said as such."""
    media = part.media
    if media.kind == "file":
        raise Inexpressible("The file lies in the store of another kind of host.", param=path)
    if media.kind == "url":
        raise Inexpressible("The openai_chat wire takes documents inline, not by URL.", param=path)
    kind = (media.media_type or "").partition(";")[0].lower()
    if kind == _PDF or (not kind and media.value.startswith(_PDF_BEGINNING)):
        named = msgspec.structs.replace(media, media_type=_PDF, name=media.name or _FILE_NAME)
        return msgspec.structs.replace(part, media=named)
    if (words := words_of(media, path)) is not None:
        if media.name is not None:
            dropped.append("filename")
        return Text(words)
    raise Inexpressible(
        f"The openai_chat wire takes documents in PDF or plain text; this is {kind or 'of unknown type'}.",
        param=path,
    )
