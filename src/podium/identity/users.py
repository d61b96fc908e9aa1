"""Find the users of a tenant, and make them."""

from collections.abc import Collection

from podium.identity.principal import DEFAULT_TIER, Tier
from podium.identity.user import UUID, User, canonical
from podium.kit import ids
from podium.store.database import Database

_USER = f"u.id, u.tenant, u.name, coalesce(u.tier, '{DEFAULT_TIER}') AS tier"


async def find_user(database: Database, tenant: str, name: str, user_id: str | None = None) -> User | None:
    """The user of this name in a tenant (an id), else the one of this id there."""
    row = await database.first(
        f"""
        SELECT {_USER} FROM users u WHERE u.tenant = $1 AND (u.name = $2 OR u.id = $3)
         ORDER BY (u.name = $2) DESC LIMIT 1
        """,  # noqa: S608  # a constant list of columns
        tenant,
        canonical(name),
        user_id,
    )
    return None if row is None else User(**dict(row))


async def find_users(
    database: Database, tenant: str | None, name: str, user_id: str | None = None
) -> tuple[str, ...]:
    """The ids of the users of this name or id, in one tenant (an id) or in all.

    Those also whose name another spells in lower case now, and who have nothing any more but what they had spent.
    """
    rows = await database.fetch(
        """
        SELECT id FROM users WHERE (name = ANY($2) OR id = $3) AND ($1::text IS NULL OR tenant = $1) ORDER BY id
        """,
        tenant,
        [name, canonical(name), *([name.upper()] if UUID.match(name) else [])],
        user_id,
    )
    return tuple(row["id"] for row in rows)


async def find_holder(database: Database, tenant: str, key_id: str) -> str | None:
    """The user (an id) of a key of this tenant."""
    found: str | None = await database.value(
        "SELECT user_id FROM keys WHERE tenant = $1 AND id = $2", tenant, key_id
    )
    return found


async def find_tier(database: Database, user_id: str) -> Tier:
    """The tier of a user (an id)."""
    found: Tier | None = await database.value("SELECT tier FROM users WHERE id = $1", user_id)
    return found or DEFAULT_TIER


async def make_user(database: Database, tenant: str, name: str) -> User:
    """The user of this name in a tenant (an id), made if there is none."""
    row = await database.first(
        f"""
        INSERT INTO users AS u (id, tenant, name) VALUES ($1, $2, $3)
        ON CONFLICT (tenant, name) DO UPDATE SET name = excluded.name RETURNING {_USER}
        """,  # noqa: S608  # a constant list of columns
        ids.new("usr"),
        tenant,
        canonical(name),
    )
    return User(**dict(row or {}))


async def names_of(database: Database, user_ids: Collection[str]) -> dict[str, str]:
    """What users (ids) are called."""
    rows = await database.fetch("SELECT id, name FROM users WHERE id = ANY($1)", list(user_ids))
    return {row["id"]: row["name"] for row in rows}
