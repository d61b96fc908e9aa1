"""Find tenants and those in them by what callers call them."""

from collections.abc import Collection

from podium.identity.tenant import Tenant
from podium.store.database import Database


async def find_tenant(database: Database, word: str) -> Tenant | None:
    """The tenant of this name, else of this id."""
    row = await database.first(
        "SELECT id, name FROM tenants WHERE name = $1 OR id = $1 ORDER BY (name = $1) DESC LIMIT 1", word
    )
    return None if row is None else Tenant(**dict(row))


async def names_of(database: Database, tenant_ids: Collection[str]) -> dict[str, str]:
    """What tenants (ids) are called."""
    rows = await database.fetch("SELECT id, name FROM tenants WHERE id = ANY($1)", list(tenant_ids))
    return {row["id"]: row["name"] for row in rows}


async def find_users(database: Database, tenant: str | None, word: str) -> tuple[str, ...]:
    """The ids of the users of this name or id, in one tenant (an id) or in all."""
    rows = await database.fetch(
        "SELECT id FROM users WHERE (name = $2 OR id = $2) AND ($1::text IS NULL OR tenant = $1) ORDER BY id",
        tenant,
        word,
    )
    return tuple(row["id"] for row in rows)


async def find_holder(database: Database, tenant: str, key_id: str) -> str | None:
    """The user (an id) of a key of this tenant."""
    found: str | None = await database.value(
        "SELECT user_id FROM keys WHERE tenant = $1 AND id = $2", tenant, key_id
    )
    return found
