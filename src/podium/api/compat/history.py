"""All that was said in a session."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from podium import conversation
from podium.api.compat.speaking import text_of
from podium.conversation import Message, Span
from podium.identity import Principal
from podium.store.database import Database
from podium.vocabulary.part import Part

_AT_ONCE = 500
_parts = msgspec.json.Decoder(tuple[Part, ...])


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message that has words in it."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    at: datetime


async def history(database: Database, who: Principal, conversation_id: str) -> list[Spoken] | None:
    """The messages of users and models that have words, oldest first; calls of tools and their results have none.

    None if this principal has no such conversation.
    """
    said: list[Spoken] = []
    after: int | None = None
    while True:
        found = await conversation.list_messages(
            database, who, conversation_id, Span(after=after, limit=_AT_ONCE)
        )
        if found is None:
            return None
        said += filter(None, map(_spoken, found))
        if len(found) < _AT_ONCE:
            return said
        after = found[-1].position


def _spoken(each: Message) -> Spoken | None:
    text = text_of(_parts.decode(each.parts))
    if not text or each.role not in ("user", "assistant"):
        return None
    role: Literal["user", "assistant"] = "user" if each.role == "user" else "assistant"
    return Spoken(id=each.id, role=role, text=text, at=each.created_at)
