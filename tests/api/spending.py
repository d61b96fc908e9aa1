"""Spend money as calls do, by the statements that the ledger is written with."""

from collections.abc import Sequence
from typing import Any

import msgspec

from podium.kit import ids
from podium.store.database import Database

PROCESS = "proc_" + "5" * 32
TARIFF = {"input": "0.15", "output": "0.6"}


class Spender:
    """Somebody in whose name attempts are made. Ids are those of the tables."""

    def __init__(self, database: Database, tenant: str, user: str, key: str) -> None:
        self._database = database
        self.tenant = tenant
        self.user = user
        self.key = key

    async def hold(self, amount: int, **told: Any) -> str:
        """Hold so many nano-dollars; the attempt's id."""
        attempt = ids.new("att")
        [row] = await self._database.fetch(
            "SELECT * FROM ledger_hold(_owner => $1, _ids => ARRAY[$2], _turns => ARRAY[$3],"
            " _conversations => ARRAY[$4], _tenants => ARRAY[$5], _users => ARRAY[$6], _keys => ARRAY[$7],"
            " _personas => ARRAY[$8], _dialogues => ARRAY[NULL]::text[], _purposes => ARRAY[$9],"
            " _models => ARRAY[$10], _tariffs => ARRAY['tariff'], _wanted => ARRAY[$11::bigint],"
            " _least => ARRAY[$11::bigint], _tokens => ARRAY[10], _defaults => '{}')",
            PROCESS,
            attempt,
            told.get("turn"),
            told.get("conversation"),
            self.tenant,
            self.user,
            self.key,
            told.get("persona"),
            told.get("purpose", "answer"),
            told.get("model", "lab/small"),
            amount,
        )
        assert row["outcome"] in ("held", "free"), dict(row)
        return attempt

    async def settle(self, attempt: str, amount: int, **told: Any) -> None:
        """What the attempt cost for certain, and in `suspense` perhaps."""
        usage: Sequence[int] = told.get("usage", (10, 0, 0, 5, 0, 0))
        [row] = await self._database.fetch(
            "SELECT * FROM ledger_settle(ARRAY[$1], ARRAY[$2::bigint], ARRAY[$3::bigint], ARRAY[$4::int],"
            " ARRAY[$5::int], ARRAY[$6::int], ARRAY[$7::int], ARRAY[$8::int], ARRAY[$9::int], ARRAY[$10],"
            " ARRAY[$11], ARRAY[$12::bool], ARRAY[$13::int])",
            attempt,
            amount,
            told.get("suspense", 0),
            *usage,
            told.get("source", "provider"),
            told.get("response", "chatcmpl-1"),
            told.get("succeeded", True),
            told.get("milliseconds", 100),
        )
        assert row["outcome"] == "settled"

    async def spend(self, amount: int, **told: Any) -> str:
        """An attempt from its hold to its entry, whose id it gives."""
        attempt = await self.hold(amount, **told)
        await self.settle(attempt, amount, **told)
        return attempt

    async def correct(self, attempt: str, amount: int, usage: Sequence[int]) -> None:
        """What the attempt has cost in truth."""
        assert await self._database.value(
            "SELECT ledger_correct($1, $2, $3, 'provider', 'the bill came')", attempt, amount, list(usage)
        )


async def spender(database: Database, tenant: str, user: str) -> Spender:
    """The user of these names, by the newest of their keys."""
    await database.fetch("SELECT process_register($1, 'home', 'boot', 0, '1 hour')", PROCESS)
    told = msgspec.json.encode(TARIFF).decode()
    await database.fetch("INSERT INTO tariffs VALUES ('tariff', $1) ON CONFLICT DO NOTHING", told)
    row = await database.first(
        "SELECT u.tenant, u.id, coalesce(max(k.id), '') AS key FROM users u JOIN tenants t ON t.id = u.tenant"
        " LEFT JOIN keys k ON k.user_id = u.id WHERE t.name = $1 AND u.name = $2 GROUP BY 1, 2",
        tenant,
        user,
    )
    assert row is not None
    return Spender(database, row["tenant"], row["id"], row["key"])
