"""A real database and a real server for tests: one embedded cluster a session, a database of its own for each test.

async with fresh_database(cluster) as dsn: …
async with serving(app) as url: …           # uvicorn on a free port, in the test's own event loop
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import uvicorn
from starlette.types import ASGIApp

from podium.kit import ids
from podium.store.embedded.attach import embedded, wait_stopped
from podium.store.migrate import migrate

_TEMPLATE = "podium_template"


@dataclass(frozen=True)
class Cluster:
    """A running Postgres with an up-to-date, empty database to copy from."""

    dsn: str
    data_dir: Path

    def dsn_of(self, database: str) -> str:
        return (
            urlsplit(self.dsn)
            ._replace(path=f"/{database}")
            .geturl()
            .replace("postgresql:/", "postgresql:///", 1)
        )

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def running_cluster() -> AsyncGenerator[Cluster, None]:
    """An embedded Postgres in a directory of its own, gone afterwards; or the one that PODIUM_TEST_CLUSTER names."""
    if outside := os.environ.get("PODIUM_TEST_CLUSTER"):
        yield Cluster(outside, Path("/nowhere"))
        return
    place = Path(tempfile.mkdtemp(prefix="podium-test-", dir="/tmp"))
    place.chmod(0o755)  # the account that the database runs under, where tests run as root, passes through
    try:
        async with embedded(place / "data") as database:
            cluster = Cluster(database.dsn, place / "data")
            await _hasten(database.dsn)
            await cluster.execute(f"CREATE DATABASE {_TEMPLATE}")
            await migrate(cluster.dsn_of(_TEMPLATE))
            yield cluster
        await wait_stopped(place / "data", within=20)
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _hasten(dsn: str) -> None:
    """Do not wait for the disk: tests kill Postgres, never the machine, and each makes a database by copying files."""
    superuser = await asyncpg.connect(dsn, user="postgres")
    try:
        await superuser.execute("ALTER SYSTEM SET fsync = off")
        await superuser.execute("SELECT pg_reload_conf()")
    finally:
        await superuser.close()


@asynccontextmanager
async def fresh_database(cluster: Cluster) -> AsyncGenerator[str, None]:
    """The DSN of a new, empty, up-to-date database."""
    name = ids.new("test")
    await cluster.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
    yield cluster.dsn_of(name)
    with suppress(asyncpg.PostgresError, OSError):  # a test may have stopped the cluster
        await cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[str, None]:
    """Serve an application as it is served in earnest; its base URL."""
    config = uvicorn.Config(
        app, port=0, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        await _wait_started(server, task)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


async def _wait_started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        assert not task.done(), "the server ended before it began"
        await asyncio.sleep(0.005)


class Link:
    """The way to a database, which a test may cut and mend: what goes through it breaks, nothing new comes through.

    Or have it fall silent: what goes through it then is dropped, and nobody is told; what is new comes through.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._silent: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._is_cut = True
        for writer in self._writers:
            writer.close()

    def mend(self) -> None:
        self._is_cut = False

    def silence(self) -> None:
        self._silent |= self._writers

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_unix_connection(self._socket)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pour(reader, far_writer), self._pour(far_reader, writer))
        self._writers -= {writer, far_writer}
        self._silent -= {writer, far_writer}

    async def _pour(self, source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 16):
                if into not in self._silent:
                    into.write(data)
                    await into.drain()
        into.close()


@asynccontextmanager
async def linked(dsn: str) -> AsyncGenerator[tuple[str, Link], None]:
    """Another DSN for the same database, through a link."""
    parts = urlsplit(dsn)
    [folder] = parse_qs(parts.query)["host"]
    link = Link(Path(folder) / ".s.PGSQL.5432")
    with tempfile.TemporaryDirectory(prefix="podium-link-") as place:
        server = await asyncio.start_unix_server(link.carry, Path(place) / ".s.PGSQL.5432")
        yield dsn.replace(quote(folder, safe=""), quote(place, safe="")), link
        link.cut()
        server.close()
