"""Chaos, and the books afterwards: whatever dies under load, the ledger says what the model's host served.

    python -m tests.ledger.chaos --minutes 5 --only postgres        # or `make chaos ARGS="…"`

Each kind runs for so many minutes on servers and a database of its own, prints what it saw, and ends with 1 if anything
is wrong. tests/ledger/test_chaos.py holds short forms of all.
"""

import argparse
import asyncio
import itertools
import logging
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg

from podium.catalogue.profile import Price
from podium.identity.payer import Payer
from podium.identity.quota import Limit, Limits
from podium.identity.quota.limit import TIERS
from podium.kit import ids
from podium.ledger.till import Held
from podium.simulator import Served
from podium.store.database import Database
from podium.store.embedded.attach import status
from podium.tokens.count import count_text
from tests.doors.podium import ADMIN_KEY
from tests.journal.redis_server import running_redis
from tests.ledger.book import Book, book
from tests.ledger.load import (
    ENOUGH,
    Heard,
    Load,
    Report,
    Watch,
    World,
    balances_wrong,
    chat,
    hear,
    prepare,
    wait_for_seconds,
)
from tests.ledger.policy import MODEL, PROSE
from tests.ledger.tills import Server, server, spent, wanted
from tests.serving import Cluster, fresh_database, running_cluster
from tests.simulator.serving import simulator
from tests.turn.home import homes
from tests.turn.mortal import mortal, session, wait_for

Pace = tuple[float, float]


@asynccontextmanager
async def served(
    cluster: Cluster, kind: str, *, tier: str = "unlimited", **more: Any
) -> AsyncGenerator[World, None]:
    """Two servers in this process, on a new database, ready to be called."""
    async with fresh_database(cluster) as dsn, homes(dsn, 2, **more) as made:
        price = made[0].app.settings.catalogue.profiles["lab/small"].price
        assert price is not None
        world = World(dsn, made, made[0].host, price, Report(kind))
        await prepare(world, tier=tier)
        yield world


async def under_load(
    load: Load, seconds: float, strike: Callable[[], Awaitable[None]], every: Pace
) -> Report:
    """Something strikes at random moments; then everything is held against everything."""
    world = load.world
    watch, began = Watch(world), time.monotonic()
    async with watch.running(), load.running():
        await wait_for_seconds(seconds, what=strike, every=every)
    report = await world.end()
    await watch.check()
    report.seconds = time.monotonic() - began
    return report


class Monkey:
    """Stops a Postgres as `pg_ctl stop -m immediate` does, or kills one of its processes that serve a connection."""

    def __init__(self, cluster: Cluster, report: Report, away: float) -> None:
        """`away`: seconds for which nobody starts it again, at the most."""
        self._cluster = cluster
        self._faults = report.faults
        self._random = random.Random(3)
        self._away = away

    async def __call__(self) -> None:
        """One of them, in turn."""
        strikes = (self._stop, self._kill, self._stop, self._end)
        with suppress(OSError, asyncpg.PostgresError):  # it may still be recovering from the last time
            await strikes[self._faults.total() % len(strikes)]()

    async def _stop(self) -> None:
        seen = await asyncio.to_thread(status, self._cluster.data_dir)
        if seen.postgres is None or seen.keeper is None:
            raise ProcessLookupError
        os.kill(seen.keeper, signal.SIGSTOP)
        try:
            os.kill(seen.postgres, signal.SIGQUIT)
            await asyncio.sleep(self._random.uniform(0, self._away))  # sleep: it is away
        finally:
            os.kill(seen.keeper, signal.SIGCONT)
        self._faults["immediate stops"] += 1

    async def _kill(self) -> None:
        """Postgres ends all others, too, and recovers."""
        os.kill(await self._backend(), signal.SIGKILL)
        self._faults["backends killed"] += 1

    async def _end(self) -> None:
        await self._cluster.execute(f"SELECT pg_terminate_backend({await self._backend()})")
        self._faults["backends terminated"] += 1

    async def _backend(self) -> int:
        connection = await asyncpg.connect(self._cluster.dsn, timeout=2)
        try:
            rows = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE starts_with(application_name, 'podium')"
            )
        finally:
            await connection.close()
        if not rows:
            raise ProcessLookupError
        return int(self._random.choice(rows)["pid"])


