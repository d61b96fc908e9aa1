"""Every statement on conversations and messages but those of a turn (`sql/`).

Each asks in the name of a principal: `c.tenant = … AND (admin OR c.user_id = …)`. What is not theirs is not found.
"""

import json
from dataclasses import dataclass

from podium.conversation.conversation import Conversation
from podium.conversation.message import Message
from podium.identity import Principal
from podium.kit import ids
from podium.store.database import Database

_COLUMNS = """c.id, c.tenant, c.user_id AS "user", c.title, c.model, c.metadata, c.created_at, c.updated_at,
              c.messages, c.running"""
_THEIRS = "c.tenant = $1 AND ($2::text IS NULL OR c.user_id = $2)"
_BEYOND = 2**31 - 1
_ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


# The JSON of a message is compared first, as the text that it is; only what fits there is taken apart, without NULs,
# which JSON can say (an escape after an even number of backslashes) and Postgres cannot.
_SAYS = r"""(
    c.title ILIKE $5 OR EXISTS (
        SELECT FROM messages m
         WHERE m.conversation_id = c.id
           AND CASE WHEN m.parts ILIKE $6 THEN EXISTS (
                   SELECT FROM json_array_elements(
                              regexp_replace(m.parts, '(?<!\\)((\\\\)*)\\u0000', '\1', 'g')::json) AS part
                    WHERE part ->> 'type' = 'text' AND part ->> 'text' ILIKE $5)
               END))"""


@dataclass(frozen=True, slots=True)
class Change:
    """New values of the members that are named in `members`; the others stay."""

    members: frozenset[str]
    title: str | None = None
    model: str | None = None
    metadata: str = "{}"


async def create(
    database: Database, who: Principal, *, title: str | None, model: str | None, metadata: str
) -> Conversation:
    """A new conversation of this principal's. `metadata` is a JSON object."""
    row = await database.first(
        f"""
        INSERT INTO conversations AS c (id, tenant, user_id, title, model, metadata)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING {_COLUMNS}
        """,  # noqa: S608  # constants
        ids.new("conv"),
        who.tenant,
        who.user,
        title,
        model,
        metadata,
    )
    return Conversation(**dict(row or {}))


async def find(database: Database, who: Principal, conversation_id: str) -> Conversation | None:
    """The conversation of this id, if it is one that this principal may see."""
    if not ids.is_id("conv", conversation_id):
        return None
    row = await database.first(
        f"SELECT {_COLUMNS} FROM conversations c WHERE {_THEIRS} AND c.id = $3",  # noqa: S608  # constants
        who.tenant,
        who.only_user,
        conversation_id,
    )
    return None if row is None else Conversation(**dict(row))


async def find_page(
    database: Database, who: Principal, *, search: str | None, before: str | None, limit: int
) -> list[Conversation]:
    """Conversations that this principal may see, last made first; those made before conversation `before`.

    The order is that of ids, which never change: pages neither skip nor repeat while conversations go on. `search` is
    looked for in titles and in the text of messages, without regard to case.
    """
    rows = await database.fetch(
        f"""
        SELECT {_COLUMNS} FROM conversations c
         WHERE {_THEIRS} AND ($3::text IS NULL OR c.id < $3) AND ($5::text IS NULL OR {_SAYS})
         ORDER BY c.id DESC LIMIT $4
        """,  # noqa: S608  # constants
        who.tenant,
        who.only_user,
        before,
        limit,
        None if search is None else f"%{search.translate(_ESCAPED)}%",
        None if search is None else f"%{json.dumps(search, ensure_ascii=False)[1:-1].translate(_ESCAPED)}%",
    )
    return [Conversation(**dict(row)) for row in rows]


