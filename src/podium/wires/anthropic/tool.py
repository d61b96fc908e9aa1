"""Tools and tool choice, both ways.

A tool without `type`, or of type `custom`, is the client's own; the others are run by the host, or are known to the
model by their type, and are kept as they came.
"""

from msgspec import Raw

from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.part import Extra
from podium.vocabulary.request import Tool, ToolChoice
from podium.wires.anthropic.closed import is_closed
from podium.wires.anthropic.member import NAME, extra_of, level
from podium.wires.dialect import WHOLE, unknown_choice
from podium.wires.member import Members, parse, raw, rest_of

_MODES = {"auto": "auto", "any": "required", "none": "none", "tool": "required"}
_NO_PARAMETERS = Raw(b'{"type":"object","properties":{}}')


def read_tool(value: Raw, path: str) -> Tool:
    """One entry of `tools`.

    Raises:
        InvalidRequest: it is not a tool; names the member by its path.
    """
    members = parse(value, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object.", param=path)
    kind = parse(members.get("type"), str)
    name = parse(members.get("name"), str)
    if kind not in (None, "custom"):
        return Tool(name=name or kind or "", kind="hosted", extra=Extra(NAME, {"tool": value}))
    if not name:
        raise InvalidRequest(f"`{path}.name` must be a string that is not empty.", param=f"{path}.name")
    schema = members.get("input_schema")
    if schema is None or parse(schema, Members) is None:
        raise InvalidRequest(f"`{path}.input_schema` must be a JSON schema.", param=f"{path}.input_schema")
    known = ("name", "description", "input_schema", "strict", *(() if kind else ("type",)))
    return Tool(
        name=name,
        description=parse(members.get("description"), str),
        parameters=schema,
        strict=parse(members.get("strict"), bool),
        extra=extra_of(block=rest_of(members, *known)),
    )


def write_tool(tool: Tool, path: str, *, strict: bool, dropped: list[str]) -> Raw:
    """One entry of `tools`; `strict` says that the host takes the member of that name, for schemas that it can keep to.

    Raises:
        Inexpressible: it is run by another wire's host, or its input is no JSON object.
    """
    if tool.kind == "hosted":
        if tool.extra is not None and tool.extra.wire == NAME and "tool" in tool.extra.members:
            return tool.extra.members["tool"]
        raise Inexpressible(f"The tool {tool.name!r} is run by another kind of host.", param=path)
    if tool.kind == "custom":
        raise Inexpressible(
            f"The input of the tool {tool.name!r} is free text; the anthropic wire takes only JSON objects.",
            param=path,
        )
    members: dict[str, object] = {"name": tool.name}
    if tool.description is not None:
        members["description"] = tool.description
    members["input_schema"] = object_schema(tool.parameters)
    if tool.strict and not (strict and is_closed(tool.parameters)):
        dropped.append("strict")
    elif tool.strict is not None and (strict or tool.strict):
        members["strict"] = tool.strict
    members.update(level(tool.extra, "block"))
    return raw(members)


def object_schema(schema: Raw | None) -> Raw:
    """A tool's parameters with the `type` that this wire demands."""
    members = parse(schema, Members)
    if not members:
        return _NO_PARAMETERS
    if "type" in members or schema is None:
        return raw(members) if schema is None else schema
    return raw({"type": "object", **members})


def read_choice(value: Raw) -> tuple[ToolChoice, bool | None]:
    """A `tool_choice`, and whether tools may be called side by side if it says so.

    Raises:
        InvalidRequest: it is none; names the member.
    """
    members = parse(value, Members)
    kind = parse((members or {}).get("type"), str)
    if members is None or kind is None:
        raise InvalidRequest("`tool_choice.type` must be a string.", param="tool_choice.type")
    parallel = False if parse(members.get("disable_parallel_tool_use"), bool) else None
    mode = _MODES.get(kind)
    if mode is None:
        return unknown_choice(NAME, value), parallel
    names: tuple[str, ...] = ()
    if kind == "tool":
        name = parse(members.get("name"), str)
        if not name:
            raise InvalidRequest("`tool_choice.name` must name a tool.", param="tool_choice.name")
        names = (name,)
    extra = extra_of(block=rest_of(members, "type", "name", "disable_parallel_tool_use"))
    choice = ToolChoice(mode=mode, names=names, extra=extra)  # type: ignore[arg-type]  # the table's values are the modes
    return choice, parallel


def write_choice(choice: ToolChoice | None, *, parallel: bool | None) -> Raw | None:
    """A `tool_choice`; None where the host's own way is meant. Several names are told by the tools that are left."""
    members: dict[str, object]
    if choice is not None and choice.extra is not None and WHOLE in choice.extra.members:
        return choice.extra.members[WHOLE]
    if choice is None:
        members = {"type": "auto"}
    elif choice.mode == "required" and len(choice.names) == 1:
        members = {"type": "tool", "name": choice.names[0]}
    else:
        members = {"type": "any" if choice.mode == "required" else choice.mode}
    if parallel is False and members["type"] != "none":
        members["disable_parallel_tool_use"] = True
    if choice is None and len(members) == 1:
        return None
    return raw({**members, **level(choice.extra if choice else None, "block")})


def is_allowed(tool: Tool, choice: ToolChoice | None) -> bool:
    """Whether a choice among several leaves this tool."""
    if choice is None or not choice.names or (choice.mode == "required" and len(choice.names) == 1):
        return True
    return tool.name in choice.names
