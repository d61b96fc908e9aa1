"""What the database has written, read from its own counters."""

from dataclasses import dataclass
from pathlib import Path

import asyncpg

_COUNTERS = """
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, (pg_current_wal_insert_lsn() - '0/0')::bigint
"""


@dataclass(frozen=True)
class Written:
    """Transactions that wrote, and bytes of the write-ahead log; both since the cluster was made."""

    transactions: int
    wal_bytes: int


async def written(directory: Path) -> Written:
    """The counters of the embedded database of a data directory. Both count at once, unlike the statistics views."""
    connection = await asyncpg.connect(host=str(directory / "socket"), user="podium", database="podium")
    try:
        row = await connection.fetchrow(_COUNTERS)
    finally:
        await connection.close()
    if row is None:
        raise RuntimeError("the database did not tell its counters")
    return Written(transactions=row[0], wal_bytes=row[1])
