"""The client half of a request: the vocabulary into the JSON that is sent to a host.

A request that came in by this wire is sent as it came, but for the members that the turn changed, so that nothing
that this module does not know is lost. A request from elsewhere is written anew.
"""

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.request import Request, Sampling, Source
from podium.wires.ability import check_abilities
from podium.wires.anthropic.line_writer import LineWriter, unknown_hints, with_cache_hint
from podium.wires.anthropic.member import NAME
from podium.wires.anthropic.prompt import Prompt, thought_elsewhere
from podium.wires.anthropic.request_reader import HEADERS
from podium.wires.anthropic.sampling import put, put_sampling
from podium.wires.anthropic.schema import put_shape
from podium.wires.anthropic.thinking import drop_unfit_budget
from podium.wires.anthropic.tool import is_allowed, write_choice, write_tool
from podium.wires.dialect import choice_for, member_name, unsaid_members
from podium.wires.member import Members, encode, is_null, parse, raw
from podium.wires.place import tool_place
from podium.wires.wire import Outgoing

OURS = "x_podium"
"""Members that begin so are for Podium and never leave it."""

VERSION = "2023-06-01"

_NOBODY = Raw(b"[]")


def write_request(request: Request, profile: Profile) -> Outgoing:
    """The request as this wire says it.

    Raises:
        Inexpressible: a member carries meaning that this wire cannot say, or that the model is known not to take.
    """
    source = request.source if request.source is not None and request.source.wire == NAME else None
    check_abilities(request, profile, NAME)
    dropped = list(unsaid_members(request, NAME))
    headers = {"content-type": "application/json", "anthropic-version": VERSION}
    members: Members = {}
    if source is not None:
        members = {name: value for name, value in source.members.items() if not name.startswith(OURS)}
        headers.update({name: source.headers[name] for name in HEADERS if name in source.headers})
    members["model"] = raw(profile.model)
    if (
        source is None
        or request.lines is not source.read.lines
        or any(thought_elsewhere(line) for line in request.lines)
    ):
        own_files = request.source is None or source is not None
        writer = LineWriter(profile.model, request, own_files=own_files, dropped=dropped)
        prompt = Prompt(source, writer, dropped, inline_system=profile.inline_system)
        prompt.write(members, request.lines)
        if members["messages"] == _NOBODY:
            raise Inexpressible(
                "The anthropic wire takes no conversation in which nothing is said.",
                param=member_name(request, "lines"),
            )
    _put_rest(members, request, source, profile, dropped)
    streams = request.stream and profile.streaming
    if streams or not is_null(members.get("stream")):
        members["stream"] = raw(streams)
    return Outgoing("/v1/messages", encode(members), headers, tuple(dict.fromkeys(dropped)))


def _put_rest(
    members: Members, request: Request, source: Source | None, profile: Profile, dropped: list[str]
) -> None:
    """What the turn has changed of a request that came by this wire; of another all of it."""
    read = None if source is None else source.read
    before = None if read is None else read.sampling
    if read is None or request.tools is not read.tools or request.tool_choice is not read.tool_choice:
        _put_tools(members, request, source, profile, dropped)
    parallel = (before or Sampling()).parallel_tool_calls
    if (
        read is None
        or request.tool_choice is not read.tool_choice
        or request.sampling.parallel_tool_calls != parallel
    ):
        _put_choice(members, request, profile)
    if read is None or request.schema is not read.schema:
        put_shape(members, request, profile, dropped)
    if before is None or request.sampling is not before:
        put_sampling(members, request, before, profile, dropped)
    if source is not None:
        drop_unfit_budget(members, request, dropped)


def _put_tools(
    members: Members, request: Request, source: Source | None, profile: Profile, dropped: list[str]
) -> None:
    sent: dict[int, Raw] = {}
    if source is not None:
        entries = parse(source.members.get("tools"), list[Raw]) or []
        sent = {id(tool): entry for tool, entry in zip(source.read.tools, entries, strict=True)}
    strict = profile.native_schema
    tools: list[Raw] = []
    for at, tool in enumerate(request.tools):
        if not is_allowed(tool, request.tool_choice):
            continue
        entry = sent.get(id(tool))
        if entry is None:
            dropped.extend(unknown_hints(tool.extra) if tool.kind == "function" else ())
            entry = write_tool(tool, tool_place(request, tool, at), strict=strict, dropped=dropped)
            entry = with_cache_hint(entry, tool.extra)
        tools.append(entry)
    put(members, "tools", raw(tools) if tools else None)


def _put_choice(members: Members, request: Request, profile: Profile) -> None:
    """The choice among tools. This wire knows none without tools, where `auto` and `none` say nothing."""
    choice = choice_for(request, NAME)
    forced = choice is not None and choice.mode == "required"
    if forced and not _any_to_call(request):
        raise Inexpressible(
            "A tool must be called, but there is none.", param=member_name(request, "tool_choice")
        )
    if forced and not profile.forced_choice:
        raise Inexpressible(
            f"The model {profile.model} cannot be made to call a tool.",
            param=member_name(request, "tool_choice"),
            hint="Leave the choice to the model, or ask another one.",
        )
    if "tools" not in members:
        members.pop("tool_choice", None)
        return
    parallel = request.sampling.parallel_tool_calls
    put(members, "tool_choice", write_choice(choice, parallel=parallel))


def _any_to_call(request: Request) -> bool:
    names = request.tool_choice.names if request.tool_choice is not None else ()
    return any(not names or tool.name in names for tool in request.tools)
