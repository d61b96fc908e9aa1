"""Every attempt is held for, and entered once it has ended: through the front door, against the simulator's oracle."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from podium.catalogue.profile import Price
from podium.kit import money
from podium.ledger import streamed
from podium.store.database import Lane
from podium.tokens.count import Count, count_text
from tests.ledger.book import NANO, Book, book
from tests.ledger.policy import reckon
from tests.simulator.serving import wait_until_idle
from tests.turn.home import Home, homes
from tests.turn.mortal import wait_for

PRICE = Price(input=150_000, output=600_000, cached_input=75_000)


@pytest.fixture
async def home(dsn: str) -> AsyncGenerator[Home, None]:
    async with homes(dsn) as [one]:
        yield one


@pytest.fixture
async def rows(dsn: str) -> AsyncGenerator[Book, None]:
    async with book(dsn) as open_book:
        yield open_book


async def chat(home: Home, text: str, **members: Any) -> tuple[int, Any]:
    return await home.ask(
        "POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": text}], **members}
    )


async def test_what_is_served_is_entered_whole_and_by_the_hosts_own_count(home: Home, rows: Book) -> None:
    budget = await rows.budget(10**9)
    conversation = await home.conversation()
    heard = home.say(conversation, "[[tokens=30]]")
    await heard.done()
    status, _ = await chat(home, "[[tokens=20]]")
    assert status == 200
    await wait_until_idle(home.host)
    entries = await rows.entries()
    assert [(row["usage_source"], row["succeeded"]) for row in entries] == [("provider", True)] * 2
    assert {row["conversation_id"] for row in entries} == {conversation, None}
    assert await rows.rows("SELECT * FROM holds") == []
    period = await rows.period(budget)
    assert (period["spent"], period["held"]) == (sum(row["amount"] for row in entries), 0)
    assert heard.end["cost_info"]["total_cost"] != "0"
    await rows.check()
    assert not (await reckon(rows, home.host.oracle.calls, PRICE)).differences


@pytest.mark.promise("limit")
async def test_a_call_that_no_budget_covers_is_refused_before_anything_is_sent(
    home: Home, rows: Book
) -> None:
    await rows.budget(10, period="day")
    status, told = await chat(home, "hello", max_tokens=500)
    assert (status, told["error"]["type"], told["error"]["code"]) == (
        429,
        "insufficient_quota",
        "insufficient_quota",
    )
    assert told["error"]["message"].startswith("Budget limit exceeded: Daily budget limit exceeded.")
    assert home.host.oracle.calls == ()
    assert await rows.entries() == []
    await rows.check()


@pytest.mark.parametrize(
    "members", [{"max_tokens": 10**18}, {"max_tokens": -5}, {"n": 10**12}, {"max_tokens": 10**30}]
)
async def test_nonsense_for_a_cap_is_never_more_than_a_budget(
    home: Home, rows: Book, members: dict[str, int]
) -> None:
    await rows.budget(1_000_000)
    status, _ = await chat(home, "[[tokens=5]]", **members)
    assert status in {200, 400, 422, 429}
    assert sum(row["amount"] for row in await rows.entries()) <= 1_000_000
    await rows.check()


async def test_near_the_limit_the_answer_is_made_shorter(home: Home, rows: Book) -> None:
    budget = await rows.budget(400_000)
    status, told = await chat(home, "[[tokens=2000]]", max_tokens=2000)
    assert status == 200
    assert told["choices"][0]["finish_reason"] == "length"
    assert 256 <= told["usage"]["completion_tokens"] < 700
    period = await rows.period(budget)
    assert period["spent"] <= 400_000
    await rows.check()


async def test_a_stream_that_is_left_is_charged_for_what_came(home: Home, rows: Book) -> None:
    budget = await rows.budget(10**9)
    conversation = await home.conversation()
    heard = home.say(conversation, "[[tokens=400 rate=100]]")
    await wait_for(lambda: heard.deltas > 5)
    await home.good("POST", f"/v1/turns/{heard.turn}/cancel")
    await heard.done()
    [entry] = await rows.entries()
    assert (entry["usage_source"], entry["succeeded"]) == ("estimate", False)
    assert entry["output"] > 0
    assert heard.end["status"] == "cancelled"
    assert heard.end["cost_info"]["tracking_status"] == "estimated"
    period = await rows.period(budget)
    assert (period["spent"], period["held"]) == (entry["amount"], 0)
    assert period["suspense"] == entry["held"] - entry["amount"]
    await rows.check()


async def test_retries_and_fallbacks_are_entered_each(home: Home, rows: Book) -> None:
    await rows.budget(10**9)
    status, _ = await chat(home, "[[fault 500 times=1]] [[tokens=5]]")
    assert status == 200
    entries = await rows.entries()
    assert sorted((row["succeeded"], row["amount"] > 0) for row in entries) == [(False, False), (True, True)]
    await rows.check()


@pytest.mark.promise("limit")
async def test_one_budget_is_never_passed_by_three_hundred_callers_at_two_servers(dsn: str) -> None:
    price = Price(input=0, output=10_000_000_000)  # a call of one token costs a cent, and so does its hold
    async with homes(dsn, 2, price=price) as both, book(dsn) as rows:
        budget = await rows.budget(NANO)
        answers = await asyncio.gather(
            *(chat(both[number % 2], "[[tokens=1]]", max_tokens=1) for number in range(300))
        )
        statuses = [status for status, _ in answers]
        assert (statuses.count(200), statuses.count(429)) == (100, 200)
        period = await rows.period(budget)
        assert (period["spent"], period["held"], period["suspense"]) == (NANO, 0, 0)
        await rows.check()


@pytest.mark.promise("limit")
async def test_with_holds_larger_than_costs_a_limit_is_never_passed_and_is_reached(dsn: str) -> None:
    price = Price(input=0, output=10_000_000_000)
    async with homes(dsn, 2, price=price) as both, book(dsn) as rows:
        budget = await rows.budget(NANO)
        await asyncio.gather(*(chat(both[number % 2], "[[tokens=1]]", max_tokens=7) for number in range(60)))
        assert (await rows.period(budget))["spent"] <= NANO
        while (await chat(both[0], "[[tokens=1]]", max_tokens=1))[0] == 200:
            pass
        assert (await rows.period(budget))["spent"] == NANO
        await rows.check()


@pytest.mark.parametrize("slow", ["settlement", "count"])
async def test_who_cancels_when_an_answer_is_whole_is_told_what_it_cost(
    home: Home, rows: Book, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """While it is settled; or while it is counted, as the host has not done so."""
    busy, released = asyncio.Event(), asyncio.Event()
    fetch = Lane.fetch

    async def held_up(self: Lane, sql: str, *arguments: object, **more: Any) -> Any:
        if slow == "settlement" and "ledger_settle" in sql:
            busy.set()
            await released.wait()
        return await fetch(self, sql, *arguments, **more)

    async def counted(text: str, model: str) -> Count:
        busy.set()
        await released.wait()
        return await count_text(text, model)

    monkeypatch.setattr(Lane, "fetch", held_up)
    if slow == "count":
        monkeypatch.setattr(streamed, "count_text", counted)
    heard = home.say(await home.conversation(), "[[say all of it]] [[usage=absent]]")
    await busy.wait()
    cancelling = asyncio.create_task(home.ask("POST", f"/v1/turns/{heard.turn}/cancel"))
    turn = next(iter(home.app.turns._live.values()))
    await wait_for(lambda: turn.why is not None)
    released.set()
    await heard.done()
    await cancelling
    [entry] = await rows.entries()
    assert await rows.rows("SELECT * FROM holds") == []
    assert entry["amount"] > 0
    assert heard.end["cost_info"]["total_cost"] == money.dollars(entry["amount"])
    await rows.check()
