"""The tool that a model is made to call where its host cannot be asked for the shape of an answer.

Its arguments are the answer's text; its name tells the reader so.
"""

from msgspec import Raw

from podium.vocabulary.request import Request, Schema
from podium.wires.dialect import member_name
from podium.wires.member import Members, encode, parse

PLAIN = "podium_answer"
BOXED = "podium_boxed_answer"
"""The same for a schema whose root is no object, which no tool can have: the answer is the argument `answer`."""

_ANY_OBJECT = Raw(b'{"type":"object","additionalProperties":true}')
_ABOUT = "Give your answer by calling this tool, once, with the whole answer as its input."
_DEFINITIONS = ("$defs", "definitions", "$schema")


def answer_tool(schema: Schema) -> tuple[str, str, Raw]:
    """The name of the tool, what is said of it, and its parameters."""
    given, name = schema.schema or _ANY_OBJECT, PLAIN
    root = parse(given, Members) or {}
    if not _is_object(root):
        name = BOXED
        inner = {key: value for key, value in root.items() if key not in _DEFINITIONS}
        outer = {key: root[key] for key in _DEFINITIONS if key in root}
        box = {"type": "object", "properties": {"answer": inner}, "required": ["answer"], **outer}
        given = Raw(encode(box))
    return name, f"{_ABOUT} {schema.description}" if schema.description else _ABOUT, given


def description_name(request: Request) -> str:
    """What the client calls what it said of the answer's shape; only this tool has room for it."""
    return f"{member_name(request, 'schema')}.json_schema.description"


def unboxed(arguments: bytes) -> str:
    """The answer that a call of the boxed kind has for its argument; all of it where that is not there."""
    inner = (parse(Raw(arguments), Members) or {}).get("answer")
    return bytes(inner if inner is not None else arguments).decode()


def _is_object(root: Members) -> bool:
    kind = parse(root.get("type"), str)
    return kind == "object" or (kind is None and ("properties" in root or not root))
