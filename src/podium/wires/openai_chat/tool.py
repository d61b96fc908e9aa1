"""Tools and tool choice, both ways, with the older `functions` and `function_call`."""

from msgspec import Raw

from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.part import Extra
from podium.vocabulary.request import Tool, ToolChoice
from podium.wires.dialect import WHOLE, unknown_choice
from podium.wires.openai_chat.member import NAME, Members, is_null, level, parse, raw

_MODES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
"""`any` is Mistral's word."""


def read_tool(value: Raw, path: str, *, legacy: bool = False) -> Tool:
    """One entry of `tools`, or of `functions`. A kind that is not the caller's own to run is kept as it came.

    Raises:
        InvalidRequest: it is not a tool; names the member by its path.
    """
    members = parse(value, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object.", param=path)
    if legacy:
        return _read_function(members, {"legacy": raw(True)}, path)
    kind = parse(members.get("type"), str)
    if kind is None and "function" not in members:
        raise InvalidRequest(f'`{path}.type` must be a string, such as "function".', param=f"{path}.type")
    if kind not in (None, "function", "custom"):
        return Tool(name=kind or "", kind="hosted", extra=Extra(NAME, {"call": value}))
    name = kind or "function"
    inner = parse(members.get(name), Members)
    if inner is None:
        raise InvalidRequest(f"`{path}.{name}` must be an object.", param=f"{path}.{name}")
    outer = {key: each for key, each in members.items() if key not in ("type", name)}
    levels: Members = {"call": raw(outer)} if outer else {}
    if name == "custom":
        return _read_custom(inner, levels, f"{path}.custom")
    return _read_function(inner, levels, f"{path}.function")


def _read_function(inner: Members, levels: Members, path: str) -> Tool:
    parameters = inner.get("parameters")
    if not is_null(parameters) and parse(parameters, Members) is None:
        raise InvalidRequest(f"`{path}.parameters` must be a JSON schema.", param=f"{path}.parameters")
    rest = {k: v for k, v in inner.items() if k not in ("name", "description", "parameters", "strict")}
    if rest:
        levels["function"] = raw(rest)
    return Tool(
        name=_name(inner, path),
        description=parse(inner.get("description"), str),
        parameters=None if is_null(parameters) else parameters,
        strict=parse(inner.get("strict"), bool),
        extra=Extra(NAME, levels) if levels else None,
    )


def _read_custom(inner: Members, levels: Members, path: str) -> Tool:
    rest = {k: v for k, v in inner.items() if k not in ("name", "description")}
    if rest:
        levels["function"] = raw(rest)
    return Tool(
        name=_name(inner, path),
        description=parse(inner.get("description"), str),
        kind="custom",
        extra=Extra(NAME, levels) if levels else None,
    )


def _name(inner: Members, path: str) -> str:
    name = parse(inner.get("name"), str)
    if not name:
        raise InvalidRequest(f"`{path}.name` must be a string that is not empty.", param=f"{path}.name")
    return name


def write_tool(tool: Tool, at: int) -> Raw:
    """One entry of `tools`.

    Raises:
        Inexpressible: it is run by another wire's host.
    """
    if tool.kind == "hosted":
        if tool.extra is not None and tool.extra.wire == NAME and "call" in tool.extra.members:
            return tool.extra.members["call"]
        raise Inexpressible(f"The tool {tool.name!r} is run by another kind of host.", param=f"tools[{at}]")
    inner = _inner(tool)
    return raw({"type": tool.kind, tool.kind: inner, **level(tool.extra, "call")})


def write_function(tool: Tool) -> Raw:
    """One entry of `functions`."""
    return raw(_inner(tool))


def is_legacy(extra: Extra | None) -> bool:
    """Whether a tool, a call or a result came by the older way of functions."""
    return extra is not None and extra.wire == NAME and "legacy" in extra.members


def _inner(tool: Tool) -> dict[str, object]:
    inner: dict[str, object] = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.parameters is not None:
        inner["parameters"] = tool.parameters
    if tool.strict is not None:
        inner["strict"] = tool.strict
    inner.update(level(tool.extra, "function"))
    return inner


def read_choice(value: Raw, path: str) -> ToolChoice:
    """A `tool_choice`, or a `function_call`.

    Raises:
        InvalidRequest: it is neither a word nor an object.
    """
    word = parse(value, str)
    if word is not None:
        mode = _MODES.get(word)
        if mode is None:
            return unknown_choice(NAME, value)
        extra = Extra(NAME, {"call": value}) if word == "any" else None
        return ToolChoice(mode=mode, extra=extra)  # type: ignore[arg-type]  # the table's values are the three modes
    members = parse(value, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be a string or an object.", param=path)
    if parse(members.get("type"), str) == "allowed_tools":
        return _read_allowed(members) or unknown_choice(NAME, value)
    name = _chosen(members)
    if name is None or not _is_callers(members):
        return unknown_choice(NAME, value)
    return ToolChoice(mode="required", names=(name,), extra=Extra(NAME, {"call": value}))


def _chosen(members: Members) -> str | None:
    inner = parse(members.get("function"), Members) or parse(members.get("custom"), Members) or members
    return parse(inner.get("name"), str) or None


def _is_callers(members: Members) -> bool:
    """Whether it is a tool of the caller's that is named, not one that the host runs."""
    return parse(members.get("type"), str) in (None, "function", "custom")


def _read_allowed(members: Members) -> ToolChoice | None:
    """The tools that are allowed, by name; None where that is not what is said."""
    inner = parse(members.get("allowed_tools"), Members) or {}
    mode = parse(inner.get("mode"), str)
    tools = parse(inner.get("tools"), list[Members])
    names = [_chosen(tool) for tool in tools or ()]
    if mode not in ("auto", "required") or not names or any(name is None for name in names):
        return None
    return ToolChoice(
        mode="auto" if mode == "auto" else "required",
        names=tuple(name for name in names if name is not None),
        extra=Extra(NAME, {"call": raw(members)}),
    )


def write_choice(choice: ToolChoice, tools: tuple[Tool, ...]) -> Raw:
    """A `tool_choice`: a word, the one tool that must be called, or the allowed ones."""
    kept = {} if choice.extra is None or choice.extra.wire != NAME else choice.extra.members
    if (as_sent := kept.get("call") or kept.get(WHOLE)) is not None:
        return as_sent
    if not choice.names or choice.mode == "none":
        return raw(choice.mode)
    kinds = {tool.name: "custom" if tool.kind == "custom" else "function" for tool in tools}
    named = [
        {"type": kinds.get(name, "function"), kinds.get(name, "function"): {"name": name}}
        for name in choice.names
    ]
    if choice.mode == "required" and len(named) == 1:
        return raw(named[0])
    mode = "required" if choice.mode == "required" else "auto"
    return raw({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}})
