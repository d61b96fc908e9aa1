"""The client half of a request: the vocabulary into the JSON that is sent to a host.

A request that came in by this wire is sent as it came, but for the members that the turn changed, so that nothing
that this module does not know is lost. A request from elsewhere is written anew.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.part import Text
from podium.vocabulary.request import Request, Sampling, Schema, Source
from podium.wires.ability import check_abilities
from podium.wires.dialect import choice_for, foreign_members, member_name, unsaid_members
from podium.wires.openai_chat.line_writer import LineWriter
from podium.wires.openai_chat.member import NAME, Members, decode_raws, encode, is_null, parse, put, raw
from podium.wires.openai_chat.sampling import put_sampling
from podium.wires.openai_chat.tool import is_legacy, write_choice, write_function, write_tool
from podium.wires.wire import Outgoing

OURS = "x_podium"
"""Members that begin so are for Podium and never leave it."""

_HEADERS: Mapping[str, str] = {"content-type": "application/json"}
_JSON = {"role": "system", "content": "Answer with a JSON object."}


def write_request(request: Request, profile: Profile, endpoint: Endpoint) -> Outgoing:
    """The request as this wire says it.

    Raises:
        Inexpressible: a member carries meaning that this wire cannot say, or that the model is known not to take.
    """
    source = _own(request)
    check_abilities(request, profile, NAME)
    dropped = list(unsaid_members(request, NAME))
    members: Members = {}
    if source is not None:
        members = {name: value for name, value in source.members.items() if not name.startswith(OURS)}
    members["model"] = raw(profile.model)
    if _is_new("lines", request, source):
        members["messages"] = _messages(request, source, endpoint, dropped)
    if _is_new("tools", request, source):
        _put_tools(members, request, source, dropped)
    if _is_new("tool_choice", request, source):
        _put_choice(members, request)
    if _is_new("schema", request, source):
        put(members, "response_format", None if request.schema is None else _format(request.schema, request))
    if _is_new("sampling", request, source):
        before = Sampling() if source is None else source.read.sampling
        put_sampling(members, request, before, profile, endpoint, dropped)
    _put_stream(members, stream=request.stream and profile.streaming, with_usage=endpoint.stream_usage)
    return Outgoing("/chat/completions", encode(members), _HEADERS, tuple(dict.fromkeys(dropped)))


def _own(request: Request) -> Source | None:
    """What the request was read from, if it came in by this wire."""
    return request.source if request.source is not None and request.source.wire == NAME else None


def _is_new(field: str, request: Request, source: Source | None) -> bool:
    """Whether a field of the request is not as its client sent it to a host of this wire."""
    return source is None or getattr(request, field) is not getattr(source.read, field)


def _messages(request: Request, source: Source | None, endpoint: Endpoint, dropped: list[str]) -> Raw:
    """Every line that is still the one that was read goes as it was sent, whatever stands around it now."""
    sent: dict[int, Raw] = {}
    if source is not None and source.read.lines:
        sent = {
            id(line): message
            for line, message in zip(source.read.lines, decode_raws(source.members["messages"]), strict=True)
        }
    writer = LineWriter(request, endpoint, dropped)
    for at, line in enumerate(request.lines):
        message = sent.get(id(line))
        if message is not None:
            writer.keep(line, message)
        else:
            writer.add(line, at)
    if source is None:
        writer.note_prefill()
        if _needs_word(request):
            dropped.append(member_name(request, "schema"))
            return raw([_JSON, *decode_raws(writer.written())])
    return writer.written()


def _needs_word(request: Request) -> bool:
    """Whether any JSON is asked for and nobody says so: OpenAI refuses a `json_object` without that word."""
    schema = request.schema
    if schema is None or schema.schema is not None or schema.name is not None or schema.extra is not None:
        return False
    texts = (part.text for line in request.lines for part in line.parts if isinstance(part, Text))
    return not any("json" in text.lower() for text in texts)


def _put_tools(members: Members, request: Request, source: Source | None, dropped: list[str]) -> None:
    sent: dict[int, Raw] = {}
    if source is not None:
        entries = [
            entry
            for name in ("tools", "functions")
            for entry in parse(source.members.get(name), list[Raw]) or ()
        ]
        sent = {id(tool): entry for tool, entry in zip(source.read.tools, entries, strict=True)}
    tools: list[Raw] = []
    functions: list[Raw] = []
    for at, tool in enumerate(request.tools):
        entry = sent.get(id(tool))
        if is_legacy(tool.extra):
            functions.append(entry or write_function(tool))
        else:
            tools.append(entry or write_tool(tool, at))
            dropped.extend(name for name, _ in foreign_members(tool.extra, NAME))
    put(members, "tools", raw(tools) if tools else None)
    put(members, "functions", raw(functions) if functions else None)


def _put_choice(members: Members, request: Request) -> None:
    """The choice among tools. Hosts of this wire know none without tools, where `auto` and `none` say nothing."""
    members.pop("function_call", None)
    choice = choice_for(request, NAME)
    if choice is not None and choice.mode == "required" and not request.tools:
        raise Inexpressible(
            "A tool must be called, but there is none.", param=member_name(request, "tool_choice")
        )
    meant = choice is not None and bool(request.tools)
    put(members, "tool_choice", write_choice(choice, request.tools) if choice and meant else None)


def _format(schema: Schema, request: Request) -> Raw:
    if schema.extra is not None:
        if schema.extra.wire != NAME:
            raise Inexpressible(
                "The openai_chat wire answers in text or in JSON.", param=member_name(request, "schema")
            )
        if "answer" in schema.extra.members:
            return schema.extra.members["answer"]
    if schema.schema is None and schema.name is None:
        return raw({"type": "json_object"})
    inner: dict[str, object] = {"name": schema.name or "answer"}
    given = {"description": schema.description, "schema": schema.schema, "strict": schema.strict}
    inner.update({name: value for name, value in given.items() if value is not None})
    return raw({"type": "json_schema", "json_schema": inner})


def _put_stream(members: Members, *, stream: bool, with_usage: bool) -> None:
    """A streamed answer is always asked for its usage, as attempts are paid by it, unless the host refuses that."""
    if stream or not is_null(members.get("stream")):
        members["stream"] = raw(stream)
    if stream and with_usage:
        options: dict[str, Any] = parse(members.get("stream_options"), Members) or {}
        members["stream_options"] = raw({**options, "include_usage": True})
    else:
        members.pop("stream_options", None)
