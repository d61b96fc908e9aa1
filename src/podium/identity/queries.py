"""Every statement on tenants, users and keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from podium.identity.key import Key, NewKey
from podium.identity.principal import DEFAULT_TIER, Principal, Tier
from podium.identity.user import canonical
from podium.store.database import Database

CHANNEL = "podium_key"
"""Where a revoked key's id is notified."""

_TIER = f"coalesce(k.tier, u.tier, '{DEFAULT_TIER}') AS tier"
_KEY = f"""k.id, k.prefix, t.name AS tenant, u.name AS "user", k.scope, {_TIER}, k.created_at, k.expires_at"""


async def find_principals(
    database: Database, hashes: Sequence[bytes]
) -> dict[bytes, tuple[Principal, float | None]]:
    """The principals of those hashes that are keys in force, each with the seconds left until it expires."""
    rows = await database.fetch(
        f"""
        SELECT k.hash, k.tenant, k.user_id, k.id, k.scope, {_TIER}, t.name AS tenant_name, u.name AS user_name,
               extract(epoch FROM k.expires_at - clock_timestamp())::float8 AS remaining
          FROM keys k JOIN tenants t ON t.id = k.tenant JOIN users u ON u.id = k.user_id
         WHERE k.hash = ANY($1::bytea[]) AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
        """,  # noqa: S608  # a constant column
        list(hashes),
    )
    return {
        row["hash"]: (
            Principal(
                tenant=row["tenant"],
                user=row["user_id"],
                key=row["id"],
                scope=row["scope"],
                tier=row["tier"],
                tenant_name=row["tenant_name"],
                user_name=row["user_name"],
            ),
            row["remaining"],
        )
        for row in rows
    }


async def find_tenant(database: Database, name: str) -> str | None:
    """The id of the tenant of this name."""
    found: str | None = await database.value("SELECT id FROM tenants WHERE name = $1", name)
    return found


async def find_tier(database: Database, tenant: str, user: str) -> Tier | None:
    """The tier of a user (a name) of a tenant (a name), if they have one."""
    found: Tier | None = await database.value(
        "SELECT u.tier FROM users u JOIN tenants t ON t.id = u.tenant WHERE t.name = $1 AND u.name = $2",
        tenant,
        canonical(user),
    )
    return found


async def put_key(
    database: Database,
    *,
    new_ids: tuple[str, str, str],
    wanted: NewKey,
    prefix: str,
    hash: bytes,  # noqa: A002  # the column's name; nothing here hashes
) -> Key:
    """Store a key, and its tenant and user where their names are new. `new_ids` are for tenant, user and key."""
    row = await database.first(
        f"""
        WITH t AS (
            INSERT INTO tenants (id, name) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, name
        ), u AS (
            INSERT INTO users AS u (id, tenant, name, tier) SELECT $3, t.id, $4, $11 FROM t
            ON CONFLICT (tenant, name) DO UPDATE SET tier = coalesce(excluded.tier, u.tier)
            RETURNING id, tenant, name, tier
        ), k AS (
            INSERT INTO keys (id, tenant, user_id, hash, prefix, scope, tier, expires_at)
            SELECT $5, u.tenant, u.id, $6, $7, $8, $9, $10 FROM u RETURNING *
        )
        SELECT {_KEY} FROM k, t, u
        """,  # noqa: S608  # a constant list of columns
        new_ids[0],
        wanted.tenant,
        new_ids[1],
        canonical(wanted.user),
        new_ids[2],
        hash,
        prefix,
        wanted.scope,
        wanted.tier,
        wanted.expires_at,
        wanted.user_tier,
    )
    return Key(**dict(row or {}))


async def list_keys(database: Database, tenant: str | None, *, before: str | None, limit: int) -> list[Key]:
    """Keys that were not revoked, newest first, of one tenant (an id) or of all; those older than `before`."""
    rows = await database.fetch(
        f"""
        SELECT {_KEY}
          FROM keys k JOIN tenants t ON t.id = k.tenant JOIN users u ON u.id = k.user_id
         WHERE k.revoked_at IS NULL AND ($1::text IS NULL OR k.tenant = $1) AND ($2::text IS NULL OR k.id < $2)
         ORDER BY k.id DESC LIMIT $3
        """,  # noqa: S608  # a constant list of columns
        tenant,
        before,
        limit,
    )
    return [Key(**dict(row)) for row in rows]


async def revoke_key(database: Database, key_id: str, tenant: str | None) -> bool:
    """Revoke a key of one tenant, or of any, and notify every process; False if there is none in force."""
    done: Any = await database.first(
        """
        UPDATE keys SET revoked_at = clock_timestamp()
         WHERE id = $1 AND ($2::text IS NULL OR tenant = $2) AND revoked_at IS NULL
        RETURNING id, pg_notify($3, id)
        """,
        key_id,
        tenant,
        CHANNEL,
    )
    return done is not None


async def expiry_is_ahead(database: Database, moment: datetime) -> bool:
    """Whether this moment is still to come, by the clock that will judge it."""
    return bool(await database.value("SELECT $1::timestamptz > clock_timestamp()", moment))