async def find_recent(
    database: Database, who: Principal, *, seconds: float, limit: int
) -> list[Conversation]:
    """Conversations that this principal may see in which something was said so many seconds ago or less.

    The last active one first.
    """
    rows = await database.fetch(
        f"""
        SELECT {_COLUMNS} FROM conversations c
         WHERE {_THEIRS} AND c.messages > 0
           AND (c.running IS NOT NULL OR c.updated_at > clock_timestamp() - $3::float8 * interval '1 second')
         ORDER BY c.updated_at DESC, c.id DESC LIMIT $4
        """,  # noqa: S608  # constants
        who.tenant,
        who.only_user,
        seconds,
        limit,
    )
    return [Conversation(**dict(row)) for row in rows]


async def drop_unused(database: Database, conversation_id: str) -> bool:
    """Delete a conversation in which nothing was ever said, by who has just made it; False if something was."""
    gone: str | None = await database.value(
        "DELETE FROM conversations WHERE id = $1 AND messages = 0 AND running IS NULL RETURNING id",
        conversation_id,
    )
    return gone is not None


async def update(
    database: Database, who: Principal, conversation_id: str, change: Change
) -> Conversation | None:
    """Change what `change` names; None if there is no such conversation of this principal's."""
    if not ids.is_id("conv", conversation_id):
        return None
    row = await database.first(
        f"""
        UPDATE conversations c
           SET title = CASE WHEN $4 THEN $5 ELSE c.title END,
               model = CASE WHEN $6 THEN $7 ELSE c.model END,
               metadata = CASE WHEN $8 THEN $9 ELSE c.metadata END,
               updated_at = clock_timestamp()
         WHERE {_THEIRS} AND c.id = $3 RETURNING {_COLUMNS}
        """,  # noqa: S608  # constants
        who.tenant,
        who.only_user,
        conversation_id,
        "title" in change.members,
        change.title,
        "model" in change.members,
        change.model,
        "metadata" in change.members,
        change.metadata,
    )
    return None if row is None else Conversation(**dict(row))


@dataclass(frozen=True, slots=True)
class Gone:
    """Whose a conversation was, and the name that they gave it, if they did."""

    user: str
    name: str | None


async def delete(database: Database, who: Principal, conversation_id: str) -> Gone | None:
    """Delete a conversation with its messages; None if this principal has no such conversation.

    A turn that is running in it is the caller's to stop beforehand.
    """
    if not ids.is_id("conv", conversation_id):
        return None
    row = await database.first(
        f"""
        WITH gone AS (DELETE FROM conversations c WHERE {_THEIRS} AND c.id = $3 RETURNING c.id, c.user_id, c.name),
             unsaid AS (DELETE FROM messages m USING gone WHERE m.conversation_id = gone.id)
        SELECT user_id AS "user", name FROM gone
        """,  # noqa: S608  # constants
        who.tenant,
        who.only_user,
        conversation_id,
    )
    return None if row is None else Gone(**dict(row))


@dataclass(frozen=True, slots=True)
class Span:
    """At most `limit` messages beyond position `after` (None: from the end where one begins), in one direction."""

    after: int | None
    limit: int
    newest_first: bool = False


async def list_messages(
    database: Database, who: Principal, conversation_id: str, span: Span
) -> list[Message] | None:
    """The messages of a span, in its direction; None if this principal has no such conversation."""
    if not ids.is_id("conv", conversation_id):
        return None
    beyond, order, first = ("<", "DESC", _BEYOND) if span.newest_first else (">", "ASC", 0)
    rows = await database.fetch(
        f"""
        SELECT m.* FROM conversations c LEFT JOIN LATERAL (
            SELECT m.id, m.position, m.speaker, m.role, m.parts, m.turn_id, m.created_at FROM messages m
             WHERE m.conversation_id = c.id AND m.position {beyond} $4
             ORDER BY m.position {order} LIMIT $5) m ON true
         WHERE {_THEIRS} AND c.id = $3 ORDER BY m.position {order}
        """,  # noqa: S608  # constants
        who.tenant,
        who.only_user,
        conversation_id,
        first if span.after is None else span.after,
        span.limit,
    )
    if not rows:
        return None
    return [Message(**dict(row)) for row in rows if row["id"] is not None]