async def postgres(cluster: Cluster, seconds: float, *, every: Pace = (5, 20), away: float = 3.0) -> Report:
    """Postgres is stopped at once, and single connections of it are killed. `cluster` must be nobody else's."""
    async with served(cluster, "postgres") as world:
        return await under_load(Load(world), seconds, Monkey(cluster, world.report, away), every)


async def redis(cluster: Cluster, seconds: float, *, every: Pace = (3, 3), requests: int = 6) -> Report:
    """Redis forgets everything, its scripts as well, while it keeps limits of so many requests a minute."""
    limits = Limits(tiers={**TIERS, "basic": Limit(requests=requests)})
    async with AsyncExitStack() as stack:
        # From the beginning: a server that has complained says nothing more of it for a while.
        told = stack.enter_context(complaints("podium.identity.quota.shared"))
        shared = await stack.enter_async_context(running_redis())
        world = await stack.enter_async_context(
            served(cluster, "redis", tier="basic", redis_url=shared.url, limits=limits)
        )

        async def forget() -> None:
            world.report.faults["flushes"] += 1  # first: the load may end in the middle of it
            await shared.say("FLUSHALL")
            await shared.say("SCRIPT", "FLUSH")

        load = Load(world)
        report = await under_load(load, seconds, forget, every)
    # What Redis does not answer in time each server decides by its own count.
    counts = 1 + report.faults["flushes"] + (len(world.homes) if told else 0)
    most = requests * counts + (1 + len(world.homes)) * requests * report.seconds / 60 + 1
    report.figures["accepted"] = f"{max(load.accepted.values())} of a user's calls, at most {most:.0f}"
    report.wrong += [f"accepted {count} times: {key}" for key, count in load.accepted.items() if count > most]
    return report


@contextmanager
def complaints(name: str) -> Iterator[list[str]]:
    """What this logger says while the context lasts."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]  # a list will do
    logging.getLogger(name).addHandler(handler)
    try:
        yield told
    finally:
        logging.getLogger(name).removeHandler(handler)


# ── clients that leave ───────────────────────────────────────────────────────────────────────────────────

CHUNKS = 4
ANN = "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5e"


@dataclass(frozen=True)
class Leaving:
    """A client that leaves when the host has sent so many chunks; -1: it has the request and has not answered.

    `stays`: its turn goes on without it.
    """

    door: str
    sent: int
    stays: bool

    @property
    def streams(self) -> bool:
        return "json" not in self.door

    def call(self, conversation: str, text: str) -> tuple[str, dict[str, Any], dict[str, str]]:
        """Path, body and headers."""
        stays = "continue" if self.stays else "cancel"
        match self.door.split()[0]:
            case "chat":
                body = chat(text, stream=self.streams, x_podium={"on_disconnect": stays})
                return "/v1/chat/completions", body, {}
            case "turn":
                body = {"input": text, "stream": self.streams, "on_disconnect": stays}
                return f"/v1/conversations/{conversation}/turns", body, {}
            case _:
                accept = "text/event-stream" if self.streams else "application/json"
                return "/llm/chat/", {"user_id": ANN, "initial_message": text}, {"accept": accept}


LEAVINGS = tuple(
    Leaving(door, sent, stays)
    for door in ("chat", "chat json", "turn", "turn json", "session", "session json")
    for stays in (False, True)
    for sent in range(-1, CHUNKS + 1)
    if stays or not door.startswith("session")
)


async def leaving(cluster: Cluster, seconds: float, *, rounds: int | None = None) -> Report:
    """Clients leave before the first byte, after each chunk, and between the last one and the usage, at every door."""
    async with served(cluster, "leaving") as world, session() as http:
        body = {"tenant": "default", "user": ANN, "scope": "member", "user_tier": "unlimited"}
        await world.homes[0].good("POST", "/v1/keys", body)
        began, calls = time.monotonic(), dict[str, Leaving]()
        while rounds != 0 and (rounds is not None or time.monotonic() - began < seconds):
            left = await asyncio.gather(*(leave(world, http, case) for case in LEAVINGS))
            calls.update((str(call.attempt), case) for call, case in zip(left, LEAVINGS, strict=True))
            rounds = None if rounds is None else rounds - 1
        report = await world.end()
        async with book(world.dsn) as rows:
            entries = {row["id"]: row for row in await rows.entries()}
        texts = {str(call.attempt): PROSE[: call.characters] for call in world.host.oracle.calls}
        for attempt, case in calls.items():
            report.wrong += await uncharged(entries[attempt], case, texts[attempt])
        report.seconds = time.monotonic() - began
        return report


async def leave(world: World, http: aiohttp.ClientSession, case: Leaving) -> Served:
    """Call and leave; the call that the host served, once it is over."""
    home, mark = random.choice(world.homes), ids.new("leaving")
    place = {-1: "request", 0: "headers"}.get(case.sent, str(case.sent))
    text = f"{mark} [[tokens={CHUNKS}]][[fault hang after={place}{' seconds=1' if case.stays else ''}]]"
    path, body, headers = case.call(await home.conversation(), text)
    by_itself = case.streams and case.sent > 0

    def leaves(heard: Heard) -> bool:
        return by_itself and heard.pieces >= case.sent

    task = asyncio.create_task(hear(http, home._url() + path, body, key=ADMIN_KEY, leaves=leaves, **headers))
    found: list[Served] = []

    def begun() -> bool:
        found[:] = [call for call in world.host.oracle.running if call.said.startswith(mark)]
        return bool(found) and found[0].chunks >= case.sent and (case.sent < 0 or found[0].status is not None)

    await wait_for(begun)
    if not by_itself:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    world.report.faults[f"left at {case.sent}"] += 1
    await wait_for(lambda: found[0].ended)
    return found[0]


async def uncharged(entry: dict[str, Any], case: Leaving, sent: str) -> list[str]:
    """Whether exactly what came is charged, as counted here, or by the host's count where its turn went on."""
    if case.stays:
        expected = ("provider", entry["output"])
    elif (
        case.sent > 0 and case.door != "chat json"
    ):  # whose host is asked for one document: half of it is nothing
        expected = ("estimate", (await count_text(sent, MODEL)).tokens)
    else:
        expected = ("none", 0)
    told = (entry["usage_source"], entry["output"])
    return [] if told == expected else [f"{case} should be charged {expected}: {entry}"]


