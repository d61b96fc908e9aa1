"""A conversation: durable, ordered, somebody's."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation without its messages.

    `metadata` is the JSON object that its owner gave it, as stored; `messages` the position of its last message;
    `running` the id of the turn that speaks now; `user` the id of the user whose it is.
    """

    id: str
    tenant: str
    user: str
    title: str | None
    model: str | None
    metadata: str
    created_at: datetime
    updated_at: datetime
    messages: int
    running: str | None
