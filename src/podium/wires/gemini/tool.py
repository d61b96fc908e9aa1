"""Tools and tool choice, both ways. Source: https://ai.google.dev/api/caching#Tool."""

from typing import NamedTuple

from msgspec import Raw

from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.part import Extra
from podium.vocabulary.request import Request, Source, Tool, ToolChoice
from podium.wires.demand import optional, required
from podium.wires.dialect import WHOLE, unknown_choice
from podium.wires.gemini.demand import entry, inner
from podium.wires.gemini.member import NAME, camel, extra_of, level, listed, mark
from podium.wires.gemini.schema import json_schema
from podium.wires.member import Members, is_null, parse, raw, rest_of
from podium.wires.place import tool_place

_KNOWN = ("name", "description", "parameters", "parametersJsonSchema")
_MODES = {"AUTO": "auto", "VALIDATED": "auto", "MODE_UNSPECIFIED": "auto", "ANY": "required", "NONE": "none"}
_WORDS = {"auto": "AUTO", "required": "ANY", "none": "NONE"}


class _Entry(NamedTuple):
    """One tool as it was sent: a declared function, or what the host runs."""

    value: Raw
    path: str
    is_hosted: bool = False


def _entries(members: Members) -> list[_Entry]:
    """Each tool, out of the objects that hold several."""
    value = camel(members).get("tools")
    if value is None or is_null(value):
        return []
    objects = listed(value)
    if objects is None:
        raise InvalidRequest("`tools` must be a list.", param="tools")
    entries: list[_Entry] = []
    for at, each in enumerate(objects):
        path = f"tools[{at}]"
        entry(each, path)
        for name, content in (parse(each, Members) or {}).items():
            if name not in ("functionDeclarations", "function_declarations"):
                entries.append(_Entry(raw({name: content}), f"{path}.{name}", is_hosted=True))
                continue
            declared = [] if is_null(content) else listed(content)
            if declared is None:
                raise InvalidRequest(f"`{path}.{name}` must be a list.", param=f"{path}.{name}")
            entries.extend(_Entry(one, f"{path}.{name}[{i}]") for i, one in enumerate(declared))
    return entries


def read_tools(members: Members) -> tuple[Tool, ...]:
    """The tools of a request.

    Raises:
        InvalidRequest: one of them is none; names the member by its path.
    """
    return tuple(_hosted(each) if each.is_hosted else _declared(each) for each in _entries(members))


def _hosted(given: _Entry) -> Tool:
    (name,) = camel(parse(given.value, Members) or {})
    return Tool(name=name, kind="hosted", extra=Extra(NAME, {"tool": given.value}))


def _declared(given: _Entry) -> Tool:
    members, path = entry(given.value, given.path), f"{given.path}."
    name = required(members, "name", str, path)
    if not name:
        raise InvalidRequest(f"`{path}name` must not be empty.", param=f"{path}name")
    schema = optional(members, "parameters", Members, path) and members["parameters"]
    plain = members.get("parametersJsonSchema")
    if not is_null(plain):
        optional(members, "parametersJsonSchema", Members, path)
    else:
        plain = json_schema(schema) if schema else None
    return Tool(
        name=name,
        description=optional(members, "description", str, path),
        parameters=plain,
        extra=extra_of(part=rest_of(members, *_KNOWN)),
    )


def write_tools(request: Request, source: Source | None, dropped: list[str]) -> Raw | None:
    """The `tools` of a request; each tool that is still the one that was read goes as it was sent.

    Raises:
        Inexpressible: one is run by another wire's host, or has a grammar for its input.
    """
    sent: dict[int, Raw] = {}
    if source is not None:
        sent = {
            id(tool): each.value
            for tool, each in zip(source.read.tools, _entries(source.members), strict=True)
        }
    declared: list[Raw] = []
    hosted: list[Raw] = []
    for at, tool in enumerate(request.tools):
        value = sent.get(id(tool))
        if tool.kind == "hosted":
            hosted.append(value or _write_hosted(tool, tool_place(request, tool, at)))
        else:
            declared.append(value or _write_declared(tool, tool_place(request, tool, at), dropped))
    functions = [raw({"functionDeclarations": declared})] if declared else []
    return raw([*functions, *hosted]) if functions or hosted else None


def _write_hosted(tool: Tool, path: str) -> Raw:
    value = mark(tool.extra, "tool")
    if value is None:
        raise Inexpressible(f"The tool {tool.name!r} is run by another kind of host.", param=path)
    return value


def _write_declared(tool: Tool, path: str, dropped: list[str]) -> Raw:
    if tool.kind == "custom":
        raise Inexpressible(
            f"The gemini wire has only tools with a schema; {tool.name!r} takes free text.",
            param=path,
        )
    if tool.strict:
        dropped.append("strict")
    members: Members = {"name": raw(tool.name)}
    if tool.description is not None:
        members["description"] = raw(tool.description)
    if tool.parameters is not None:
        members["parametersJsonSchema"] = tool.parameters
    return raw({**members, **level(tool.extra, "part")})


def read_choice(members: Members) -> ToolChoice | None:
    """The `functionCallingConfig` of a `toolConfig`.

    Raises:
        InvalidRequest: a member is of a wrong type.
    """
    outer = inner(members, "toolConfig")
    config = inner(outer, "functionCallingConfig", "toolConfig.")
    if not config:
        return None
    path = "toolConfig.functionCallingConfig."
    word = (optional(config, "mode", str, path) or "AUTO").upper()
    mode = _MODES.get(word)
    if mode is None:
        return unknown_choice(NAME, raw(config))
    names = optional(config, "allowedFunctionNames", list[str], path)
    return ToolChoice(
        mode=mode,  # type: ignore[arg-type]  # the table's values are the three modes
        names=tuple(names or ()),
        extra=Extra(NAME, {"config": raw(config)}),
    )


def write_choice(choice: ToolChoice) -> Raw:
    """A `functionCallingConfig`. Names can limit a free choice only where calls are validated."""
    config = mark(choice.extra, "config") or mark(choice.extra, WHOLE)
    if config is not None:
        return config
    if not choice.names or choice.mode == "none":
        return raw({"mode": _WORDS[choice.mode]})
    mode = "ANY" if choice.mode == "required" else "VALIDATED"
    return raw({"mode": mode, "allowedFunctionNames": choice.names})
