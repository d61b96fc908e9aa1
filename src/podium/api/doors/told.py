"""What the OpenAPI document says of the doors: their shapes by name, and words that several routes share."""

from collections.abc import Mapping
from typing import Any

import msgspec

from podium.api.doors.model import (
    AnthropicModel,
    AnthropicModelList,
    GeminiModel,
    GeminiModelList,
    Model,
    ModelList,
)
from podium.api.doors.native import ContinueGiven, TurnGiven
from podium.api.doors.turns import Explanation, TurnPage
from podium.api.openapi import EVENT, Operation, Parameter, Reply, Schema
from podium.vocabulary.event import TurnReport

_TYPES = (
    *(TurnGiven, ContinueGiven, TurnReport, TurnPage, Explanation),
    *(Model, AnthropicModel, GeminiModel),
    *(ModelList, AnthropicModelList, GeminiModelList),
)
_schemas, _components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
SCHEMA: Mapping[type, Schema] = dict(zip(_TYPES, _schemas, strict=True))
ID = Parameter(
    "id", "path", "An id; one that is malformed answers as one that does not exist.", required=True
)
KEY = Parameter(
    "Idempotency-Key", "header", "The same key with the same body joins or replays the first turn."
)
LIMIT = Parameter("limit", "query", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 100})
AFTER = Parameter("after", "query", "`next` of the page before.")
EVENTS = (
    "Server-sent events: `id:` is the event's number, `event:` its type, `data:` its JSON. "
    "The last is one of `turn.completed`, `turn.failed`, `turn.cancelled`, `turn.interrupted`."
)


def json_reply(description: str, kind: type) -> Reply:
    """A JSON answer of this shape."""
    return Reply(description, {"application/json": SCHEMA[kind]})


def either_reply(description: str, *kinds: type) -> Reply:
    """A JSON answer of one of these shapes."""
    return Reply(description, {"application/json": {"anyOf": [SCHEMA[kind] for kind in kinds]}})


def told(operation_id: str, tag: str, summary: str, **more: Any) -> Operation:  # noqa: ANN401  # Operation's own members
    """An operation that may refer to any of the shapes."""
    return Operation(operation_id, tag, summary, components=_components, **more)


TURN_OR_EVENTS = Reply(
    "The turn when it has ended; or, if streamed, its events. " + EVENTS,
    {"application/json": SCHEMA[TurnReport], "text/event-stream": EVENT},
)
