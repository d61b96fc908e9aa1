"""The client half of a request: the vocabulary into the JSON that is sent to a host.

A request that came in by this wire is sent as it came, but for the members that the turn changed, so that nothing
that this module does not know is lost. A request from elsewhere is written anew.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.vocabulary.request import Effort, Request, Sampling, Schema, Source
from podium.wires.openai_chat.line_writer import write_line
from podium.wires.openai_chat.member import NAME, Members, decode_raws, encode, is_null, parse, raw
from podium.wires.openai_chat.tool import is_legacy, write_choice, write_function, write_tool
from podium.wires.wire import Outgoing

OURS = "x_podium"
"""Members that begin so are for Podium and never leave it."""

_HEADERS: Mapping[str, str] = {"content-type": "application/json"}
_SAMPLED = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "choices": "n",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "logit_bias": "logit_bias",
    "parallel_tool_calls": "parallel_tool_calls",
}
"""Fields of `Sampling` that are one member each."""

_LEVELS = ((0, "none"), (1_024, "minimal"), (4_096, "low"), (16_384, "medium"))
"""The effort for a budget of at most so many tokens; beyond, `high`."""


def write_request(request: Request, profile: Profile, endpoint: Endpoint) -> Outgoing:
    """The request as this wire says it.

    Raises:
        Inexpressible: a member carries meaning that this wire cannot say.
    """
    dropped: list[str] = []
    source = request.source if request.source is not None and request.source.wire == NAME else None
    members: Members = {}
    if source is not None:
        members = {name: value for name, value in source.members.items() if not name.startswith(OURS)}
    members["model"] = raw(profile.model)
    if source is None or request.lines is not source.read.lines:
        members["messages"] = _messages(request, source, dropped)
    if source is None or request.tools is not source.read.tools:
        _put_tools(members, request, source)
    if source is None or request.tool_choice is not source.read.tool_choice:
        members.pop("function_call", None)
        choice = request.tool_choice
        _put(members, "tool_choice", None if choice is None else write_choice(choice, request.tools))
    if source is None or request.schema is not source.read.schema:
        _put(members, "response_format", None if request.schema is None else _format(request.schema))
    if source is None or request.sampling is not source.read.sampling:
        before = Sampling() if source is None else source.read.sampling
        _put_sampling(members, request.sampling, before, endpoint, dropped)
    _put_stream(members, stream=request.stream and profile.streaming)
    return Outgoing("/chat/completions", encode(members), _HEADERS, tuple(dict.fromkeys(dropped)))


def _put(members: Members, name: str, value: Raw | None) -> None:
    if value is None:
        members.pop(name, None)
    else:
        members[name] = value


def _messages(request: Request, source: Source | None, dropped: list[str]) -> Raw:
    """Every line that is still the one that was read goes as it was sent, whatever stands around it now."""
    sent: dict[int, Raw] = {}
    if source is not None:
        sent = {
            id(line): message
            for line, message in zip(source.read.lines, decode_raws(source.members["messages"]), strict=True)
        }
    messages: list[Raw] = []
    for at, line in enumerate(request.lines):
        message = sent.get(id(line))
        messages.extend((message,) if message is not None else write_line(line, f"messages[{at}]", dropped))
    return raw(messages)


def _put_tools(members: Members, request: Request, source: Source | None) -> None:
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
    _put(members, "tools", raw(tools) if tools else None)
    _put(members, "functions", raw(functions) if functions else None)


def _format(schema: Schema) -> Raw:
    if schema.extra is not None and schema.extra.wire == NAME and "answer" in schema.extra.members:
        return schema.extra.members["answer"]
    if schema.schema is None and schema.name is None:
        return raw({"type": "json_object"})
    inner: dict[str, object] = {"name": schema.name or "answer"}
    given = {"description": schema.description, "schema": schema.schema, "strict": schema.strict}
    inner.update({name: value for name, value in given.items() if value is not None})
    return raw({"type": "json_schema", "json_schema": inner})


def _put_sampling(
    members: Members, sampling: Sampling, before: Sampling, endpoint: Endpoint, dropped: list[str]
) -> None:
    """Only what differs from `before` is written; what is None is left to the host."""
    for field, name in _SAMPLED.items():
        value = getattr(sampling, field)
        if value != getattr(before, field):
            _put(members, name, None if value is None else raw(value))
    if sampling.max_output != before.max_output:
        _put_cap(members, sampling.max_output, endpoint)
    if sampling.stop != before.stop:
        _put(members, "stop", raw(sampling.stop) if sampling.stop else None)
    if sampling.effort != before.effort:
        _put(members, "reasoning_effort", _effort(sampling.effort))
    if sampling.top_k != before.top_k:
        members.pop("top_k", None)
        if sampling.top_k is not None:
            dropped.append("top_k")


def _put_cap(members: Members, cap: int | None, endpoint: Endpoint) -> None:
    """The output cap stays under the name that the caller used; a host would refuse two of them."""
    there = [name for name in ("max_completion_tokens", "max_tokens") if name in members]
    for name in there:
        del members[name]
    if cap is not None:
        members[there[0] if there else endpoint.max_tokens_member] = raw(cap)


def _effort(effort: Effort | None) -> Raw | None:
    if effort is None:
        return None
    if effort.level is not None or effort.tokens is None:
        return None if effort.level is None else raw(effort.level)
    tokens = effort.tokens
    return raw(next((name for most, name in _LEVELS if tokens <= most), "high"))


def _put_stream(members: Members, *, stream: bool) -> None:
    """A streamed answer is always asked for its usage: attempts are paid by it."""
    if stream:
        options: dict[str, Any] = parse(members.get("stream_options"), Members) or {}
        members["stream"] = raw(True)
        members["stream_options"] = raw({**options, "include_usage": True})
        return
    members.pop("stream_options", None)
    if not is_null(members.get("stream")):
        members["stream"] = raw(False)