# ── servers that sleep ───────────────────────────────────────────────────────────────────────────────────

LEASE = 2.0
LATE = "[[tokens=30 rate=40]]"
"""Begun before a server sleeps, and ended while it does."""


async def stopped(cluster: Cluster, seconds: float, *, every: Pace = (2, 6)) -> Report:
    """Of two installations one is stopped past its lease, while it holds money and speaks, and woken afterwards."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(fresh_database(cluster))
        host = await stack.enter_async_context(simulator())
        more: dict[str, Any] = {
            "DATABASE_URL": dsn,
            "PODIUM_LEASE_SECONDS": str(LEASE),
            "PODIUM_ADMIN_KEY": ADMIN_KEY,
        }
        pair = [await stack.enter_async_context(mortal(host=host, **more)) for _ in range(2)]
        world = World(dsn, pair, host, Price(input=150_000, output=600_000), Report("stopped"))
        await prepare(world)
        sleepers = itertools.cycle(pair)

        async def sleep() -> None:
            sleeper = next(sleepers)
            speaking = [sleeper.say(await sleeper.conversation(), LATE) for _ in range(4)]
            await wait_for(lambda: all(each.deltas or each.status != 200 for each in speaking))
            server = sleeper.server()
            os.kill(server, signal.SIGSTOP)
            try:
                async with book(dsn) as rows:
                    await wait_taken_over(rows)
            finally:
                os.kill(server, signal.SIGCONT)
            for each in speaking:
                await each.done()
                world.heard[str(each.turn)] = each.text
            world.report.faults["servers stopped"] += 1

        return await under_load(Load(world), seconds, sleep, every)


async def wait_taken_over(rows: Book) -> None:
    """Return when a server was judged dead and nothing of its turns is held any more."""
    [before] = await rows.rows("SELECT array_agg(id) AS ids FROM processes WHERE over")
    async with asyncio.timeout(20 * LEASE):
        while True:
            [seen] = await rows.rows(
                "SELECT count(*) AS judged, (SELECT count(*) FROM holds h JOIN processes o ON o.id = h.owner"
                " WHERE o.over) AS held FROM processes p WHERE p.over AND p.id <> ALL($1)",
                before["ids"] or [],
            )
            if seen["judged"] and not seen["held"]:
                return
            await asyncio.sleep(0.05)  # sleep: between two looks


# ── the ledger alone, as fast as it goes ─────────────────────────────────────────────────────────────────

WRITERS = 8


class Writers:
    """Eight processes' worth of holds and settlements, each of them many at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_over = False
        self.amounts: dict[str, int] = {}

    @asynccontextmanager
    async def running(self, at_once: int = 8) -> AsyncGenerator[None, None]:
        """While the context lasts."""
        servers = [await server(self._database, f"home{number}") for number in range(WRITERS)]
        writing = [
            asyncio.create_task(self._write(each, Payer(ids.nobody("ten"), f"usr_{number}", f"key_{number}")))
            for number, each in enumerate(servers)
            for _ in range(at_once)
        ]
        try:
            yield
        finally:
            self._is_over = True
            await asyncio.gather(*writing)
            for each in servers:
                await each.close()

    async def _write(self, at: Server, payer: Payer) -> None:
        draw = random.Random(payer.key)
        while not self._is_over:
            attempt, amount = ids.new("att"), draw.randint(1, 100)
            held = await at.hold(wanted(attempt, 100, payer=payer))
            assert isinstance(held, Held)
            if draw.random() < 0.05:
                await at.till.void(attempt)
                continue
            await at.settle(spent(attempt, amount, suspense=100 - amount if draw.random() < 0.1 else 0))
            self.amounts[attempt] = amount


