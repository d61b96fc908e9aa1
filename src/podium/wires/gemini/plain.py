"""The frequent chunk, read in one step: one piece of text or of thought, and nothing that is new besides.

A chunk that says anything else does not decode as `PlainChunk` and is read member by member.
"""

import msgspec
from msgspec import Raw, Struct

ABSENT = Raw(b"")


class PlainPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Some text."""

    text: str
    thought: bool = False


class PlainContent(Struct, frozen=True, forbid_unknown_fields=True):
    """What the model says."""

    parts: tuple[PlainPart]
    role: Raw = ABSENT


class PlainCandidate(Struct, frozen=True, forbid_unknown_fields=True):
    """A candidate that goes on."""

    content: PlainContent
    index: int = 0


class PlainChunk(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A chunk whose other members are such as stand in every chunk."""

    candidates: tuple[PlainCandidate]
    usage_metadata: Raw = ABSENT
    model_version: Raw = ABSENT
    response_id: Raw = ABSENT
    create_time: Raw = ABSENT


decode_plain = msgspec.json.Decoder(PlainChunk).decode
