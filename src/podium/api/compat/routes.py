"""The routes of session chat and simple chat."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.types import ASGIApp

from podium.api.compat.refusal import refusing
from podium.api.compat.session_chat import SessionChat
from podium.api.compat.shape import (
    ChatAnswer,
    ChatGiven,
    ChatHistory,
    Done,
    MessageAnswered,
    MessageGiven,
    Session,
    SessionBegun,
    SessionGiven,
    SessionMessage,
)
from podium.api.compat.simple_chat import SimpleChat
from podium.api.doors.told import KEY
from podium.api.front import HotRoute
from podium.api.openapi import EVENT, Operation, Parameter, Reply, Schema

_TYPES = (
    *(SessionGiven, SessionBegun, MessageGiven, MessageAnswered, SessionMessage, Session, Done),
    *(ChatGiven, ChatAnswer, ChatHistory),
)
_schemas, _components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
_SCHEMA: Mapping[type, Schema] = dict(zip(_TYPES, _schemas, strict=True))
_ID = Parameter("id", "path", "The session's UUID.", required=True)
_NAMED = Parameter("id", "path", "The session's name, or its UUID.", required=True)
_USER = Parameter("user_id", "query", "Whose session it is, for admins.")
_EVENTS = (
    "In pieces for `Accept: text/event-stream`: each `data:` is JSON with a `type`; first `start` with the session, "
    "then `delta` with more `text`, last `done` with all members of the whole answer, or `error`."
)
_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "param", "hint", "turn_id"],
            "properties": {
                "code": {"type": "string"},
                **{name: {"type": ["string", "null"]} for name in ("message", "param", "hint", "turn_id")},
            },
        },
        "detail": {"type": "string"},
        "cost_info": {"type": "object"},
    },
}


def session_chat_routes(door: SessionChat) -> Sequence[HotRoute]:
    """Session chat, each path with and without its last slash."""
    routes = (
        _route(
            ("POST", "/llm/chat/", door.begin()),
            _told("begin_session", "Begin a session with a first message.", SessionGiven, SessionBegun),
        ),
        _route(
            ("GET", "/llm/chat/sessions/", door.listing()),
            _told(
                "list_sessions", "The active sessions, the last active one first.", None, Session, many=True
            ),
        ),
        _route(
            ("POST", "/llm/chat/{id}/message/", door.go_on()),
            _told("go_on_in_session", "Say something in a session.", MessageGiven, MessageAnswered, _ID),
        ),
        _route(
            ("GET", "/llm/chat/{id}/history/", door.history()),
            _told("read_session", "What was said in a session.", None, SessionMessage, _ID, many=True),
        ),
        _route(
            ("DELETE", "/llm/chat/{id}/", door.delete()),
            _told("end_session", "Delete a session.", None, Done, _ID),
        ),
    )
    return (*routes, *(each.alias() for each in routes))


def simple_chat_routes(door: SimpleChat) -> Sequence[HotRoute]:
    """Simple chat. Names of sessions may hold slashes."""
    history = _route(
        ("GET", "/sessions/{id:path}/history", door.history()),
        _told("read_chat", "What was said in a session.", None, ChatHistory, _NAMED, _USER),
    )
    return (
        _route(
            ("POST", "/chat", door.chat()),
            _told("chat", "Say something, in a session that is made when new.", ChatGiven, ChatAnswer),
        ),
        *(history, history.alias()),
        _route(
            ("DELETE", "/sessions/{id:path}", door.delete()),
            _told("end_chat", "Delete a session.", None, Done, _NAMED, _USER),
        ),
    )


def _route(served: tuple[str, str, ASGIApp], operation: Operation) -> HotRoute:
    method, path, app = served
    return HotRoute(method, path, app, operation, refusing=refusing)


def _told(
    name: str, summary: str, given: type | None, reply: type, *parameters: Parameter, many: bool = False
) -> Operation:
    """An operation; one that is given something takes a turn, and answers whole or in pieces."""
    whole = _SCHEMA[reply]
    content: dict[str, Any] = {"application/json": {"type": "array", "items": whole} if many else whole}
    if given is None:
        told = Reply("As asked.", content)
    else:
        told = Reply(f"The answer. {_EVENTS}", {**content, "text/event-stream": EVENT})
    return Operation(
        name,
        "sessions",
        summary,
        body=None if given is None else _SCHEMA[given],
        parameters=parameters if given is None else (*parameters, KEY),
        replies={200: told},
        error=_ERROR,
        components=_components,
        takes_turn=given is not None,
    )
