"""The server half of a request: a client's JSON into the vocabulary.

Types are held strictly where a request would not be understood without them; members that are not known travel in
`source`. Every complaint names the member by its path, such as `messages[2].content[0].type`.
"""

from typing import Any

import msgspec
from msgspec import Raw

from podium.errors import InvalidRequest
from podium.vocabulary.part import Extra, Opaque, Part, Reasoning, Refusal, ToolCall, ToolResult
from podium.vocabulary.part import Text as TextPart
from podium.vocabulary.request import Effort, Line, Request, Role, Sampling, Schema, Source, Tool
from podium.wires.demand import members_of, optional, required
from podium.wires.openai_chat.content import read_part
from podium.wires.openai_chat.member import (
    NAME,
    Members,
    extra_of,
    is_null,
    parse,
    raw,
)
from podium.wires.openai_chat.sealed import (
    DETAILS,
    read_details,
    read_seal,
    unsealed,
    unsealed_call,
    unsealed_message,
)
from podium.wires.openai_chat.tool import read_choice, read_tool
from podium.wires.stranger import strange_line

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def read_request(body: bytes) -> Request:
    """The request that a client sent.

    Raises:
        InvalidRequest: it is no chat completion request; names the member.
    """
    members = members_of(body)
    model = optional(members, "model", str) or ""  # the door's default answers
    options = optional(members, "stream_options", Members) or {}
    stream = optional(members, "stream", bool) or False
    read = Request(
        model=model,
        lines=_lines(members),
        tools=_tools(members),
        tool_choice=next(
            (
                read_choice(members[name], name)
                for name in ("tool_choice", "function_call")
                if not is_null(members.get(name))
            ),
            None,
        ),
        sampling=_sampling(members),
        schema=_schema(members),
        stream=stream,
        include_usage=stream and bool(optional(options, "include_usage", bool, "stream_options.")),
    )
    return msgspec.structs.replace(read, source=Source(wire=NAME, members=unsealed(members), read=read))


def _lines(members: Members) -> tuple[Line, ...]:
    messages = required(members, "messages", list[Raw])
    return tuple(_line(message, f"messages[{at}]") for at, message in enumerate(messages))


