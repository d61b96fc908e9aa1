"""The frequent event, read in one step: a piece of text, of thinking or of a call's arguments, and nothing besides.

An event that says anything else does not decode as `PlainEvent` and is read member by member.
"""

import msgspec
from msgspec import Struct


class PlainText(Struct, frozen=True, tag="text_delta", forbid_unknown_fields=True):
    """More text."""

    text: str


class PlainThought(Struct, frozen=True, tag="thinking_delta", forbid_unknown_fields=True):
    """More thinking."""

    thinking: str


class PlainArguments(Struct, frozen=True, tag="input_json_delta", forbid_unknown_fields=True):
    """More of a call's arguments."""

    partial_json: str


class PlainEvent(Struct, frozen=True, tag="content_block_delta", forbid_unknown_fields=True):
    """A block that goes on."""

    index: int
    delta: PlainText | PlainThought | PlainArguments


decode_plain = msgspec.json.Decoder(PlainEvent).decode
