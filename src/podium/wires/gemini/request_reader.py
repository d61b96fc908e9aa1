"""The server half of a request: a client's JSON into the vocabulary.

The model and whether to stream stand in the path. Names may be written `maxOutputTokens` or `max_output_tokens`.
Members that are not known travel in `source`. Every complaint names the member by its path, such as
`contents[2].parts[0].text`.
"""

from collections.abc import Mapping

import msgspec

from podium.errors import InvalidRequest
from podium.vocabulary.request import Request, Source
from podium.wires.demand import members_of
from podium.wires.gemini.demand import inner
from podium.wires.gemini.generation import read_sampling, read_schema
from podium.wires.gemini.line_reader import read_contents, read_system
from podium.wires.gemini.member import NAME, camel
from podium.wires.gemini.tool import read_choice, read_tools
from podium.wires.member import Members, parse

_ACTIONS = ("generateContent", "streamGenerateContent", "countTokens")


def read_request(path: Mapping[str, str], body: bytes) -> Request:
    """The request that a client sent; `path` has `model` and `action`, such as `streamGenerateContent`.

    Raises:
        InvalidRequest: it is no request of this dialect; names the member.
    """
    action = path.get("action", _ACTIONS[0])
    if action not in _ACTIONS:
        raise InvalidRequest(f"There is no `:{action}` here; there is {', '.join(_ACTIONS)}.", param="action")
    members = members_of(body)
    if action == "countTokens" and (whole := parse(camel(members).get("generateContentRequest"), Members)):
        members = whole
    named = camel(members)
    config = inner(named, "generationConfig")
    system = read_system(named)
    lines = tuple(line for group in read_contents(named) for line in group.lines)
    streams = action == "streamGenerateContent"
    read = Request(
        model=path.get("model", "").removeprefix("models/"),
        lines=lines if system is None else (system, *lines),
        tools=read_tools(named),
        tool_choice=read_choice(named),
        sampling=read_sampling(config),
        schema=read_schema(config),
        stream=streams,
        include_usage=streams,
    )
    return msgspec.structs.replace(read, source=Source(wire=NAME, members=members, read=read))
