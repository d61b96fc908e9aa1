"""Every hot route: its path, its handler, and what the OpenAPI document says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from podium.api.doors.models import Model, ModelList, ModelRoutes
from podium.api.doors.native import ContinueGiven, NativeDoor, TurnGiven
from podium.api.doors.turns import Explanation, TurnPage, TurnRoutes
from podium.api.doors.wire import WireDoor
from podium.api.front import HotRoute
from podium.api.openapi import EVENT, Operation, Parameter, Reply, Schema
from podium.vocabulary.event import TurnReport

_TYPES = (TurnGiven, ContinueGiven, TurnReport, TurnPage, Explanation, Model, ModelList)
_schemas, _components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
_SCHEMA: Mapping[type, Schema] = dict(zip(_TYPES, _schemas, strict=True))
_ID = Parameter(
    "id", "path", "An id; one that is malformed answers as one that does not exist.", required=True
)
_KEY = Parameter(
    "Idempotency-Key", "header", "The same key with the same body joins or replays the first turn."
)
_LIMIT = Parameter("limit", "query", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 100})
_AFTER = Parameter("after", "query", "`next` of the page before.")
_EVENTS = (
    "Server-sent events: `id:` is the event's number, `event:` its type, `data:` its JSON. "
    "The last is one of `turn.completed`, `turn.failed`, `turn.cancelled`, `turn.interrupted`."
)


def _json(description: str, kind: type) -> Reply:
    return Reply(description, {"application/json": _SCHEMA[kind]})


def _told(operation_id: str, tag: str, summary: str, **more: Any) -> Operation:  # noqa: ANN401  # Operation's own members
    return Operation(operation_id, tag, summary, components=_components, **more)


_TURN_OR_EVENTS = Reply(
    "The turn when it has ended; or, if streamed, its events. " + _EVENTS,
    {"application/json": _SCHEMA[TurnReport], "text/event-stream": EVENT},
)


_TURN = _json("The turn.", TurnReport)
_SEEN = (
    Parameter("after", "query", "The number of the last event seen.", {"type": "integer", "minimum": 0}),
    Parameter("Last-Event-ID", "header", "As browsers send it when they reconnect; goes before `after`."),
)


def native_routes(door: NativeDoor, turns: TurnRoutes) -> Sequence[HotRoute]:
    """Podium's own dialect."""
    start = _told(
        "start_turn",
        "turns",
        "Say something in a conversation and be answered.",
        body=_SCHEMA[TurnGiven],
        parameters=(_ID, _KEY),
        replies={200: _TURN_OR_EVENTS},
    )
    go_on = _told(
        "continue_turn",
        "turns",
        "Go on with a turn that broke off, as a new turn.",
        body=_SCHEMA[ContinueGiven],
        body_required=False,
        parameters=(_ID, _KEY),
        replies={200: _TURN_OR_EVENTS},
    )
    return (
        HotRoute("POST", "/v1/conversations/{id}/turns", door.start(), start),
        HotRoute("POST", "/v1/turns/{id}/continue", door.go_on(), go_on),
        *_turn_routes(turns),
    )


def _turn_routes(turns: TurnRoutes) -> Sequence[HotRoute]:
    listing = _told(
        "list_turns",
        "turns",
        "Turns, newest first.",
        parameters=(_LIMIT, _AFTER, Parameter("conversation", "query", "Only this conversation's.")),
        replies={200: _json("A page.", TurnPage)},
    )
    one = _told("get_turn", "turns", "A turn as it stands.", parameters=(_ID,), replies={200: _TURN})
    follow = _told(
        "follow_turn",
        "turns",
        "Listen to a turn, from any event on, while it runs and after.",
        parameters=(_ID, *_SEEN),
        replies={200: Reply(_EVENTS, {"text/event-stream": EVENT})},
    )
    cancel = _told(
        "cancel_turn",
        "turns",
        "Stop a turn; what it has said is kept.",
        parameters=(_ID,),
        replies={200: _TURN},
    )
    explain = _told(
        "explain_turn",
        "turns",
        "Why it went as it went: decisions, attempts, cost.",
        parameters=(_ID,),
        replies={200: _json("The story.", Explanation)},
    )
    return (
        HotRoute("GET", "/v1/turns", turns.listing(), listing),
        HotRoute("GET", "/v1/turns/{id}", turns.one(), one),
        HotRoute("GET", "/v1/turns/{id}/events", turns.events(), follow),
        HotRoute("POST", "/v1/turns/{id}/cancel", turns.cancel(), cancel),
        HotRoute("GET", "/v1/turns/{id}/explain", turns.explain(), explain),
    )


def openai_routes(chat: WireDoor, models: ModelRoutes) -> Sequence[HotRoute]:
    """OpenAI's chat completions and models."""
    return (
        HotRoute(
            "POST",
            "/v1/chat/completions",
            chat.app(),
            _told(
                "create_chat_completion",
                "openai",
                "OpenAI's chat completions.",
                description="As OpenAI documents it, with one member more: `x_podium` "
                '`{"conversation", "on_busy", "on_disconnect"}` makes it a turn of a conversation.',
                body=_CHAT,
                parameters=(_KEY,),
                replies={
                    200: Reply(
                        "The answer, or its chunks.",
                        {"application/json": {"type": "object"}, "text/event-stream": EVENT},
                    )
                },
                error=_OPENAI_ERROR,
            ),
            refuse=chat.refuse,
        ),
        HotRoute(
            "GET",
            "/v1/models",
            models.listing(),
            _told(
                "list_models",
                "openai",
                "The models that can be named.",
                replies={200: _json("All of them.", ModelList)},
                error=_OPENAI_ERROR,
            ),
            refuse=chat.refuse,
        ),
        HotRoute(
            "GET",
            "/v1/models/{id:path}",
            models.one(),
            _told(
                "get_model",
                "openai",
                "One model.",
                parameters=(Parameter("id", "path", "A name, such as `openai/gpt-5`.", required=True),),
                replies={200: _json("The model.", Model)},
                error=_OPENAI_ERROR,
            ),
            refuse=chat.refuse,
        ),
    )


_CHAT: Schema = {
    "type": "object",
    "required": ["messages"],
    "properties": {
        "model": {"type": "string", "description": "Without one, the default model answers."},
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {
                    "role": {
                        "type": "string",
                        "enum": ["system", "developer", "user", "assistant", "tool", "function"],
                    },
                    "content": {},
                },
            },
        },
        "stream": {"type": ["boolean", "null"]},
        "stream_options": {"type": ["object", "null"]},
        "temperature": {"type": ["number", "null"]},
        "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
        "tools": {"type": ["array", "null"], "items": {"type": "object"}},
        "x_podium": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "conversation": {"type": ["string", "null"]},
                "on_busy": {"type": "string", "enum": ["enqueue", "reject", "interrupt"]},
                "on_disconnect": {"type": ["string", "null"], "enum": ["continue", "cancel", None]},
            },
        },
    },
}
_OPENAI_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": ["string", "null"]},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
