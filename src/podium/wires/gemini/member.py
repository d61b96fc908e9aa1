"""Names as Google takes them, and how members that the vocabulary has no word for travel in an `Extra` of this wire.

It keeps those of each level as one JSON object under the level's name:

    answer     beside `candidates` (`promptFeedback`, `createTime`)
    candidate  beside `content` (`groundingMetadata`, `safetyRatings`, `avgLogprobs`), with the host's own
               `finishReason` where ours would differ from it
    part       inside a part (`videoMetadata`, `mediaResolution`), or inside a declared function (`behavior`)
    inner      inside the `functionCall`, `functionResponse`, `inlineData` or `fileData` of a part

and besides what ours would not tell:

    idless     `true` on a call or a result that came without an id
    rides      where a signature stood that is no thought's: `before` (on the part before), `alone` (on an empty text),
               `bare` (on a part with nothing else)
    thought    `true` on reasoning of this wire
    blocked    `true` where the prompt was blocked and there is no candidate
    mime       the `responseMimeType` of an answer that is neither plain text nor JSON
    config     a `functionCallingConfig` as it came, `tool` a tool that the host runs
"""

import re
from functools import cache

from msgspec import Raw

from podium.vocabulary.part import Extra
from podium.wires.member import Members, on_one_line, parse, raw

NAME = "gemini"
TRUE = Raw(b"true")

_LOW_LINE = re.compile(r"_([a-z0-9])")


@cache
def camel_name(name: str) -> str:
    """A member's name as Google writes it; `max_output_tokens`, its name in protocol buffers, is taken as well."""
    return _LOW_LINE.sub(lambda found: found[1].upper(), name) if "_" in name else name


def camel(members: Members) -> Members:
    """Members by the names that Google writes."""
    if not any("_" in name for name in members):
        return members
    return {camel_name(name): value for name, value in members.items()}


def put(members: Members, name: str, value: Raw | None) -> None:
    """Set a member, whichever way its name was written, or take it away."""
    for key in [key for key in members if camel_name(key) == name]:
        if key != name or value is None:
            del members[key]
    if value is not None:
        members[name] = value


def listed(value: Raw | None) -> list[Raw] | None:
    """A list's entries. Google takes a single entry for a list of one. None if it is neither."""
    if value is None:
        return None
    if bytes(value)[:1] == b"{":
        return [value]
    return parse(value, list[Raw])


def flat(value: Raw) -> Raw:
    """A member as it came, without the line breaks of a host that writes for people."""
    data = bytes(value)
    return value if b"\n" not in data and b"\r" not in data else Raw(on_one_line(data))


def extra_of(*marks: tuple[str, Raw], **levels: Members | None) -> Extra | None:
    """An `Extra` of marks, and of the levels that have members; None if there is nothing in it."""
    members = {level: raw(each) for level, each in levels.items() if each}
    members.update(marks)
    return Extra(NAME, members) if members else None


def level(extra: Extra | None, name: str) -> Members:
    """The members that an `Extra` of this wire keeps at a level; of another wire, none."""
    if extra is None or extra.wire != NAME or name not in extra.members:
        return {}
    return parse(extra.members[name], Members) or {}


def mark(extra: Extra | None, name: str) -> Raw | None:
    """A mark that an `Extra` of this wire carries."""
    return extra.members.get(name) if extra is not None and extra.wire == NAME else None
