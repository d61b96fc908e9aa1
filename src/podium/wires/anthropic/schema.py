"""The shape that an answer must have: asked for where the host knows how, else as the input of a tool.

The tool's name tells the reader that its call is the answer's text.
"""

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.vocabulary.request import Request, Schema
from podium.wires.anthropic.member import BOXED_TOOL, SCHEMA_TOOL
from podium.wires.anthropic.tool import object_schema
from podium.wires.member import Members, encode, parse, raw

_ANY_OBJECT = Raw(b'{"type":"object","additionalProperties":true}')
_ABOUT = "Give your answer by calling this tool, once, with the whole answer as its input."
_DEFINITIONS = ("$defs", "definitions", "$schema")


def put_format(members: Members, schema: Schema | None, profile: Profile) -> bool:
    """Set the format of `output_config`; False where the host has to be asked by a tool."""
    members.pop("output_format", None)
    config = parse(members.pop("output_config", None), Members) or {}
    config.pop("format", None)
    native = schema is None or (profile.native_schema and schema.schema is not None)
    if schema is not None and native:
        config["format"] = raw({"type": "json_schema", "schema": schema.schema})
    if config:
        members["output_config"] = raw(config)
    return native


def put_schema_tool(members: Members, request: Request) -> None:
    """Add the tool and see to it that it is called: it, or one of the client's.

    A choice of the client's that forces a tool of its own stays: then the answer is that call.
    """
    choice, schema = request.tool_choice, request.schema
    if schema is None or (choice is not None and choice.mode == "required"):
        return
    tools = parse(members.get("tools"), list[Raw]) or []
    name, tool = _tool(schema)
    alone = not tools or (choice is not None and choice.mode == "none")
    members["tools"] = raw([*tools, tool])
    forced: dict[str, object] = {"type": "tool", "name": name} if alone else {"type": "any"}
    if request.sampling.parallel_tool_calls is False:
        forced["disable_parallel_tool_use"] = True
    members["tool_choice"] = raw(forced)


def _tool(schema: Schema) -> tuple[str, Raw]:
    given = schema.schema or _ANY_OBJECT
    root = parse(given, Members) or {}
    name = SCHEMA_TOOL
    if not _is_object(root):
        name = BOXED_TOOL
        inner = {key: value for key, value in root.items() if key not in _DEFINITIONS}
        outer = {key: root[key] for key in _DEFINITIONS if key in root}
        box = {"type": "object", "properties": {"answer": inner}, "required": ["answer"], **outer}
        given = Raw(encode(box))
    about = f"{_ABOUT} {schema.description}" if schema.description else _ABOUT
    return name, raw({"name": name, "description": about, "input_schema": object_schema(given)})


def _is_object(root: Members) -> bool:
    kind = parse(root.get("type"), str)
    return kind == "object" or (kind is None and ("properties" in root or not root))