async def ledger(cluster: Cluster, seconds: float, *, window: float = 10.0) -> Report:
    """Holds and settlements at full speed, a follower behind them, and `ledger verify` every other window."""
    report = Report("ledger")
    async with fresh_database(cluster) as dsn, homes(dsn) as [home], book(dsn) as rows:
        await rows.budget(ENOUGH, scope="tenant")
        for number in range(WRITERS):
            await rows.budget(ENOUGH, of=f"usr_{number}", period="day")
        database = Database(dsn)
        await database.open()
        writers, began = Writers(database), time.monotonic()
        world = World(dsn, [home], home.host, Price(0, 0), report)
        watch = Watch(world, verifies=False)
        rates: dict[bool, list[float]] = {False: [], True: []}
        async with watch.running(), writers.running():
            while not rates[True] or time.monotonic() - began < seconds:
                for is_verified in (False, True):
                    before, at = len(writers.amounts), time.monotonic()
                    if is_verified:
                        await verified(dsn, window, report)
                    else:
                        await asyncio.sleep(window)  # sleep: it works alone
                    rates[is_verified].append((len(writers.amounts) - before) / (time.monotonic() - at))
        await database.close()
        report.seconds = time.monotonic() - began
        await watch.check()
        entered = {
            row["id"]: row["amount"] for row in await rows.rows("SELECT id, amount FROM ledger_entries")
        }
        report.wrong += await balances_wrong(dsn)
        report.wrong += ["what is entered is not what was spent"] if entered != writers.amounts else []
    alone, beside = (statistics.median(rates[each]) for each in (False, True))
    report.figures["settled"] = f"{len(entered)}: {alone:.0f}/s alone, {beside:.0f}/s beside verify"
    report.figures["ratio"] = f"{beside / alone:.2f}"
    return report


async def verified(dsn: str, seconds: float, report: Report) -> None:
    """Verify again and again, without a pause."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        report.wrong += [f"a false alarm: {each}" for each in await balances_wrong(dsn)]
        report.faults["verifications"] += 1


# ── at length ────────────────────────────────────────────────────────────────────────────────────────────

KINDS: dict[str, Callable[[Cluster, float], Awaitable[Report]]] = {
    "postgres": postgres,
    "redis": redis,
    "leaving": leaving,
    "stopped": stopped,
    "ledger": ledger,
}


async def at_length(kinds: list[str], minutes: float) -> int:
    """Run them one after the other; how much was wrong."""
    wrong = 0
    for kind in kinds:
        async with running_cluster() as cluster:
            report = await KINDS[kind](cluster, 60 * minutes)
        print(report, flush=True)
        wrong += len(report.wrong)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="for each kind")
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind; may be said again")
    asked = parser.parse_args()
    return int(asyncio.run(at_length(asked.only or list(KINDS), asked.minutes)) > 0)


if __name__ == "__main__":
    sys.exit(main())
