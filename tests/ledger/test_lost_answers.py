"""Answers of the database that never arrive: what was held by them is given back, and what was not yet is neither."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from podium.store.database import Lane
from podium.store.failure import ConnectionLost
from tests.ledger.book import Book, book
from tests.turn.home import Home, homes
from tests.turn.mortal import wait_for

pytestmark = pytest.mark.promise("booked", "postgres")


@pytest.fixture
async def home(dsn: str) -> AsyncGenerator[Home, None]:
    async with homes(dsn) as [one]:
        yield one


@pytest.fixture
async def rows(dsn: str) -> AsyncGenerator[Book, None]:
    async with book(dsn) as open_book:
        yield open_book


async def wait_given_back(rows: Book, budget: str) -> None:
    async with asyncio.timeout(20):
        while (await rows.period(budget))["held"] or await rows.rows("SELECT * FROM holds"):  # noqa: ASYNC110  # rows
            await asyncio.sleep(0.01)


async def test_what_is_held_by_a_lost_answer_is_given_back(
    home: Home, rows: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = await rows.budget(10**9)
    fetch, lost = Lane.fetch, list[str]()

    async def losing(self: Lane, sql: str, *args: Any, **more: Any) -> Any:
        if "ledger_void" in sql and lost.count("void") < 3:
            lost.append("void")
            raise ConnectionLost("cut by the test")
        told = await fetch(self, sql, *args, **more)
        if "ledger_hold" in sql:
            lost.append("hold")
            raise ConnectionLost("cut by the test")
        return told

    home.app.till._holds._patience = 0.2
    monkeypatch.setattr(Lane, "fetch", losing)
    status, told = await home.ask(
        "POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "hello"}]}
    )
    assert (status, told["error"]["code"]) == (503, "storage_unavailable")
    await wait_given_back(rows, budget)
    monkeypatch.undo()
    assert lost.count("void") == 3
    assert await rows.entries() == []
    assert home.host.oracle.calls == ()
    await rows.check()


async def test_who_leaves_while_its_input_is_counted_leaves_nothing_held(
    home: Home, rows: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = await rows.budget(1_000_000)  # near its limit: the input is counted once there is a hold
    counting = asyncio.Event()

    async def endless(*_: Any) -> None:
        counting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("podium.ledger.bill.count_request", endless)
    heard = home.say(await home.conversation(), "hello")
    await counting.wait()
    assert (await rows.period(budget))["held"] == 1_000_000
    await wait_for(lambda: heard.turn)
    await home.good("POST", f"/v1/turns/{heard.turn}/cancel")
    await heard.done()
    assert heard.end["status"] == "cancelled"
    await wait_given_back(rows, budget)
    assert await rows.entries() == []
