"""A load of every kind of call on a few servers, and what is watched meanwhile.

Some clients leave in the middle, some hosts fail, some users are near their budgets' limits.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
import msgspec
from typing_extensions import override

from podium.catalogue.profile import Price
from podium.errors import PodiumError
from podium.kit import ids
from podium.ledger import verify
from podium.simulator import Simulator
from podium.store.database import Database
from tests.ledger.book import Book, book
from tests.ledger.policy import Reckoning, reckon
from tests.turn.mortal import Client

TENANT = "acme"
TIGHT = 4_000_000
"""Nano-dollars that a budget near its limit gets at a time: a few calls' holds, lowered to what is left."""
ENOUGH = 10**15

# Every commit of a balance passes here: what is over a limit for a moment is seen as well.
_WATCH = """
CREATE TABLE overs (budget_id text, amount bigint, spent bigint, held bigint, suspense bigint);
CREATE FUNCTION note_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.spent + NEW.held + NEW.suspense > OLD.spent + OLD.held + OLD.suspense THEN
        INSERT INTO overs VALUES (NEW.budget_id, NEW.amount, NEW.spent, NEW.held, NEW.suspense);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER over AFTER INSERT OR UPDATE ON budget_periods FOR EACH ROW
    WHEN (NEW.spent + NEW.held + NEW.suspense > NEW.amount) EXECUTE FUNCTION note_over();
"""
_UNDER_WAY = """
SELECT (SELECT count(*) FROM holds) AS holds,
       (SELECT count(*) FROM turns WHERE status IN ('running', 'queued')) AS turns
"""


@dataclass
class Heard:
    """What a client got. Without a status the connection broke before there was one."""

    status: int | None = None
    turn: str | None = None
    text: str = ""
    pieces: int = 0
    told: Any = None

    @property
    def outcome(self) -> str:
        """The status, and why it was refused if it was."""
        if self.status is None:
            return "broken"
        return (
            f"{self.status} {self.told['error']['code']}"
            if self.status != 200 and self.told
            else str(self.status)
        )


@dataclass
class Report:
    """What came of a run; `wrong` is everything that should not have been."""

    kind: str
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    figures: dict[str, Any] = field(default_factory=dict)
    reckoning: Reckoning = field(default_factory=Reckoning)
    wrong: list[str] = field(default_factory=list)

    @override
    def __str__(self) -> str:
        found = self.reckoning
        lines = [
            f"{self.kind}: {self.seconds:.0f} s, {sum(self.statuses.values())} calls ({_told(self.statuses)})",
            f"  faults: {_told(self.faults)}",
            f"  attempts: {found.served} served, {found.entered} entered ({_told(found.sources)})",
            f"  corrected: {found.corrected}; spent: {found.amount / 1e9:.6f} dollars",
            *(f"  {name}: {value}" for name, value in self.figures.items()),
            f"  wrong: {len(self.wrong)}",
            *(f"    {each}" for each in self.wrong[:20]),
        ]
        return "\n".join(lines)


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def words(event: Any) -> str:
    """The text in an event of any of the doors."""
    if event.get("type") in ("text.delta", "delta"):
        return str(event["text"])
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))


async def hear(
    http: aiohttp.ClientSession,
    url: str,
    body: object,
    *,
    key: str,
    leaves: Callable[[Heard], bool] = lambda _: False,
    **headers: str,
) -> Heard:
    """One call, heard to its end, or left as soon as `leaves` says so of what was heard."""
    heard = Heard()
    sent = {"authorization": f"Bearer {key}", **headers}
    with suppress(aiohttp.ClientError, OSError):
        async with http.post(url, json=body, headers=sent) as answer:
            heard.status, heard.turn = answer.status, answer.headers.get("x-podium-turn")
            if "event-stream" not in answer.headers["content-type"]:
                heard.told = msgspec.json.decode(await answer.read())
                return heard
            rest = b""
            async for data in answer.content.iter_any():
                *frames, rest = (rest + data).split(b"\n\n")
                for frame in frames:
                    said = frame.partition(b"data: ")[2]
                    text = words(msgspec.json.decode(said)) if said.startswith(b"{") else ""
                    heard.text += text
                    heard.pieces += bool(text)
                    if leaves(heard):
                        return heard
    return heard


