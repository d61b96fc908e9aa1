"""What a message is made of.

A part is a piece of content of one kind. `Opaque` is what Podium has no word for: it keeps the bytes of the wire that
it came from and goes back only there. `extra` keeps the unknown members of a known kind in the same way.
"""

from typing import TYPE_CHECKING, Literal

from msgspec import Raw, Struct

if TYPE_CHECKING:
    RawIfAny = Raw | None
else:
    RawIfAny = Raw  # msgspec decodes no union with Raw (into None alone); a member that is absent is None all the same


class Extra(Struct, frozen=True, omit_defaults=True):
    """Members that the vocabulary has no word for; written back only by the wire that read them."""

    wire: str
    members: dict[str, Raw]


class Signature(Struct, frozen=True):
    """A host's seal on its own reasoning or call; valid only on the wire and model that made it."""

    wire: str
    model: str
    value: str


class Media(Struct, frozen=True, omit_defaults=True):
    """Where bytes are: inline (base64), behind a URL, or in a host's file store under an id."""

    kind: Literal["inline", "url", "file"]
    value: str
    media_type: str | None = None
    name: str | None = None


class Annotation(Struct, frozen=True, omit_defaults=True):
    """A citation: what a stretch of text rests on. `start` and `end` count characters of that text."""

    kind: str
    url: str | None = None
    title: str | None = None
    start: int | None = None
    end: int | None = None
    extra: Extra | None = None


class Text(Struct, frozen=True, tag="text", omit_defaults=True):
    """Plain text."""

    text: str
    annotations: tuple[Annotation, ...] = ()
    extra: Extra | None = None


class Refusal(Struct, frozen=True, tag="refusal", omit_defaults=True):
    """The model's own words for why it will not answer."""

    text: str
    extra: Extra | None = None


class Image(Struct, frozen=True, tag="image", omit_defaults=True):
    """A picture; `detail` is the caller's hint of how closely to look."""

    media: Media
    detail: str | None = None
    extra: Extra | None = None


class Audio(Struct, frozen=True, tag="audio", omit_defaults=True):
    """Sound; `transcript` where the host gives one."""

    media: Media
    transcript: str | None = None
    extra: Extra | None = None


class Video(Struct, frozen=True, tag="video", omit_defaults=True):
    """Moving pictures."""

    media: Media
    extra: Extra | None = None


class Document(Struct, frozen=True, tag="document", omit_defaults=True):
    """A file to be read, such as a PDF."""

    media: Media
    extra: Extra | None = None


class Reasoning(Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """What the model thought before it spoke, as far as its host shows it."""

    text: str
    signature: Signature | None = None
    redacted: bool = False
    extra: Extra | None = None


class ToolCall(Struct, frozen=True, tag="tool_call", omit_defaults=True):
    """The model asks for a tool. `arguments` are the exact characters that it wrote, not parsed."""

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    signature: Signature | None = None
    extra: Extra | None = None


class ToolResult(Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What a tool gave back for the call `call_id`."""

    call_id: str
    parts: tuple["Part", ...]
    is_error: bool = False
    name: str | None = None
    extra: Extra | None = None


class Json(Struct, frozen=True, tag="json"):
    """A structured value, as the exact JSON that was produced."""

    value: Raw


class Opaque(Struct, frozen=True, tag="opaque"):
    """A piece of `wire`'s own JSON that the vocabulary has no word for; returned to that wire verbatim."""

    wire: str
    value: Raw


Part = Text | Refusal | Image | Audio | Video | Document | Reasoning | ToolCall | ToolResult | Json | Opaque


def plain_text(parts: tuple[Part, ...]) -> str:
    """The text parts joined: what a person would read aloud."""
    return "".join(part.text for part in parts if isinstance(part, Text))
