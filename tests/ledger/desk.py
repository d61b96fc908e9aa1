"""One database and one till for a whole file of tests; each test pays as somebody else, so none sees another's money.

Attempts are played by a script, on a clock that moves only between the pieces of an answer.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from typing_extensions import override

from podium.catalogue.profile import Price, Profile
from podium.identity.payer import Payer
from podium.kit import ids
from podium.ledger import booked, budgets
from podium.ledger.booked import Booked
from podium.ledger.budget import NewBudget, ScopeType
from podium.providers.provider import Call
from podium.providers.scripted import Answer, Scripted
from podium.store.database import Database
from podium.vocabulary.event import AttemptFailed, AttemptStarted, Spoken
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request, Sampling
from tests.ledger.book import Book, book
from tests.ledger.tills import Server, server

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PACE = 0.75
"""Seconds that pass before each piece of an answer."""

PRICE = Price(input=1_000_000, output=3_000_000)
"""A thousand nano-dollars for a token that goes in, three thousand for one that comes out."""


@dataclass
class Desk:
    database: Database
    server: Server
    rows: Book

    async def budget(
        self, payer: Payer, amount: int, scope: ScopeType = "user", scope_id: str | None = None, **more: Any
    ) -> str:
        new = NewBudget(
            payer.tenant, scope, scope_id or payer.user, None, amount, more.pop("period", "total"), **more
        )
        status = await budgets.put(self.database, new)
        assert status is not None
        return status.budget.id

    async def sums(self, budget: str) -> tuple[int, int, int]:
        """What the budget's one period says was spent, is held, and waits."""
        row = await self.rows.period(budget)
        return row["spent"], row["held"], row["suspense"]

    async def of(self, table: str, payer: Payer) -> list[dict[str, Any]]:
        """A payer's holds or entries."""
        return await self.rows.rows(f"SELECT * FROM {table} WHERE tenant = $1 ORDER BY at", payer.tenant)

    async def entry(self, payer: Payer) -> dict[str, Any]:
        """The one entry that a payer has, of whom nothing is held any more."""
        assert await self.of("holds", payer) == []
        [row] = await self.of("ledger_entries", payer)
        return row

    async def suspense(self, attempt: str) -> int:
        """What may still turn out to be owed for an attempt."""
        rows = await self.rows.rows("SELECT amount FROM suspenses WHERE entry_id = $1", attempt)
        return sum(row["amount"] for row in rows)


@asynccontextmanager
async def desk(dsn: str) -> AsyncGenerator[Desk, None]:
    database = Database(dsn, readers=2)
    await database.open()
    one = await server(database, "one")
    async with book(dsn) as rows:
        yield Desk(database, one, rows)
        await rows.check()
    await one.close()
    await database.close()


def payer(**more: Any) -> Payer:
    """Somebody who has paid for nothing yet."""
    return Payer(ids.new("ten"), ids.new("usr"), ids.new("key"), **more)


def asked(text: str = "Tell me a story.", **sampling: Any) -> Request:
    return Request("lab/small", (Line("user", (Text(text),)),), sampling=Sampling(**sampling))


@dataclass
class Clock:
    """Instead of the clock, where attempts are timed."""

    at: float = 100.0

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return NOON

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


class Host(Scripted):
    """One that keeps what it was told beside the request."""

    calls: tuple[Call, ...] = ()

    @override
    def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        self.calls = (*self.calls, call)
        return super().stream(request, call)


@dataclass
class Play:
    """An attempt, and all that came of it."""

    answer: Answer
    payer: Payer | None
    desk: Desk
    profile: Profile = field(default_factory=lambda: Profile("lab", "small", price=PRICE, output_limit=1000))
    request: Request = field(default_factory=asked)
    turn: str | None = "turn_1"
    is_told: bool = True
    count: booked.Count | None = None
    clock: Clock = field(default_factory=Clock)
    events: list[Spoken] = field(default_factory=list)
    buried: list[AttemptFailed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host = Host(self.answer, pace=PACE, sleep=self.clock.sleep)

    def open(
        self, monkeypatch: pytest.MonkeyPatch, *, is_charged: bool = True
    ) -> AsyncGenerator[Spoken, None]:
        """The stream of it, to be read by the test."""
        monkeypatch.setattr(booked, "clock", self.clock)
        call = Call(
            self.turn,
            "answer",
            deadline=0,
            trace="t",
            payer=self.payer,
            buried=self.buried.append,
            attempt="none",
        )
        till = self.desk.server.till if is_charged else None
        return Booked(self.host, self.profile, till, self.count).stream(self.request, call)

    async def run(self, monkeypatch: pytest.MonkeyPatch, **more: bool) -> "Play":
        """Read it to its end."""
        async for event in self.open(monkeypatch, **more):  # aclosing: it is read to its end
            self.events.append(event)
        return self

    @property
    def attempt(self) -> str:
        assert isinstance(self.events[0], AttemptStarted)
        return self.events[0].attempt
