"""The server half of a request: a client's JSON into the vocabulary.

Types are held strictly where a request would not be understood without them; members that are not known travel in
`source`. Every complaint names the member by its path, such as `messages[2].content[0].type`.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

import msgspec
from msgspec import Raw

from podium.errors import InvalidRequest
from podium.vocabulary.part import Extra, Part, Reasoning, ToolCall, ToolResult
from podium.vocabulary.request import Effort, Line, Request, Sampling, Schema, Source, Tool
from podium.wires.anthropic.content import read_content
from podium.wires.anthropic.member import NAME, extra_of
from podium.wires.anthropic.tool import read_choice, read_tool
from podium.wires.demand import members_of, optional, required
from podium.wires.member import Members, is_null, parse, raw, rest_of
from podium.wires.stranger import strange_line

HEADERS = ("anthropic-version", "anthropic-beta")
"""Headers of a client that go on to a host of this wire as they came."""


def read_request(path: Mapping[str, str], body: bytes) -> Request:
    """The request that a client sent. For `method` `count_tokens` in `path`, the output needs no cap.

    Raises:
        InvalidRequest: it is no Messages request; names the member.
    """
    members = members_of(body)
    choice, parallel = (None, None)
    if not is_null(members.get("tool_choice")):
        choice, parallel = read_choice(members["tool_choice"])
    stream = optional(members, "stream", bool) or False
    read = Request(
        model=optional(members, "model", str) or "",  # the door's default answers
        lines=tuple(line for lines in read_lines(members) for line in lines),
        tools=_tools(members),
        tool_choice=choice,
        sampling=_sampling(members, parallel=parallel, capped=path.get("method") != "count_tokens"),
        schema=_schema(members),
        stream=stream,
        include_usage=stream,
    )
    headers = {name: path[name] for name in HEADERS if name in path}
    return msgspec.structs.replace(read, source=Source(NAME, members, read, headers))


def read_lines(members: Members) -> Iterator[tuple[Line, ...]]:
    """The lines of `system`, then those of each message: tool results are lines of their own.

    Raises:
        InvalidRequest: one of them is malformed; names the member.
    """
    system = members.get("system")
    if system is not None and not is_null(system):
        yield (Line("system", read_content(system, "system")),)
    messages = required(members, "messages", list[Raw])
    for at, message in enumerate(messages):
        yield _message(message, f"messages[{at}]")


def _message(message: Raw, path: str) -> tuple[Line, ...]:
    members = parse(message, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object.", param=path)
    role = required(members, "role", str, f"{path}.")
    if role not in ("user", "assistant", "system"):
        return (strange_line(NAME, message),)
    parts = read_content(members.get("content"), f"{path}.content")
    extra = extra_of(message=rest_of(members, "role", "content"))
    if role == "assistant":
        return (Line("assistant", _rejoined(parts), extra=extra),)
    if role == "system":
        return (Line("system", parts, extra=extra),)
    grouped = groupby(parts, key=lambda part: isinstance(part, ToolResult))
    lines = tuple(Line("tool" if result else "user", tuple(each), extra=extra) for result, each in grouped)
    return lines or (Line("user", (), extra=extra),)


def _rejoined(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Calls take back the signatures that went out in thinking blocks of their own behind them."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if (
            isinstance(part, Reasoning)
            and isinstance(before, ToolCall)
            and part.signature is not None
            and part.signature.wire != NAME
            and not part.text
        ):
            joined[-1] = msgspec.structs.replace(before, signature=part.signature)
        else:
            joined.append(part)
    return tuple(joined)


def _tools(members: Members) -> tuple[Tool, ...]:
    tools = optional(members, "tools", list[Raw]) or ()
    return tuple(read_tool(tool, f"tools[{at}]") for at, tool in enumerate(tools))


def _schema(members: Members) -> Schema | None:
    """The `format` of `output_config`, or `output_format`, as a beta had it; one that is not known as it came."""
    config = optional(members, "output_config", Members) or {}
    path = "output_config.format"
    given = optional(config, "format", Members, "output_config.")
    if given is None:
        path = "output_format"
        given = optional(members, "output_format", Members)
    if given is None:
        return None
    if required(given, "type", str, f"{path}.") != "json_schema":
        return Schema(extra=Extra(NAME, {"format": raw(given)}))
    required(given, "schema", Members, f"{path}.")
    return Schema(schema=given["schema"])


def _sampling(members: Members, *, parallel: bool | None, capped: bool) -> Sampling:
    cap = optional(members, "max_tokens", int)
    if cap is None and capped:
        raise InvalidRequest("`max_tokens` is required.", param="max_tokens")
    if cap is not None and cap < 0:
        raise InvalidRequest("`max_tokens` must be at least 1.", param="max_tokens")
    return Sampling(
        max_output=cap,
        temperature=optional(members, "temperature", float),
        top_p=optional(members, "top_p", float),
        top_k=optional(members, "top_k", int),
        stop=tuple(optional(members, "stop_sequences", list[str]) or ()),
        parallel_tool_calls=parallel,
        effort=_effort(members),
    )


def _effort(members: Members) -> Effort | None:
    """`output_config.effort` and `thinking`; without either it is the model's business."""
    config = optional(members, "output_config", Members) or {}
    word = optional(config, "effort", str, "output_config.")
    thinking = optional(members, "thinking", Members)
    tokens = None
    if thinking is not None:
        match required(thinking, "type", str, "thinking."):
            case "enabled":
                tokens = required(thinking, "budget_tokens", int, "thinking.")
            case "adaptive":
                return Effort(level=word)
            case "disabled" | "between_tools":
                return Effort(level="none")
    return Effort(level=word, tokens=tokens) if word is not None or tokens is not None else None
