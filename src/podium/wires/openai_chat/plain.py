"""The frequent chunk, read in one step: some text or some reasoning of one choice, and nothing that is new besides.

A chunk that says anything else does not decode as `PlainChunk` and is read member by member. This is the same answer
at a quarter of the time, for nine chunks in ten.
"""

import msgspec
from msgspec import Raw, Struct

ABSENT = Raw(b"")


class PlainDelta(Struct, frozen=True, forbid_unknown_fields=True):
    """What the model says."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class PlainChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """A choice that goes on."""

    delta: PlainDelta
    index: int
    logprobs: None = None
    finish_reason: None = None


class PlainChunk(Struct, frozen=True, forbid_unknown_fields=True):
    """A chunk whose other members are such as stand in every chunk; `obfuscation` and `p` are padding."""

    choices: tuple[PlainChoice]
    id: Raw = ABSENT
    object: Raw = ABSENT
    created: Raw = ABSENT
    model: Raw = ABSENT
    system_fingerprint: Raw = ABSENT
    service_tier: Raw = ABSENT
    provider: Raw = ABSENT
    usage: None = None
    obfuscation: Raw = ABSENT
    p: Raw = ABSENT


decode_plain = msgspec.json.Decoder(PlainChunk).decode
