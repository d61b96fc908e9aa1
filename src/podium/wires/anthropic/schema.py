"""The shape that an answer must have: asked for where the host knows how, else as a tool's input, else in words."""

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.vocabulary.request import Request, Schema
from podium.wires.answer_tool import answer_tool, description_name
from podium.wires.anthropic.closed import closed
from podium.wires.anthropic.member import NAME
from podium.wires.anthropic.tool import object_schema
from podium.wires.dialect import member_name, schema_for
from podium.wires.member import Members, parse, raw

_ANY = "Answer with a single JSON object and with nothing besides it."
_BY_SCHEMA = "Answer with JSON alone, without any other words, that is valid by this JSON schema:"


def put_shape(members: Members, request: Request, profile: Profile, dropped: list[str]) -> None:
    """Ask for the shape of the answer.

    Raises:
        Inexpressible: it is one that another wire alone knows.
    """
    schema = schema_for(request, NAME)
    members.pop("output_format", None)
    config = parse(members.pop("output_config", None), Members) or {}
    config.pop("format", None)
    own = None if schema is None or schema.extra is None else schema.extra.members.get("format")
    native = _native(schema, profile)
    if own is not None:
        config["format"] = own
    elif native is not None:
        config["format"] = raw({"type": "json_schema", "schema": native})
    if config:
        members["output_config"] = raw(config)
    if schema is None or own is not None:
        return
    if native is None and _takes_tool(profile):
        _put_tool(members, request, schema)
        return
    if schema.description is not None:
        dropped.append(description_name(request))
    if native is not None and native is schema.schema:
        return
    if native is None:
        _put_instruction(members, schema)
    dropped.append(member_name(request, "schema"))


def _native(schema: Schema | None, profile: Profile) -> Raw | None:
    """The schema as the host takes it. It is made to fit, with notice, where no tool could stand for it."""
    if schema is None or schema.schema is None or not profile.native_schema:
        return None
    shut = closed(schema.schema)
    return shut if shut is schema.schema or not _takes_tool(profile) else None


def _takes_tool(profile: Profile) -> bool:
    """Whether a tool can stand for the shape."""
    return profile.tools and profile.forced_choice


def _put_tool(members: Members, request: Request, schema: Schema) -> None:
    """Add the tool and see to it that it is called: it, or one of the client's.

    A choice of the client's that forces a tool of its own stays: then the answer is that call.
    """
    choice = request.tool_choice
    if choice is not None and choice.mode == "required":
        return
    tools = parse(members.get("tools"), list[Raw]) or []
    name, about, parameters = answer_tool(schema)
    tool = {"name": name, "description": about, "input_schema": object_schema(parameters)}
    alone = not tools or (choice is not None and choice.mode == "none")
    members["tools"] = raw([*tools, tool])
    forced: dict[str, object] = {"type": "tool", "name": name} if alone else {"type": "any"}
    if request.sampling.parallel_tool_calls is False:
        forced["disable_parallel_tool_use"] = True
    members["tool_choice"] = raw(forced)


def _put_instruction(members: Members, schema: Schema) -> None:
    system = members.get("system")
    text = parse(system, str)
    blocks = parse(system, list[Raw]) or ([raw({"type": "text", "text": text})] if text else [])
    said = f"{_BY_SCHEMA} {bytes(schema.schema).decode()}" if schema.schema is not None else _ANY
    members["system"] = raw([*blocks, raw({"type": "text", "text": said})]) if blocks else raw(said)
