"""JSON objects as their members, each still as it was sent, and how unknown members travel in an `Extra`.

An `Extra` of this wire keeps the unknown members of each level as one JSON object under the level's name:

    answer     beside `choices` in a chunk or a document (`system_fingerprint`, `x_groq`, `obfuscation`)
    choice     beside `delta` or `message` (`content_filter_results`, `native_finish_reason`)
    message    inside `delta` or `message`, and inside a message of a request (`reasoning_details`, `prefix`)
    call       inside a tool call, and inside a tool of a request (`extra_content`, `cache_control`)
    function   inside the `function` or `custom` of either
    part       inside a content part, `image_url` and its like inside the object of that name
    reasoning  not an object but the member's name that the host uses for reasoning, as a string
    legacy     `true` on a call that came as `function_call`

`choice` may also hold the host's own `finish_reason`, and `message` its `content`, where ours would differ from them.
"""

from podium.vocabulary.part import Extra
from podium.wires.member import (
    BROKEN,
    NULL,
    Members,
    appended,
    bare,
    decode_any,
    decode_list,
    decode_members,
    decode_raws,
    decode_string,
    decode_text,
    decoder,
    encode,
    is_null,
    joined,
    mended,
    on_one_line,
    parse,
    put,
    raw,
)

__all__ = [
    "BROKEN",
    "NAME",
    "NULL",
    "Members",
    "appended",
    "bare",
    "decode_any",
    "decode_list",
    "decode_members",
    "decode_raws",
    "decode_string",
    "decode_text",
    "decoder",
    "encode",
    "extra_of",
    "is_null",
    "joined",
    "level",
    "mended",
    "on_one_line",
    "parse",
    "put",
    "raw",
    "spliced",
]

NAME = "openai_chat"


def extra_of(**levels: Members | None) -> Extra | None:
    """An `Extra` of the levels that have members; None if none has."""
    members = {level: raw(each) for level, each in levels.items() if each}
    return Extra(NAME, members) if members else None


def level(extra: Extra | None, name: str) -> Members:
    """The members that an `Extra` of this wire keeps at a level; of another wire, none."""
    if extra is None or extra.wire != NAME or name not in extra.members:
        return {}
    return parse(extra.members[name], Members) or {}


def spliced(extra: Extra | None, name: str) -> bytes:
    """The same as JSON to be put behind other members: `,"a":1,"b":2`, or nothing."""
    if extra is None or extra.wire != NAME:
        return b""
    kept = extra.members.get(name)
    return b"," + bytes(kept)[1:-1] if kept is not None else b""
