"""Postgres dies or falls silent: what was seen is there afterwards, what cannot be kept is refused, all goes on."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from podium.store.embedded.attach import status
from tests.serving import Cluster, fresh_database, running_cluster
from tests.turn.home import Home, homes
from tests.turn.mortal import LONG, Heard, wait_for

pytestmark = pytest.mark.promise("postgres")

SLOW = "[[tokens=300 rate=30]]"
LEASE = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_cluster() -> AsyncGenerator[Cluster, None]:
    """A Postgres that may be harmed."""
    async with running_cluster() as running:
        yield running


@pytest.fixture
async def pair(own_cluster: Cluster) -> AsyncGenerator[list[Home], None]:
    async with fresh_database(own_cluster) as dsn, homes(dsn, 2, lease_seconds=LEASE) as pair:
        yield pair


def postgres(cluster: Cluster) -> list[int]:
    """Every process of it, the first first."""
    first = status(cluster.data_dir).postgres
    assert first is not None
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=True
    )
    return [first, *map(int, listed.stdout.split())]


@contextmanager
def silent(cluster: Cluster) -> Iterator[None]:
    """Alive, and without a word."""
    pids = postgres(cluster)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


async def backend(cluster: Cluster, statement: str) -> int:
    """The process behind the connection that last ran this, as soon as there is one."""
    async with asyncio.timeout(LONG):
        while True:
            with suppress(asyncpg.PostgresError, OSError):
                connection = await asyncpg.connect(cluster.dsn)
                try:
                    pid: int | None = await connection.fetchval(
                        "SELECT pid FROM pg_stat_activity WHERE query LIKE $1 AND pid <> pg_backend_pid() LIMIT 1",
                        f"%{statement}%",
                    )
                finally:
                    await connection.close()
                if pid is not None:
                    return pid
            await asyncio.sleep(0.05)  # sleep: it recovers


async def prose(home: Home) -> str:
    heard = home.say(await home.conversation(), "[[tokens=300]]")
    await heard.done()
    return heard.text


async def attached(home: Home, listeners: list[Heard]) -> list[Heard]:
    """Others that follow the same turns from the beginning, and have heard something."""
    async with asyncio.timeout(LONG):
        others = []
        for heard in listeners:
            other = home.follow(str(heard.turn))
            while not other.deltas:
                if other.status == 503:
                    other = home.follow(str(heard.turn))
                await asyncio.sleep(0.01)  # sleep: it may be away
            others.append(other)
        return others


async def begin(home: Home, number: int = 10) -> list[Heard]:
    listeners = [home.say(await home.conversation(), SLOW) for _ in range(number)]
    await wait_for(lambda: all(each.deltas > 10 for each in listeners))
    return listeners


async def check(home: Home, listeners: list[Heard], text: str) -> None:
    """All ended well, each heard everything once, and that is what is stored."""
    for heard in listeners:
        await heard.done()
        assert heard.end["status"] == "completed", heard.end
        assert heard.text == text == heard.end["output_text"]
        assert heard.frames == await home.events(str(heard.turn))
        story = await home.story(str(heard.turn))
        assert len(story["attempts"]) == 1


@pytest.mark.promise("prefix", "terminal", "message")
async def test_a_killed_backend_takes_nothing_back_that_was_shown(
    own_cluster: Cluster, pair: list[Home]
) -> None:
    here, there = pair
    text = await prose(here)
    listeners = await begin(here)
    elsewhere = await attached(there, listeners)
    for _ in range(2):
        if all(each.end for each in listeners):
            break  # the machine is slow, and the first death took them to their end
        shown = [each.deltas for each in listeners]
        os.kill(await backend(own_cluster, "journal_put"), signal.SIGKILL)
        await wait_for(
            lambda shown=shown: all(n.deltas > o or n.end for n, o in zip(listeners, shown, strict=True))  # type: ignore[misc]  # mypy cannot infer a lambda's default
        )
    await check(here, listeners, text)
    await check(here, elsewhere, text)


@pytest.mark.promise("prefix", "terminal")
async def test_what_a_crash_took_back_is_written_again_even_of_a_silent_turn(
    own_cluster: Cluster, pair: list[Home]
) -> None:
    """Its server may die before the model says the next word."""
    here, there = pair
    heard = here.say(await here.conversation(), "[[tokens=20]][[fault hang after=10 seconds=15]]")
    await wait_for(lambda: heard.deltas >= 9)
    os.kill(await backend(own_cluster, "journal_put"), signal.SIGKILL)
    seen = heard.deltas
    [elsewhere] = await attached(there, [heard])
    await wait_for(lambda: elsewhere.deltas >= seen, within=10)
    assert heard.deltas == seen, "the turn was not silent"


async def wait_lapsed(began: float) -> None:
    """Every lease must have run out meanwhile."""
    await asyncio.sleep(max(0.0, began + 2 * LEASE + 1 - time.monotonic()))


@pytest.mark.promise("terminal", "message")
async def test_while_postgres_is_silent_turns_are_refused_and_streams_wait(
    own_cluster: Cluster, pair: list[Home]
) -> None:
    here, there = pair
    text = await prose(here)
    listeners = await begin(here)
    conversation = await here.conversation()
    with silent(own_cluster):
        began = time.monotonic()
        shown = [each.deltas for each in listeners]
        refused = [home.say(conversation, "too early") for home in (here, there, here)]
        refused.append(here.chat("too early"))
        for heard in refused:
            await heard.done()
            assert heard.status == 503, (heard.status, heard.error)
            assert heard.error["error"]["code"] == "storage_unavailable"
        assert 2.0 < time.monotonic() - began < 15.0
        assert sum(each.deltas for each in listeners) < sum(shown) + 100, "what is not stored is not shown"
        await wait_lapsed(began)
    await check(here, listeners, text)
    # Nobody was judged dead for what nobody could help.
    assert not [
        each
        for heard in listeners
        for each in heard.frames
        if each.kind == "decision" and b"recover" in each.data
    ]
    # What was refused may have been taken all the same, the answer having been lost; then it ends like any other.
    for turn in await here.ended(conversation):
        assert turn["status"] == "completed"
    again = here.say(conversation, "[[say now]]")
    await again.done()
    assert again.end["output_text"] == "now"


@pytest.mark.promise("terminal", "message")
async def test_a_postgres_that_is_restarted_costs_time_alone(own_cluster: Cluster, pair: list[Home]) -> None:
    here, there = pair
    text = await prose(here)
    listeners = await begin(here)
    elsewhere = await attached(there, listeners)
    os.kill(postgres(own_cluster)[0], signal.SIGINT)  # a "fast" shutdown; its keeper starts it again
    status_, told = await here.ask(
        "POST", f"/v1/conversations/{await here.conversation()}/turns", {"input": "[[say hi]]"}
    )
    assert (status_ == 200 and told["output_text"] == "hi") or told["error"]["code"] == "storage_unavailable"
    await check(here, listeners, text)
    await check(here, elsewhere, text)


@pytest.mark.promise("terminal", "message")
async def test_a_queue_moves_on_when_postgres_dies_at_the_hand_over(
    own_cluster: Cluster, pair: list[Home]
) -> None:
    here, _ = pair
    await prose(here)
    for statement in ("turn_record", "turn_open", "journal_put"):
        conversation = await here.conversation()
        first = here.say(conversation, "[[tokens=40 rate=40]]")
        await wait_for(lambda first=first: first.deltas > 3)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        rest = [here.say(conversation, f"[[say {number}]]") for number in range(3)]
        await wait_for(lambda first=first: first.deltas > 35)  # type: ignore[misc]  # as above
        os.kill(await backend(own_cluster, statement), signal.SIGKILL)
        turns = await here.ended(conversation)
        assert [turn["status"] for turn in turns] == ["completed"] * len(turns)
        for heard in (first, *rest):
            await heard.done()
            if heard.status == 200:
                assert heard.end["status"] == "completed"
                assert heard.frames == await here.events(str(heard.turn))
        items = await here.items(conversation)
        assert [role for role, _ in items] == ["user", "assistant"] * len(turns)
        for (_, asked), (_, answered) in zip(items[2::2], items[3::2], strict=True):
            assert asked == f"[[say {answered}]]"


@pytest.mark.promise("terminal", "prefix")
async def test_a_database_that_lets_nobody_in_for_a_while_costs_no_turn(
    own_cluster: Cluster, pair: list[Home], caplog: pytest.LogCaptureFixture
) -> None:
    """It is moved, say. Heartbeat, listening and following are refused as well, and go on when it is back."""
    here, there = pair
    name = urlsplit(here.app.database.dsn).path.strip("/")
    listeners = await begin(here)
    elsewhere = await attached(there, listeners)
    refused = {"lease.not_renewed", "journal.not_read", "store.deaf"}
    await own_cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        await own_cluster.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        await wait_for(
            lambda: refused <= {r.message for r in caplog.records if "accepting" in getattr(r, "error", "")}
        )
    finally:
        await own_cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    for heard in (*listeners, *elsewhere):
        await heard.done()
        assert heard.end["status"] == "completed"
        assert heard.frames == await there.events(str(heard.turn))
    strange = [r.message for r in caplog.records if r.exc_info and r.name.startswith("podium")]
    assert not strange, "all of it was foreseen"