def _line(message: Raw, path: str) -> Line:
    members = parse(message, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object.", param=path)
    name = required(members, "role", str, f"{path}.")
    role = _ROLES.get(name)
    if role is None:
        return strange_line(NAME, message)
    known_members = {"role", "content", "name"}
    if role == "assistant":
        parts = _assistant_parts(members, path)
        known_members |= _ASSISTANT
    elif role == "tool":
        parts = (_result(members, path, legacy=name == "function"),)
        known_members |= {"tool_call_id"}
    else:
        parts = _content(members, path)
        if is_null(members.get("content")):
            raise InvalidRequest(f"`{path}.content` is required.", param=f"{path}.content")
    rest = {key: value for key, value in members.items() if key not in known_members}
    return Line(
        role=role,
        parts=parts,
        name=None if role == "tool" else optional(members, "name", str, f"{path}."),
        extra=extra_of(message=rest),
    )


_REASONING = ("reasoning_content", "reasoning", DETAILS)
_ASSISTANT = {"tool_calls", "function_call", "refusal", *_REASONING}


def _content(members: Members, path: str) -> tuple[Part, ...]:
    value = members.get("content")
    if value is None or is_null(value):
        return ()
    text = parse(value, str)
    if text is not None:
        return (TextPart(text),)
    parts = parse(value, list[Raw])
    if parts is None:
        raise InvalidRequest(
            f"`{path}.content` must be a string or a list of parts.", param=f"{path}.content"
        )
    return tuple(read_part(part, f"{path}.content[{at}]") for at, part in enumerate(parts))


def _assistant_parts(members: Members, path: str) -> tuple[Part, ...]:
    parts = [
        *read_details(members.get(DETAILS)),
        *_reasoning(unsealed_message(members)),
        *(_thought(part) for part in _content(members, path)),
    ]
    if (refusal := optional(members, "refusal", str, f"{path}.")) is not None:
        parts.append(Refusal(refusal))
    calls = optional(members, "tool_calls", list[Raw], f"{path}.") or ()
    parts.extend(_call(call, f"{path}.tool_calls[{at}]") for at, call in enumerate(calls))
    legacy = optional(members, "function_call", Members, f"{path}.")
    if legacy is not None:
        parts.append(
            ToolCall(
                id="",
                name=required(legacy, "name", str, f"{path}.function_call."),
                arguments=optional(legacy, "arguments", str, f"{path}.function_call.") or "",
                extra=Extra(NAME, {"legacy": raw(True)}),
            )
        )
    return tuple(parts)


def _thought(part: Part) -> Part:
    """Mistral's thinking part is reasoning; others are themselves."""
    members = parse(part.value, dict[str, Any]) if isinstance(part, Opaque) else None
    if not members or members.get("type") != "thinking" or not isinstance(members.get("thinking"), list):
        return part
    texts = (each.get("text") for each in members["thinking"] if isinstance(each, dict))
    text = "".join(each for each in texts if isinstance(each, str))
    return Reasoning(text, extra=Extra(NAME, {"reasoning": raw("content")}))


def _reasoning(members: Members) -> list[Part]:
    """What a client sends back of an earlier answer's reasoning; the member it used is kept with it."""
    given = [each for each in _REASONING if not is_null(members.get(each))]
    if not given:
        return []
    name = next((each for each in given if parse(members[each], str) is not None), None)
    text = parse(members.get(name), str) if name else None
    levels: Members = {"reasoning": raw(name)} if name else {}
    if rest := {each: members[each] for each in given if each != name}:
        levels["message"] = raw(rest)
    return [Reasoning(text or "", extra=Extra(NAME, levels))]


def _call(call: Raw, path: str) -> ToolCall:
    members = parse(call, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object.", param=path)
    custom = not is_null(members.get("custom"))
    key, argument = ("custom", "input") if custom else ("function", "arguments")
    inner = required(members, key, Members, f"{path}.")
    return ToolCall(
        id=optional(members, "id", str, f"{path}.") or "",
        name=required(inner, "name", str, f"{path}.{key}."),
        arguments=optional(inner, argument, str, f"{path}.{key}.") or "",
        kind="custom" if custom else "function",
        signature=read_seal(members),
        extra=extra_of(
            call={k: v for k, v in unsealed_call(members).items() if k not in ("id", "type", "index", key)},
            function={k: v for k, v in inner.items() if k not in ("name", argument)},
        ),
    )


def _result(members: Members, path: str, *, legacy: bool) -> ToolResult:
    return ToolResult(
        call_id=optional(members, "tool_call_id", str, f"{path}.") or "",
        parts=_content(members, path),
        name=optional(members, "name", str, f"{path}."),
        extra=Extra(NAME, {"legacy": raw(True)}) if legacy else None,
    )


def _tools(members: Members) -> tuple[Tool, ...]:
    tools = optional(members, "tools", list[Raw]) or ()
    functions = optional(members, "functions", list[Raw]) or ()
    return (
        *(read_tool(tool, f"tools[{at}]") for at, tool in enumerate(tools)),
        *(read_tool(tool, f"functions[{at}]", legacy=True) for at, tool in enumerate(functions)),
    )


def _schema(members: Members) -> Schema | None:
    """`response_format`; one that is not known is kept as it came, for hosts that know it."""
    given = optional(members, "response_format", Members)
    if given is None:
        return None
    kind = required(given, "type", str, "response_format.")
    if kind == "text":
        return None
    if kind == "json_object":
        return Schema()
    if kind != "json_schema":
        return Schema(extra=Extra(NAME, {"answer": members["response_format"]}))
    path = "response_format.json_schema."
    inner = required(given, "json_schema", Members, "response_format.")
    schema = inner.get("schema")
    if not is_null(schema):
        optional(inner, "schema", Members, path)
    return Schema(
        name=optional(inner, "name", str, path),
        schema=None if is_null(schema) else schema,
        strict=optional(inner, "strict", bool, path),
        description=optional(inner, "description", str, path),
    )


def _sampling(members: Members) -> Sampling:
    effort = optional(members, "reasoning_effort", str)
    bias = members.get("logit_bias")
    if not is_null(bias):
        optional(members, "logit_bias", Members)
    return Sampling(
        max_output=_output_cap(members),
        temperature=optional(members, "temperature", float),
        top_p=optional(members, "top_p", float),
        top_k=_whole(members, "top_k"),
        stop=_stop(members),
        seed=_whole(members, "seed"),
        presence_penalty=optional(members, "presence_penalty", float),
        frequency_penalty=optional(members, "frequency_penalty", float),
        choices=_whole(members, "n"),
        logprobs=optional(members, "logprobs", bool),
        top_logprobs=_whole(members, "top_logprobs"),
        logit_bias=None if is_null(bias) else bias,
        parallel_tool_calls=optional(members, "parallel_tool_calls", bool),
        effort=Effort(level=effort) if effort is not None else None,
    )


def _whole(members: Members, name: str) -> int | None:
    """A whole number, also where it is written with a point; clients in untyped languages send `100.0`."""
    if name not in members:
        return None
    number = parse(members.get(name), int)
    if number is not None:
        return number
    loose = optional(members, name, float)
    if loose is not None and not loose.is_integer():
        raise InvalidRequest(f"`{name}` must be an integer.", param=name)
    return None if loose is None else int(loose)


def _output_cap(members: Members) -> int | None:
    """The newer member counts where both are there. Local hosts take -1 for no cap."""
    for name in ("max_completion_tokens", "max_tokens"):
        cap = _whole(members, name)
        if cap is not None and cap != -1:
            if cap < 1:
                raise InvalidRequest(f"`{name}` must be at least 1.", param=name)
            return cap
    return None


def _stop(members: Members) -> tuple[str, ...]:
    value = members.get("stop")
    if value is None or is_null(value):
        return ()
    text = parse(value, str)
    if text is not None:
        return (text,)
    texts = parse(value, list[str])
    if texts is None:
        raise InvalidRequest("`stop` must be a string or a list of strings.", param="stop")
    return tuple(texts)
