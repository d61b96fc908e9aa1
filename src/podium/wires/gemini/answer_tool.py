"""The shape of an answer for models that cannot be asked for one while there are tools: it is a tool among them.

`candidate_reader` makes a call of it the answer's text.
"""

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.vocabulary.request import Request, Schema
from podium.wires.answer_tool import answer_tool
from podium.wires.gemini.member import camel, listed, put
from podium.wires.member import Members, parse, raw

_SHAPE = ("responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema")


def needs_answer_tool(request: Request, profile: Profile) -> bool:
    """Whether the answer's shape has to be asked for so. A choice that forces a tool asks for a call, not for text."""
    choice = request.tool_choice
    return (
        request.schema is not None
        and bool(request.tools)
        and not profile.schema_with_tools
        and (choice is None or choice.mode != "required")
    )


def put_answer_tool(members: Members, request: Request) -> None:
    """Declare the tool, and demand that it be called, or one of the client's."""
    config: Members = parse(camel(members).get("generationConfig"), Members) or {}
    for name in _SHAPE:
        put(config, name, None)
    put(members, "generationConfig", raw(config) if config else None)
    name, about, parameters = answer_tool(request.schema or Schema())
    declared = raw({"name": name, "description": about, "parametersJsonSchema": parameters})
    put(members, "tools", raw(_with(listed(camel(members).get("tools")) or [], declared)))
    choice = request.tool_choice
    calling: Members = {"mode": raw("ANY")}
    if choice is not None and (choice.mode == "none" or choice.names):
        calling["allowedFunctionNames"] = raw([*(choice.names if choice.mode == "auto" else ()), name])
    outer: Members = parse(camel(members).get("toolConfig"), Members) or {}
    put(outer, "functionCallingConfig", raw(calling))
    put(members, "toolConfig", raw(outer))


def _with(tools: list[Raw], declared: Raw) -> list[Raw]:
    """The tools with one more function, among those that are declared: hosts want these in one object."""
    extended: list[Raw] = []
    for tool in tools:
        members = camel(parse(tool, Members) or {})
        functions = listed(members.get("functionDeclarations"))
        if functions:
            members["functionDeclarations"] = raw([*functions, declared])
            return [*extended, raw(members), *tools[len(extended) + 1 :]]
        extended.append(tool)
    return [*extended, raw({"functionDeclarations": [declared]})]
