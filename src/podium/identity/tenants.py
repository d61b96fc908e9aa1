"""Find tenants by what callers call them."""

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
