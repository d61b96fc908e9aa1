"""How old the oldest snapshot of the database is: while it is held, no dead row behind it can be cleared away."""

from dataclasses import dataclass

from podium.store.database import Database


@dataclass(frozen=True, slots=True)
class Age:
    """Of the oldest snapshot: for how long it is held, and how many transactions have begun since; 0 without one."""

    seconds: float
    transactions: int


async def oldest_snapshot(database: Database) -> Age:
    """What holds it may be a transaction, a prepared one, or a replication slot, whose seconds nobody knows.

    Transactions of other roles are seen only by who may read all statistics.
    """
    [row] = await database.fetch(
        """
        SELECT coalesce(max(extract(epoch FROM clock_timestamp() - since)), 0)::float8 AS seconds,
               coalesce(max(age(xid)), 0) AS transactions
          FROM (SELECT xact_start AS since, backend_xmin AS xid FROM pg_stat_activity
                 WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
                UNION ALL SELECT prepared, transaction FROM pg_prepared_xacts
                UNION ALL SELECT NULL, xmin FROM pg_replication_slots WHERE xmin IS NOT NULL) AS held
        """
    )
    return Age(max(row["seconds"], 0.0), row["transactions"])
