"""Conversations and their messages as things that are kept, listed, changed and deleted.

`api` serves them as resources, always through a principal: what another tenant or, for members, another user owns is
never found. Turns append to them by the SQL functions in `sql/`; nothing here knows what a turn is.
"""

from podium.conversation.conversation import Conversation
from podium.conversation.message import Message
from podium.conversation.named import Found, create_named, find_named
from podium.conversation.queries import (
    Change,
    Span,
    create,
    delete,
    drop_unused,
    find,
    find_page,
    find_recent,
    list_messages,
    update,
)

__all__ = [
    "Change",
    "Conversation",
    "Found",
    "Message",
    "Span",
    "create",
    "create_named",
    "delete",
    "drop_unused",
    "find",
    "find_named",
    "find_page",
    "find_recent",
    "list_messages",
    "update",
]
