"""What `podium doctor` looks at. Every check ends in findings; none changes anything."""

import os
import stat
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import asyncpg

from podium.cli.client import Refused, Unanswered
from podium.cli.finding import Finding
from podium.cli.hosts import check_hosts
from podium.cli.target import NotServing, Target
from podium.config.home import KEY_FILE
from podium.config.settings import Settings
from podium.errors import PodiumError
from podium.store.database import CONNECTIONS, refuse_transaction_pooler
from podium.store.embedded.address import Answer
from podium.store.embedded.attach import status
from podium.store.embedded.directory import at, refuse_other_version
from podium.store.failure import translated
from podium.store.migrate import is_current
from podium.store.redis import Wakeups

_OLD_XMIN = 10_000_000  # transactions: dead rows of all of them stay in the tables
_OLDEST_POSTGRES = 14

_HOLDERS = """
SELECT max(age) AS age, (array_agg(who ORDER BY age DESC))[1] AS who FROM (
    SELECT age(backend_xmin) AS age, format('process %s (%s)', pid, application_name) AS who
      FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL SELECT age(transaction), format('the prepared transaction %s', gid) FROM pg_prepared_xacts
    UNION ALL SELECT age(xmin), format('the replication slot %s', slot_name)
                FROM pg_replication_slots WHERE xmin IS NOT NULL
) AS holders
"""
_CONNECTIONS = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
       count(*) AS used FROM pg_stat_activity WHERE backend_type = 'client backend'
"""


async def check(settings: Settings, *, with_calls: bool) -> AsyncGenerator[Finding, None]:
    """Look at everything; `with_calls` asks each host of models something small."""
    yield _told_config(settings)
    for warning in settings.warnings:
        yield Finding("note", "settings", warning)
    yield check_data_dir(settings.data_dir)
    async with aclosing(_check_database(settings)) as findings:
        async for finding in findings:
            yield finding
    yield await _check_redis(settings.server.redis_url)
    target = Target(settings.data_dir, os.environ.get("PODIUM_URL"), os.environ.get("PODIUM_KEY"))
    yield check_server(target)
    async with aclosing(check_hosts(settings, target, with_calls=with_calls)) as findings:
        async for finding in findings:
            yield finding


def _told_config(settings: Settings) -> Finding:
    if settings.config_file is None:
        return Finding("ok", "config", "no podium.toml is here or in the data directory, and none is needed")
    return Finding("ok", "config", f"{settings.config_file} was read, and is valid")


def check_data_dir(path: Path) -> Finding:
    """Is it ours alone?"""
    try:
        found = path.stat()
        key = path / KEY_FILE
        key_mode = stat.S_IMODE(key.stat().st_mode) if key.exists() else 0o600
    except FileNotFoundError:
        return Finding("ok", "data", f"{path} is not there yet; `podium serve` makes it")
    except OSError as error:
        return Finding("WRONG", "data", f"{path}: {error.strerror}", "Ask as who runs Podium there.")
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        return Finding(
            "WRONG",
            "data",
            f"{path} belongs to the account number {found.st_uid}, and you are {os.geteuid()}",
            "Run Podium as who owns it, or choose another directory with --data-dir or PODIUM_DATA_DIR.",
        )
    if key_mode & 0o077:
        return Finding(
            "WRONG", "data", f"{key} can be read by others (mode {key_mode:o})", f"chmod 600 {key}"
        )
    if mode & 0o022:
        return Finding(
            "WRONG", "data", f"{path} can be written by others (mode {mode:o})", f"chmod 711 {path}"
        )
    return Finding("ok", "data", f"{path} is yours (mode {mode:o})")


def check_server(target: Target) -> Finding:
    """Does it answer, is it well, does the key open it?"""
    try:
        client = target.client()
        health = client.ask("GET", "/health")
        client.ask("GET", "/v1/models")
    except NotServing as error:
        return Finding("note", "server", error.message, error.hint or "")
    except Refused as error:
        advice = "See what is said of database and Redis above." if error.status == 503 else error.hint or ""
        return Finding("WRONG", "server", error.message, advice)
    except (Unanswered, PodiumError) as error:
        return Finding("WRONG", "server", error.message, error.hint or "")
    checks = ", ".join(f"{name} {said}" for name, said in health["checks"].items())
    return Finding("ok", "server", f"{client.url} answers (version {health['version']}; {checks})")


async def _check_database(settings: Settings) -> AsyncGenerator[Finding, None]:
    dsn = settings.server.database_url
    try:
        if dsn is None:
            refuse_other_version(at(settings.data_dir))
            seen = status(settings.data_dir)
            if seen.dsn is None:
                what = "starts or stops just now" if seen.answer is Answer.BUSY else "starts with the server"
                yield Finding("ok", "database", f"the embedded one; it {what}")
                return
            dsn = seen.dsn
        else:
            await refuse_transaction_pooler(dsn)
        async with aclosing(_look_into(dsn, settings)) as findings:
            async for finding in findings:
                yield finding
    except (PodiumError, asyncpg.PostgresError, OSError) as error:
        hint = error.hint if isinstance(error, PodiumError) else None
        yield Finding("WRONG", "database", str(error), hint or "Is DATABASE_URL right, and does it run?")


async def _look_into(dsn: str, settings: Settings) -> AsyncGenerator[Finding, None]:
    with translated():
        connection = await asyncpg.connect(dsn, timeout=5)
    try:
        version = connection.get_server_version()
        whose = "the embedded one" if settings.server.database_url is None else "DATABASE_URL"
        text = f"{whose} answers: PostgreSQL {version.major}.{version.minor or version.micro}"
        if version.major < _OLDEST_POSTGRES:
            yield Finding("WRONG", "database", text, f"Podium needs PostgreSQL {_OLDEST_POSTGRES} or newer.")
        else:
            yield Finding("ok", "database", text)
        if await is_current(dsn):
            yield Finding("ok", "schema", "is up to date")
        else:
            yield Finding(
                "note", "schema", "is not up to date; `podium serve` brings it", "Or: podium migrate"
            )
        [connections] = await connection.fetch(_CONNECTIONS)
        yield _told_connections(connections, settings.server.workers)
        [oldest] = await connection.fetch(_HOLDERS)
        yield _told_oldest(oldest)
    finally:
        await connection.close()


def _told_connections(row: asyncpg.Record, workers: int) -> Finding:
    needed = CONNECTIONS * workers
    text = f"{row['used']} of {row['most']} in use; one server with {workers} worker(s) takes {needed}"
    if row["most"] < needed:
        return Finding("WRONG", "connections", text, "Raise max_connections, or start fewer workers.")
    return Finding("ok", "connections", text)


def _told_oldest(row: asyncpg.Record) -> Finding:
    if row["age"] is None:
        return Finding("ok", "vacuum", "nothing keeps dead rows alive")
    text = f"{row['who']} keeps dead rows of the last {row['age']:,} transactions alive"
    if row["age"] > _OLD_XMIN:
        return Finding("WRONG", "vacuum", text, "End it; until then tables only grow.")
    return Finding("ok", "vacuum", text)


async def _check_redis(url: str | None) -> Finding:
    if url is None:
        return Finding("ok", "redis", "none is set, and one server needs none")
    wakeups = Wakeups(url, lambda _log: None)
    try:
        await wakeups.check()
    except PodiumError as error:
        return Finding(
            "WRONG",
            "redis",
            error.message,
            "Is REDIS_URL right, and does it run? Without it replicas poll: slower, never wrong.",
        )
    finally:
        await wakeups.close()
    return Finding("ok", "redis", "answers")
