"""The connections of one process to Postgres.

Hot paths have a connection of their own each (a lane), because one statement at a time with everything that gathered
meanwhile beats many at once; everything else shares a few readers. Sessions are needed: prepared statements, advisory
locks and LISTEN do not survive a transaction pooler.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

import asyncpg
from typing_extensions import override

from podium.errors import OperatorError, Unavailable
from podium.kit import ids
from podium.store.connect import connect
from podium.store.failure import Again, ConnectionLost, translated

logger = logging.getLogger(__name__)

Rows = list[asyncpg.Record]

READERS = 4
CONNECTIONS = 14
"""What one server process takes at the most: ten lanes (open and record twice, hold, settle, journal, heartbeat,
take-over, listening) and the readers."""

_CONNECT_SECONDS = 5.0
_SILENT_SECONDS = 20.0  # longer than the server lets a statement run
_SESSION = {
    "application_name": "podium",
    "statement_timeout": "15000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "10000",
    "jit": "off",
    # A batch's arrays vary in length; a generic plan serves all of them and saves planning each.
    "plan_cache_mode": "force_generic_plan",
}

# Postgres notices that a client is gone only when it answers it: what it still does for one is ended.
_OTHERS = "FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()"
_END_OTHERS = f"SELECT pg_terminate_backend(pid, 5000) {_OTHERS}"  # constants
_IS_ALONE = f"SELECT NOT EXISTS (SELECT {_OTHERS})"  # constants


class Lane:
    """One connection, used by one statement at a time, opened anew when it breaks.

    A statement whose connection broke may still run; it is over before the next one begins, unless a pooler renames
    sessions (it is found by its application_name). `opened` counts the
    connections so far: who must repair something after a break compares it.
    """

    def __init__(self, dsn: str, settings: dict[str, str] | None = None) -> None:
        self._dsn = dsn
        self._name = f"podium {ids.new('lane')}"
        self._settings = {**_SESSION, "application_name": self._name, **(settings or {})}
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()
        self.opened = 0

    @property
    def is_connected(self) -> bool:
        """Whether its connection lives, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    async def connect(self) -> int:
        """Make sure that there is a connection, and give its number.

        Raises:
            Unavailable: nothing answers.
        """
        async with self._lock:
            with translated():
                await self._connected()
            return self.opened

    async def fetch(
        self, sql: str, *args: object, on: int | None = None, within: float | None = None
    ) -> Rows:
        """Run one statement and return its rows; with `on`, only if that connection still lives.

        A connection that is silent for so many seconds is given up: who merely stops to wait leaves it as it is, and
        meets it again.

        Raises:
            ConnectionLost: it may or may not have happened; Unavailable, Again, BadItem: it did not.
        """
        async with self._lock:
            with translated():
                connection = await self._connected()
                if on not in (None, self.opened):
                    raise ConnectionLost("The database connection was replaced.", after=1.0)
                try:
                    return await connection.fetch(sql, *args, timeout=within or _SILENT_SECONDS)
                except TimeoutError:
                    connection.terminate()  # the way to the server is broken, and nobody told us
                    raise

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Call `heard` with each payload notified on `channel`, as long as this connection lives."""

        def callback(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            heard(str(payload))

        async with self._lock:
            with translated():
                connection = await self._connected()
                await connection.add_listener(channel, callback)

    async def wait_broken(self) -> None:
        """Return when the present connection is closed."""
        connection = self._connection
        if connection is None or connection.is_closed():
            return
        broken = asyncio.get_running_loop().create_future()

        def ended(_connection: object) -> None:
            if not broken.done():
                broken.set_result(None)

        connection.add_termination_listener(ended)
        await broken

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None and not self._connection.is_closed():
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await self._connection.close(timeout=2)
        self._connection = None

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            connection = await asyncpg.connect(
                self._dsn, server_settings=self._settings, timeout=_CONNECT_SECONDS
            )
            with contextlib.ExitStack() as unusable:
                unusable.callback(connection.terminate)
                if self.opened and not await _is_alone(connection, self._name):
                    raise ConnectionLost("The connection before this one does not end.", after=1.0)
                unusable.pop_all()
            self._connection = connection
            self.opened += 1
        return self._connection


async def _is_alone(connection: asyncpg.Connection, name: str) -> bool:
    """Whether the other connections of this name are over, after they were ended."""
    await connection.fetch(_END_OTHERS, name, timeout=_SILENT_SECONDS)
    return bool(await connection.fetchval(_IS_ALONE, name, timeout=_SILENT_SECONDS))


class Database:
    """A few shared readers, and as many lanes as are asked for."""

    def __init__(self, dsn: str, *, readers: int = READERS) -> None:
        self.dsn = dsn
        self._readers = readers
        # What is done in a transaction may need another reader beside it.
        self._transactions = asyncio.Semaphore(max(readers - 1, 1))
        self._pool: asyncpg.Pool | None = None
        self._lanes: list[Lane] = []

    async def open(self) -> None:
        """Connect the readers.

        Raises:
            Unavailable: nothing answers at the address.
        """
        with translated():
            self._pool = await asyncpg.create_pool(
                self.dsn,
                min_size=1,
                max_size=self._readers,
                server_settings=_SESSION,
                timeout=_CONNECT_SECONDS,
                command_timeout=15,
            )

    @property
    def most_connections(self) -> int:
        """How many connections it may come to hold."""
        return len(self._lanes) + self._readers

    def lane(self, *, durable: bool = True) -> Lane:
        """A connection of its own for one hot path.

        Without `durable` a commit does not wait for the disk: the death of any process loses nothing, that of the
        machine at most the last 0.6 seconds.
        """
        lane = Lane(self.dsn, None if durable else {"synchronous_commit": "off"})
        self._lanes.append(lane)
        return lane

    async def fetch(self, sql: str, *args: object) -> Rows:
        """Run a statement on a reader; once more after a deadlock, or if it only reads and its connection was stale.

        Raises:
            Unavailable: no reader is free in time, or the database does not answer.
        """
        try:
            return await self._fetch(sql, args)
        except Again:
            return await self._fetch(sql, args)
        except ConnectionLost:
            if not sql.lstrip()[:6].upper() == "SELECT":
                raise
            return await self._fetch(sql, args)

    async def _fetch(self, sql: str, args: tuple[object, ...]) -> Rows:
        if self._pool is None:
            raise Unavailable("The database is not connected.")
        with translated():
            async with self._pool.acquire(timeout=2) as connection:
                return await connection.fetch(sql, *args)

    async def first(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def value(self, sql: str, *args: object) -> Any:  # noqa: ANN401  # a column may be of any type
        """The first column of the first row, or None."""
        row = await self.first(sql, *args)
        return None if row is None else row[0]

    @contextlib.asynccontextmanager
    async def together(self) -> AsyncGenerator["Database", None]:
        """This database on one reader, in one transaction: what is done with it happens all together or not at all.

        Raises:
            Unavailable: no reader is free in time, or the database does not answer.
            ConnectionLost: at the end: it may or may not have happened.
        """
        if self._pool is None:
            raise Unavailable("The database is not connected.")
        async with self._transactions:
            with translated():
                async with self._pool.acquire(timeout=2) as connection, connection.transaction():
                    yield _Together(self.dsn, connection)

    async def close(self) -> None:
        """Close all connections."""
        for lane in self._lanes:
            await lane.close()
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 3)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                self._pool.terminate()  # the database is away: there is nobody to take leave of
            self._pool = None


class _Together(Database):
    """Statements of one transaction."""

    def __init__(self, dsn: str, connection: "asyncpg.pool.PoolConnectionProxy") -> None:
        super().__init__(dsn, readers=0)
        self._connection = connection

    @override
    async def fetch(self, sql: str, *args: object) -> Rows:
        """Run a statement of it. None is tried again: what fails has ended the transaction."""
        with translated():
            return await self._connection.fetch(sql, *args)


async def refuse_transaction_pooler(dsn: str) -> None:
    """Raise OperatorError if the address is a pooler that hands each transaction another session.

    Two clients that are given the same backend process, one of them idle, are the proof.

    Raises:
        OperatorError: also if the address can never work.
        Unavailable: the database does not answer.
    """
    with translated():
        one = await connect(dsn, timeout=_CONNECT_SECONDS, statement_cache_size=0)
        try:
            two = await connect(dsn, timeout=_CONNECT_SECONDS, statement_cache_size=0)
            try:
                first = await one.fetchval("SELECT pg_backend_pid()")
                async with two.transaction():
                    second = await two.fetchval("SELECT pg_backend_pid()")
                    third = await one.fetchval("SELECT pg_backend_pid()")
            finally:
                await two.close()
        finally:
            await one.close()
    if first == second or first != third:
        raise OperatorError(
            "DATABASE_URL points to a transaction pooler (PgBouncer in transaction mode, or port 6543 at Supabase).",
            hint="Use the database's direct address, or its session pooler (port 5432 at Supabase).",
        )