@dataclass
class World:
    """Servers on one database, the users who call them, and a report that is being written."""

    dsn: str
    homes: Sequence[Client]
    host: Simulator
    price: Price
    report: Report
    keys: list[str] = field(default_factory=list)
    heard: dict[str, str] = field(default_factory=dict)
    tight: list[str] = field(default_factory=list)

    async def end(self) -> Report:
        """Wait until nothing is under way, and hold the ledger against all that happened."""
        report = self.report
        async with book(self.dsn) as rows:
            left = await wait_idle(rows, self.host)
            if left:
                report.wrong.append(f"left over: {left}")
            report.wrong += [f"over its limit: {row}" for row in await rows.rows("SELECT * FROM overs")]
            calls = self.host.oracle.calls
            report.reckoning = await reckon(rows, calls, self.price, self.heard)
            report.wrong += report.reckoning.differences
        report.wrong += await balances_wrong(self.dsn)
        return report


async def wait_idle(rows: Book, host: Simulator, *, within: float = 30.0) -> dict[str, Any]:
    """What is still held and runs once nothing has changed for so long; empty if nothing is left."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while True:
                [left] = await rows.rows(_UNDER_WAY)
                if not any(left.values()) and not host.oracle.running:
                    return {}
                await asyncio.sleep(0.02)
    holds = await rows.rows("SELECT attempt_id, owner, at, turn_id, amount FROM holds LIMIT 5")
    return {**left, "calls": len(host.oracle.running), "such as": holds}


async def balances_wrong(dsn: str) -> list[str]:
    """The balances that do not come to what their rows do."""
    database = Database(dsn, readers=1)
    await database.open()
    try:
        async with aclosing(verify.balances(database)) as found:
            return [f"wrong balance: {each}" async for each in found if each.said != each.found]
    finally:
        await database.close()


async def prepare(world: World, *, tier: str = "unlimited", users: int = 8) -> None:
    """Give it users with keys and budgets, every fourth of them near its limit; and set the watch."""
    connection = await asyncpg.connect(world.dsn)
    await connection.execute(_WATCH)
    await connection.close()
    here = world.homes[0]
    for number in range(users):
        wanted = {"tenant": TENANT, "user": f"u{number}", "scope": "member", "tier": tier}
        world.keys.append((await here.good("POST", "/v1/keys", wanted))["key"])
        limit = TIGHT if number % 4 == 3 else ENOUGH
        made = await here.good("POST", "/v1/budgets", _budget("user", f"u{number}", limit, "day"))
        if limit == TIGHT:
            world.tight.append(made["id"])
    await here.good("POST", "/v1/budgets", _budget("tenant", TENANT, ENOUGH, "month"))


def _budget(kind: str, name: str, limit: int, period: str) -> dict[str, Any]:
    scope = {"type": kind, "id": name}
    return {"tenant": TENANT, "scope": scope, "limit": f"{limit / 10**9:.9f}", "period": period}


def chat(text: str, **members: Any) -> dict[str, Any]:
    """A stateless call."""
    return {"messages": [{"role": "user", "content": text}], **members}


class Load:
    """So many callers, each one call after the other, until it is stopped."""

    def __init__(self, world: World, *, seed: int = 1, rate: int = 150) -> None:
        """`rate`: tokens that the host says in a second."""
        self.world = world
        self._random = random.Random(seed)
        self._rate = rate
        self._is_over = False
        self.accepted: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self, callers: int = 16) -> AsyncGenerator[None, None]:
        """While the context lasts."""
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            calling = [asyncio.create_task(self._call(http, number)) for number in range(callers)]
            topping = asyncio.create_task(self._top_up())
            try:
                yield
            finally:
                self._is_over = True
                await asyncio.gather(topping, *calling)

    async def _call(self, http: aiohttp.ClientSession, number: int) -> None:
        world, key = self.world, self.world.keys[number % len(self.world.keys)]
        calls, conversation = 0, ""
        while not self._is_over:
            if calls % 20 == 0:
                conversation = await self._conversation(key)
            calls += 1
            path, body, leaves = self._draw(conversation)
            url = self._random.choice(world.homes)._url()
            heard = await hear(http, url + path, body, key=key, leaves=leaves)
            self._note(heard, key)
            if heard.status != 200:
                await asyncio.sleep(0.05)  # sleep: who was refused does not come again at once

    async def _conversation(self, key: str) -> str:
        headers = {"authorization": f"Bearer {key}"}
        made = await self.world.homes[0].good("POST", "/v1/conversations", {}, headers=headers)
        return str(made["id"])

    def _draw(self, conversation: str) -> tuple[str, dict[str, Any], Callable[[Heard], bool]]:
        """What to ask next, and when to leave."""
        draw = self._random
        text = f"[[tokens={draw.randint(1, 60)} rate={self._rate}]]"
        text += draw.choice(_TURNS_OF_FATE) if draw.random() < 0.1 else ""
        text = text.replace("KEY", ids.new("k"))
        most = draw.randint(1, 20) if draw.random() < 0.2 else 1_000
        stays = draw.choice(("continue", "cancel"))

        def leaves(heard: Heard) -> bool:
            return heard.pieces >= most

        match draw.randrange(4):
            case 0:
                return "/v1/chat/completions", chat(text), leaves
            case 1:
                return "/v1/chat/completions", chat(text, stream=True), leaves
            case 2:
                body = {"message": text, "session_id": conversation, "stream": True}
                return "/chat", body, leaves
            case _:
                body = {"input": text, "stream": True, "on_disconnect": stays}
                return f"/v1/conversations/{conversation}/turns", body, leaves

    def _note(self, heard: Heard, key: str) -> None:
        world = self.world
        self.accepted[key] += heard.status == 200
        world.report.statuses[heard.outcome] += 1
        if heard.status not in (None, 200, 400, 429, 502, 503):  # 400 and 502 are what the host says
            world.report.wrong.append(f"answered with {heard.told}")
        if heard.turn is not None and heard.text:
            world.heard[heard.turn] = heard.text

    async def _top_up(self) -> None:
        """Raise the limits of those who are near theirs: refusals and calls whose answers are cut go on to the end."""
        while not self._is_over:
            for budget in self.world.tight:
                path = f"/v1/budgets/{budget}"
                seen = await self.world.homes[0].good("GET", path)
                if float(seen["remaining"]) * 1e9 < TIGHT / 2:
                    limit = float(seen["limit"]) + TIGHT / 1e9
                    await self.world.homes[0].good("PATCH", path, {"limit": f"{limit:.9f}"})
            await asyncio.sleep(0.5)  # sleep: between two looks


_TURNS_OF_FATE = (
    "[[fault 500 times=1 key=KEY]]",
    "[[fault 400]]",
    "[[fault reset after=5]]",
    "[[fault end after=headers times=1 key=KEY]]",
    "[[finish=none]]",
    "[[usage=absent]]",
    "[[cached=9]]",
)


class Watch:
    """Beside a load: who follows the ledger by its cursor, and who verifies its balances again and again."""

    def __init__(self, world: World, *, verifies: bool = True) -> None:
        self.world = world
        self._verifies = verifies
        self._seen: list[str] = []
        self._rounds = 0
        self._is_over = False

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """While the context lasts."""
        tasks = [asyncio.create_task(self._follow())]
        if self._verifies:
            tasks.append(asyncio.create_task(self._verify()))
        try:
            yield
        finally:
            self._is_over = True
            await asyncio.gather(*tasks)

    async def check(self) -> None:
        """Read what is left; then everything was delivered once."""
        await self._read_on()
        async with book(self.world.dsn) as rows:
            there = {row["id"] for row in await rows.rows("SELECT id FROM ledger_entries")}
        report = self.world.report
        report.figures["followed"] = f"{len(self._seen)} of {len(there)} entries, each once"
        report.figures["verified"] = f"{self._rounds} times meanwhile"
        if len(self._seen) != len(set(self._seen)) or set(self._seen) != there:
            missing, again = there - set(self._seen), len(self._seen) - len(set(self._seen))
            report.wrong.append(f"a cursor left out {len(missing)} and gave {again} twice")

    async def _follow(self) -> None:
        while not self._is_over:
            await self._read_on()
            await asyncio.sleep(0.1)  # sleep: between two looks

    async def _read_on(self) -> None:
        page = None
        while page is None or page:
            after = f"&after={self._seen[-1]}" if self._seen else ""
            page = (await self.world.homes[-1].good("GET", f"/v1/ledger?limit=200{after}"))["data"]
            self._seen.extend(each["id"] for each in page)

    async def _verify(self) -> None:
        while not self._is_over:
            with suppress(PodiumError):  # the database may be away
                self.world.report.wrong += [
                    f"a false alarm: {each}" for each in await balances_wrong(self.world.dsn)
                ]
                self._rounds += 1
            await asyncio.sleep(0.5)  # sleep: between two looks


async def wait_for_seconds(
    seconds: float, *, what: Callable[[], Awaitable[None]], every: tuple[float, float]
) -> None:
    """Do it again and again, at random moments, for so long."""
    loop, draw = asyncio.get_running_loop(), random.Random(2)
    until = loop.time() + seconds
    while loop.time() < until:
        await asyncio.sleep(min(draw.uniform(*every), max(until - loop.time(), 0.05)))
        if loop.time() < until:
            await what()
