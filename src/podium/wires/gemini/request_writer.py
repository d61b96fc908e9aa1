"""The client half of a request: the vocabulary into the JSON that is sent to a host.

A request that came in by this wire is sent as it came, but for the members that the turn changed, so that nothing
that this module does not know is lost. A request from elsewhere is written anew.
"""

from collections.abc import Mapping

from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.request import Request, Sampling, Source
from podium.wires.ability import check_abilities
from podium.wires.dialect import choice_for, foreign_members, member_name, unsaid_members
from podium.wires.gemini.answer_tool import needs_answer_tool, put_answer_tool
from podium.wires.gemini.generation import put_sampling, put_schema
from podium.wires.gemini.line_writer import LineWriter
from podium.wires.gemini.member import NAME, camel, put
from podium.wires.gemini.prompt import Prompt
from podium.wires.gemini.resource import resource_path
from podium.wires.gemini.tool import write_choice, write_tools
from podium.wires.member import Members, encode, parse, raw
from podium.wires.seal import is_foreign
from podium.wires.wire import Outgoing

OURS = "x_podium"
"""Members that begin so are for Podium and never leave it."""

_HEADERS: Mapping[str, str] = {"content-type": "application/json"}


def write_request(request: Request, profile: Profile) -> Outgoing:
    """The request as this wire says it.

    Raises:
        Inexpressible: a member carries meaning that this wire cannot say, or that the model is known not to take.
    """
    check_abilities(request, profile, NAME)
    dropped = list(unsaid_members(request, NAME))
    source = request.source if request.source is not None and request.source.wire == NAME else None
    members = _as_sent(source)
    if not _is_same(request, source, "lines") or any(is_foreign(line, NAME) for line in request.lines):
        Prompt(source, LineWriter(profile.model, request, dropped)).write(members, request)
    if not _is_same(request, source, "tools"):
        _put_tools(members, request, source, dropped)
    if not _is_same(request, source, "tool_choice"):
        _put_choice(members, request)
    if not _is_same(request, source, "sampling", "schema"):
        _put_config(members, request, source, profile, dropped)
    if not _is_same(request, source, "tools", "tool_choice", "schema") and needs_answer_tool(
        request, profile
    ):
        put_answer_tool(members, request)
    action = "streamGenerateContent?alt=sse" if request.stream and profile.streaming else "generateContent"
    path = f"/v1beta/{resource_path(profile.model)}:{action}"
    return Outgoing(path, encode(members), _HEADERS, tuple(dict.fromkeys(dropped)))


def _as_sent(source: Source | None) -> Members:
    if source is None:
        return {}
    return {
        name: value for name, value in source.members.items() if name != "model" and not name.startswith(OURS)
    }


def _is_same(request: Request, source: Source | None, *fields: str) -> bool:
    """Whether the turn has left these fields of a request of this wire as they were read."""
    return source is not None and all(getattr(request, name) is getattr(source.read, name) for name in fields)


def _put_tools(members: Members, request: Request, source: Source | None, dropped: list[str]) -> None:
    for tool in request.tools:
        if tool.kind == "function":
            dropped.extend(name for name, _ in foreign_members(tool.extra, NAME))
    put(members, "tools", write_tools(request, source, dropped))


def _put_choice(members: Members, request: Request) -> None:
    """The choice among tools. Without tools `auto` and `none` say nothing."""
    choice = choice_for(request, NAME)
    if choice is not None and choice.mode == "required":
        if not any(not choice.names or tool.name in choice.names for tool in request.tools):
            raise Inexpressible(
                "A tool must be called, but there is none.", param=member_name(request, "tool_choice")
            )
    elif not request.tools:
        choice = None
    config: Members = parse(camel(members).get("toolConfig"), Members) or {}
    put(config, "functionCallingConfig", write_choice(choice) if choice else None)
    put(members, "toolConfig", raw(config) if config else None)


def _put_config(
    members: Members, request: Request, source: Source | None, profile: Profile, dropped: list[str]
) -> None:
    config: Members = parse(camel(members).get("generationConfig"), Members) or {}
    before = source.read.sampling if source is not None else Sampling()
    if not _is_same(request, source, "schema"):
        put_schema(config, request, dropped)
    put_sampling(config, request, before, profile, dropped)
    put(members, "generationConfig", raw(config) if config else None)
