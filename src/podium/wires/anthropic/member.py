"""How members that the vocabulary has no word for travel in an `Extra` of this wire.

It keeps those of each level as one JSON object under the level's name:

    message   inside an answer's `message` (`container`, `diagnostics`), and inside a message of a request
    stop      beside `stop_reason` inside a `message_delta` (`stop_details`, `container`), with the host's own
              `stop_reason` and `stop_sequence` where the vocabulary cannot tell them from others
    event     beside `delta` in a `message_delta` (`context_management`)
    block     inside a content block or a tool (`cache_control`, `caller`, `citations`)
    delta     inside the delta of a `content_block_delta`
    source    inside the `source` of a picture or a document
    citation  not unknown members but a citation as it came
    events    not an object but the list of events of a kind that is not known
"""

from podium.vocabulary.part import Extra
from podium.wires.member import Members, parse, raw

NAME = "anthropic"

TYPE = "type"


def extra_of(**levels: Members | None) -> Extra | None:
    """An `Extra` of the levels that have members; None if none has."""
    members = {level: raw(each) for level, each in levels.items() if each}
    return Extra(NAME, members) if members else None


def level(extra: Extra | None, name: str) -> Members:
    """The members that an `Extra` of this wire keeps at a level; of another wire, none."""
    if extra is None or extra.wire != NAME or name not in extra.members:
        return {}
    return parse(extra.members[name], Members) or {}
