"""What the two doors take and give."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID  # noqa: TID251  # reads what a client has made, and makes none

from msgspec import Meta, Struct

from podium.vocabulary.cost import CostInfo
from podium.vocabulary.event import FinishReason

Uuid = Annotated[
    str,
    Meta(
        pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", extra_json_schema={"format": "uuid"}
    ),
]
Words = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
UserName = Annotated[str, Meta(min_length=1, max_length=128)]
SessionName = Annotated[str, Meta(min_length=1, max_length=200)]
Tokens = Annotated[int, Meta(ge=0, le=10_000_000)]


class SessionGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """A session to be, and what is said first in it."""

    user_id: UUID
    initial_message: Words


class SessionBegun(Struct, frozen=True):
    """A new session; `message` is the answer to the first message."""

    session_id: Uuid
    message: str


class MessageGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said next."""

    user_message: Words


class MessageAnswered(Struct, frozen=True):
    """The answer; `updated_session` is the time of the session's last activity."""

    response_message: str
    updated_session: datetime


class SessionMessage(Struct, frozen=True):
    """What was said, by the user or by the model."""

    message_id: Uuid
    session_id: Uuid
    sender: Literal["user", "llm"]
    content: str
    timestamp: datetime


class Session(Struct, frozen=True):
    """A session in which something was said lately."""

    session_id: Uuid
    user_id: Uuid
    created_at: datetime
    last_active: datetime


class Done(Struct, frozen=True):
    """It is done."""

    message: str


class ChatGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said; a session that is unknown is made. Without one, a new one is begun.

    `max_tokens` and `thinking_budget` are the operator's where they are left out; a budget of 0 is no thinking.
    """

    message: Words
    session_id: SessionName | None = None
    user_id: UserName | None = None
    model: Name | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    thinking_budget: Tokens | None = None
    stream: bool | None = None


class ChatAnswer(Struct, frozen=True):
    """The answer; `tools_used` are the names of the tools that were called for it, in order."""

    response: str
    session_id: str
    model: str | None
    tools_used: tuple[str, ...]
    finish_reason: FinishReason | None
    cost_info: CostInfo | None


class ChatMessage(Struct, frozen=True):
    """What was said."""

    message_id: Uuid
    role: Literal["user", "assistant"]
    content: str
    timestamp: datetime


class ChatHistory(Struct, frozen=True):
    """All that was said in a session, oldest first."""

    session_id: str
    messages: tuple[ChatMessage, ...]
