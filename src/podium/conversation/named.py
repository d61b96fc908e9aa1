"""Conversations by the names that their users gave them."""

from dataclasses import dataclass

from podium.identity import Principal
from podium.kit import ids
from podium.store.database import Database


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation that a word may mean. `idle` is for how many seconds nothing was said in it.

    It is 0 while a turn speaks and as long as nothing was ever said, which makes it `new`.
    """

    id: str
    user: str
    idle: float
    new: bool = False


async def find_named(
    database: Database, who: Principal, word: str, *, identifier: str | None = None, of_all: bool = False
) -> list[Found]:
    """The conversations that a word means, at most two, the best first: one's own of this name, then by `identifier`.

    Every conversation that this principal may see is found by its identifier; another user's is found by its name only
    with `of_all`, which is for admins.
    """
    rows = await database.fetch(
        """
        SELECT c.id, c.user_id AS "user", CASE WHEN c.running IS NOT NULL OR c.messages = 0 THEN 0
               ELSE extract(epoch FROM clock_timestamp() - c.updated_at)::float8 END AS idle,
               c.messages = 0 AS new
          FROM conversations c
         WHERE (c.tenant = $1 AND c.name = $3 AND ($5 OR c.user_id = $2))
            OR (c.tenant = $1 AND c.id = $4 AND ($6::text IS NULL OR c.user_id = $6))
         ORDER BY (c.name IS NOT DISTINCT FROM $3 AND c.user_id = $2) DESC, (c.id IS NOT DISTINCT FROM $4) DESC, c.id
         LIMIT 2
        """,
        who.tenant,
        who.user,
        word,
        identifier,
        of_all and who.is_admin,
        who.only_user,
    )
    return [Found(**dict(row)) for row in rows]


async def create_named(database: Database, who: Principal, name: str) -> str | None:
    """A new conversation of this principal's under this name; its id, or None if there is one already."""
    made: str | None = await database.value(
        """
        INSERT INTO conversations (id, tenant, user_id, name) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, name, user_id) WHERE name IS NOT NULL DO NOTHING RETURNING id
        """,
        ids.new("conv"),
        who.tenant,
        who.user,
        name,
    )
    return made
