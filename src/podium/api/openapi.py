"""The OpenAPI document: FastAPI's for the resources, and what the hot routes say of themselves.

A hot route carries an `Operation`, described with the same pydantic models as a resource; the document is made once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from podium.api import header
from podium.api.passage import Access

Schema = Mapping[str, Any]
"""A JSON schema."""

EVENT: Schema = {
    "type": "object",
    "required": ["data"],
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
}
"""One server-sent event, as a stream's schema describes each of them."""

_CONVERTOR = re.compile(r":[a-z]+}")
_REF = "#/components/schemas/{model}"
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}, {"googleKey": []}, {"queryKey": []}]
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `pk_…`."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."},
    "googleKey": {"type": "apiKey", "in": "header", "name": "x-goog-api-key", "description": "The same key."},
    "queryKey": {"type": "apiKey", "in": "query", "name": "key", "description": "The same key."},
}


class ErrorBody(BaseModel):
    """What went wrong. `param` names the member at fault, `hint` says what to do."""

    code: str
    message: str
    param: str | None
    hint: str | None
    turn_id: str | None


class ErrorAnswer(BaseModel):
    """Every error outside of the dialects."""

    error: ErrorBody


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the path, the query or a header. Those in the path need no mention unless there is more to say."""

    name: str
    place: Literal["path", "query", "header"]
    description: str = ""
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: what it means and its body by content type, as a pydantic model or a JSON schema."""

    description: str
    content: Mapping[str, type[BaseModel] | Schema] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """What the OpenAPI document says of a hot route. `replies` by status; errors that every route has are added."""

    id: str
    tag: str
    summary: str
    description: str = ""
    body: type[BaseModel] | Schema | None = None
    body_required: bool = True
    parameters: tuple[Parameter, ...] = ()
    replies: Mapping[int, Reply] = field(default_factory=dict)
    error: type[BaseModel] | Schema = ErrorAnswer
    components: Mapping[str, Schema] = field(default_factory=dict)
    """Schemas that the ones above refer to, by name."""
    takes_turn: bool = False
    """Whether it takes a turn: such answers tell of its cost and of limits, and may be refused for these."""


class Described(Protocol):
    """A route that the document can tell of."""

    @property
    def method(self) -> str:
        """In capitals."""
        ...

    @property
    def path(self) -> str:
        """With parameters in braces."""
        ...

    @property
    def access(self) -> Access:
        """Who may call it."""
        ...

    @property
    def operation(self) -> Operation:
        """What it does."""
        ...


def error_replies(
    access: Access, *, takes: Literal["nothing", "id", "body"], keyed: bool = False
) -> dict[int | str, dict[str, Any]]:
    """The errors that a resource's route may answer with, as FastAPI's `responses` wants them.

    `keyed` routes do their work once for an idempotency key.
    """
    statuses = {"nothing": [400], "id": [400, 404], "body": [400, 404, 413]}[takes]
    statuses += {"open": [], "member": [401]}.get(access, [401, 403]) + [422] * keyed
    return {status: {"model": ErrorAnswer, "description": _MEANING[status]} for status in [*statuses, 503]}


KEYED: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The same key with the same body is done once, and answered alike for a day.",
        }
    ]
}
"""What a resource's route that does its work once for a key adds to its operation."""

_MEANING = {
    400: "The request is not understood; `param` names the member.",
    401: "No API key, or none that is valid.",
    403: "The key may not do this.",
    404: "There is no such thing, or it is not yours.",
    413: "Too large.",
    422: "The idempotency key came with another body before.",
    503: "Not now; try again after `retry-after`.",
}


def extended(document: dict[str, Any], routes: Sequence[Described]) -> dict[str, Any]:
    """The document with the hot routes' operations, their models and the ways to authenticate."""
    document["components"] = components = {
        **document.get("components", {}),
        "securitySchemes": _SCHEMES,
        "headers": header.components(),
    }
    document["security"] = _SECURITY
    used = list(dict.fromkeys(model for route in routes for model in _models(route.operation)))
    names, definitions = models_json_schema([(m, "serialization") for m in used], ref_template=_REF)
    schemas = {model: _named(model, names) for model in used}
    components["schemas"] = {**components.get("schemas", {}), **definitions.get("$defs", {})}
    paths = document.setdefault("paths", {})
    for route in routes:
        components["schemas"].update(route.operation.components)
        at = _CONVERTOR.sub("}", route.path)
        paths.setdefault(at, {})[route.method.lower()] = _operation(route, schemas)
    turns = {route.operation.id for route in routes if route.operation.takes_turn}
    for operation in (each for methods in paths.values() for each in methods.values()):
        for status, reply in operation["responses"].items():
            said = header.headers(status, takes_turn=operation["operationId"] in turns)
            if said:
                reply["headers"] = said
    return document


def _named(model: type[BaseModel], names: Mapping[Any, Schema]) -> Schema:
    return names[(model, "serialization")]


def _models(operation: Operation) -> Iterator[type[BaseModel]]:
    bodies = (each for reply in operation.replies.values() for each in reply.content.values())
    for each in (operation.body, operation.error, *bodies):
        if isinstance(each, type):
            yield each


def _operation(route: Described, schemas: Mapping[type[BaseModel], Schema]) -> dict[str, Any]:
    operation = route.operation

    def content(bodies: Mapping[str, type[BaseModel] | Schema]) -> dict[str, Any]:
        return {
            kind: {"schema": dict(schemas[body] if isinstance(body, type) else body)}
            for kind, body in bodies.items()
        }

    told: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [_parameter(each) for each in _parameters(route)],
        "responses": {
            str(status): {"description": reply.description, "content": content(reply.content)}
            for status, reply in operation.replies.items()
        },
    }
    if operation.description:
        told["description"] = operation.description
    if operation.body is not None:
        told["requestBody"] = {
            "required": operation.body_required,
            "content": content({"application/json": operation.body}),
        }
    if route.access == "open":
        told["security"] = []
    error = {"application/json": operation.error}
    refusals = {**(header.TURN_REFUSED if operation.takes_turn else {}), "default": "An error."}
    for status, description in refusals.items():
        told["responses"].setdefault(status, {"description": description, "content": content(error)})
    return told


def _parameters(route: Described) -> Iterator[Parameter]:
    said = {each.name for each in route.operation.parameters if each.place == "path"}
    for step in route.path.split("/"):
        name = step.strip("{}").partition(":")[0]
        if step.startswith("{") and name not in said:
            yield Parameter(name, "path", required=True)
    yield from route.operation.parameters


def _parameter(each: Parameter) -> dict[str, Any]:
    told = {
        "name": each.name,
        "in": each.place,
        "required": each.required or each.place == "path",
        "schema": dict(each.schema),
    }
    return {**told, "description": each.description} if each.description else told
