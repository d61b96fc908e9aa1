"""Those who would spend more than they may: bursts, aborts, nonsense for caps, forged members, other clocks.

One server and one database for all of it; each case has a user of its own. A token of output costs a cent, one of input
nothing.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Resilience
from podium.catalogue.profile import Price, Profile
from podium.kit import clock, ids
from podium.simulator import Simulator
from tests.doors.podium import Podium, podium
from tests.doors.sessions import Caller, caller
from tests.ledger.book import Book, book
from tests.serving import Cluster, fresh_database
from tests.simulator.serving import wait_for, wait_until_idle

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.promise("limit")]

CENT = 10_000_000  # nano-dollars
DEFAULT = 5  # cents, for users who have no budget of their own
ONCE = Resilience(attempts=1, breaker_failures=0)


def hosts(host: Simulator) -> Catalogue:
    """The simulator behind each wire; `small` costs a cent for each token of output, `dear` ten; aliases of both."""
    bases = {"openai_chat": host.url, "anthropic": host.root, "gemini": host.root}
    endpoints = {
        wire: Endpoint(name=wire, wire=wire, base_url=base, resilience=ONCE) for wire, base in bases.items()
    }
    dead = Endpoint(name="dead", wire="openai_chat", base_url=str(host.refusing_url), resilience=ONCE)
    profiles = [
        Profile(endpoint=wire, model=model, context_window=128_000, price=Price(input=0, output=price))
        for wire in bases
        for model, price in (("small", 10_000_000_000), ("dear", 100_000_000_000))
    ]
    return Catalogue(
        endpoints={**endpoints, "dead": dead},
        profiles={each.name: each for each in profiles},
        routes={"cheap": ("dead/small", "openai_chat/dear")},
        default_model="openai_chat/small",
        allow_unpriced=False,
    )


@dataclass(frozen=True)
class Town:
    server: Podium
    rows: Book


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(cluster: Cluster) -> AsyncGenerator[Town, None]:
    async with (
        fresh_database(cluster) as dsn,
        podium(dsn, catalogue=hosts, default_user_budget=f"0.0{DEFAULT}") as server,
        book(dsn) as rows,
    ):
        yield Town(server, rows)


@pytest_asyncio.fixture(loop_scope="module")
async def checked(town: Town) -> AsyncGenerator[Town, None]:
    """The town; afterwards every balance is what its rows come to, and nothing is held."""
    yield town
    await wait_until_idle(town.server.host)
    await wait_settled(town.rows)
    await town.rows.check()


async def wait_settled(rows: Book) -> None:
    async with asyncio.timeout(30):
        while await rows.rows("SELECT FROM holds"):  # noqa: ASYNC110  # rows have no event
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Spender:
    """A user of this test's own, with one budget or the default one."""

    town: Town
    name: str
    caller: Caller

    async def chat(self, text: str, **members: Any) -> tuple[int, Any]:
        body = {"messages": [{"role": "user", "content": text}], **members}
        told = await self.caller.ask("POST", "/v1/chat/completions", body)
        return told.status, told.json

    async def sent(self, path: str, body: str) -> int:
        """The status of a body as it is written."""
        headers = {"authorization": f"Bearer {self.caller.key}", "content-type": "application/json"}
        async with self.town.server.http.post(
            self.town.server.url + path, data=body, headers=headers
        ) as answer:
            await answer.read()
            return answer.status

    async def entries(self) -> list[dict[str, Any]]:
        return await self.town.rows.rows(
            "SELECT e.* FROM ledger_entries e JOIN users u ON u.id = e.user_id WHERE u.name = $1 ORDER BY e.id",
            self.name,
        )

    async def stood(self) -> tuple[int, int, int]:
        """What was spent, is held and in suspense of the user's budget."""
        [row] = await self.town.rows.rows(
            "SELECT p.spent, p.held, p.suspense FROM budget_periods p JOIN budgets b ON b.id = p.budget_id"
            " JOIN users u ON u.id = b.scope_id WHERE u.name = $1",
            self.name,
        )
        return row["spent"], row["held"], row["suspense"]


async def spender(town: Town, cents: int | None = None, period: str = "total") -> Spender:
    """Somebody new, who may spend so many cents, or what the operator allows to everybody."""
    name = ids.new("user")
    made = Spender(town, name, await caller(town.server, name, tenant="default"))
    if cents is not None:
        limit = {"scope": {"type": "user", "id": name}, "limit": f"{cents / 100:.2f}", "period": period}
        await town.server.call("POST", "/v1/budgets", json=limit)
    return made


async def test_the_first_burst_of_a_user_whom_no_budget_knows_yet_stays_within_the_default(
    checked: Town,
) -> None:
    ann = await spender(checked)
    told = await asyncio.gather(*(ann.chat("[[tokens=1]]", max_tokens=1) for _ in range(20)))
    statuses = sorted(status for status, _ in told)
    assert statuses == [200] * DEFAULT + [429] * (20 - DEFAULT)
    assert await ann.stood() == (DEFAULT * CENT, 0, 0)


async def test_the_first_burst_in_a_session_whose_budget_waits_for_it_stays_within_it(checked: Town) -> None:
    ann = await spender(checked, 1000)
    session = ids.new("name")
    await checked.server.call("POST", f"/budgets/session/{session}", json={"budget_limit": 0.03})
    body = {"message": "[[tokens=1]]", "session_id": session, "max_tokens": 1}
    told = await asyncio.gather(*(ann.caller.ask("POST", "/chat", body) for _ in range(8)))
    assert sorted(each.status for each in told) == [200] * 3 + [429] * 5
    assert {each.json["detail"] for each in told if each.status == 429} == {
        "Budget limit exceeded: Session budget limit exceeded"
    }


PLACES = {
    "before the first word": "[[tokens=4 first=60]]",
    "in the middle": "[[tokens=4]] [[fault hang after=2]]",
    "after the last word, before the usage": "[[tokens=4]] [[fault hang after=99]]",
}


@pytest.mark.parametrize("place", PLACES)
async def test_nobody_gets_more_by_going_away_in_time(checked: Town, place: str) -> None:
    """Each try asks for four tokens and leaves; what the host truly served never costs more than the budget."""
    ann = await spender(checked, 10)
    host, cost = checked.server.host, 0
    for _ in range(8):
        before = len(host.oracle.calls)
        if not await left_early(ann, PLACES[place]):
            break
        served = await wait_until_idle(host, calls=before + 1)
        assert served is not None
        cost += served.output * CENT
        await wait_settled(checked.rows)
    spent, held, suspense = await ann.stood()
    assert held == 0
    assert cost <= spent + suspense <= 10 * CENT
    assert [entry["usage_source"] for entry in await ann.entries()] != []


async def left_early(ann: Spender, text: str) -> bool:
    """Ask, hear what comes for a moment, and hang up; False where it was refused."""
    host, before = ann.town.server.host, len(ann.town.server.host.oracle.calls)
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": 4, "stream": True}
    headers = {"authorization": f"Bearer {ann.caller.key}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        asked = asyncio.create_task(http.post(f"{ann.town.server.url}/v1/chat/completions", json=body))
        await wait_for(lambda: asked.done() or host.oracle.running or len(host.oracle.calls) > before)
        if "first=" in text:
            asked.cancel()
            return True
        async with await asked as answer:
            if answer.status == 429:
                return False
            await answer.content.readuntil(b"\n\n")
    return True


async def test_an_answer_that_nobody_reads_is_paid_for_when_it_was_given(checked: Town) -> None:
    ann = await spender(checked, 10_000)
    body = msgspec.json.encode(
        {"messages": [{"role": "user", "content": "[[tokens=3000]]"}], "stream": True, "max_tokens": 3000}
    )
    host, _, port = checked.server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ann.caller.key}\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    entries: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(30):
            while not entries:
                entries = await ann.entries()
                await asyncio.sleep(0.02)  # sleep: between two looks
    finally:
        writer.close()
    assert (entries[0]["usage_source"], entries[0]["amount"]) == ("provider", 3000 * CENT)
    del reader


def _chat(members: str) -> tuple[str, str]:
    said = '"messages": [{"role": "user", "content": "[[tokens=9]]"}]'
    return "/v1/chat/completions", f"{{{said}, {members}}}"


def _messages(members: str) -> tuple[str, str]:
    said = '"model": "anthropic/small", "messages": [{"role": "user", "content": "[[tokens=9]]"}]'
    return "/v1/messages", f"{{{said}, {members}}}"


def _generate(members: str) -> tuple[str, str]:
    said = '"contents": [{"role": "user", "parts": [{"text": "[[tokens=9]]"}]}]'
    return "/v1beta/models/gemini/small:generateContent", f"{{{said}, {members}}}"


def _simple(members: str) -> tuple[str, str]:
    return "/chat", f'{{"message": "[[tokens=9]]", {members}}}'


NUMBERS = (
    *("0", "-1", "-5", "1.5", "NaN", "Infinity", "-Infinity", "1e308", "1e999", "-0", "null", "true", '"4"'),
    *("[]", "{}", "9223372036854775808", "1" * 400),
)
NONSENSE = [
    *(_chat(f'"max_tokens": {each}') for each in NUMBERS),
    *(_chat(f'"max_completion_tokens": {each}') for each in NUMBERS),
    *(_chat(f'"n": {each}') for each in NUMBERS),
    *(_chat(f'"best_of": {each}') for each in ("7", "1e9", "-1", "NaN")),
    _chat('"max_completion_tokens": 1, "max_tokens": 1000'),
    _chat('"max_tokens": 1, "max_tokens": 1000'),
    _chat('"stream": false'),
    *(_messages(f'"max_tokens": {each}') for each in NUMBERS),
    _messages('"stream": false'),
    *(_generate(f'"generationConfig": {{"maxOutputTokens": {each}}}') for each in NUMBERS),
    *(_generate(f'"generationConfig": {{"candidateCount": {each}}}') for each in NUMBERS),
    _generate('"generationConfig": {"maxOutputTokens": 1}, "generation_config": {"max_output_tokens": 900}'),
    _generate('"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 900}'),
    _generate('"generationConfig": {"maxOutputTokens": 1, "maxOutputTokens": 900}'),
    *(_simple(f'"max_tokens": {each}') for each in NUMBERS),
    *(_simple(f'"thinking_budget": {each}') for each in NUMBERS),
]


async def test_no_number_in_place_of_a_cap_gets_more_than_the_budget(checked: Town) -> None:
    """Each of them is answered within the budget or refused as the caller's mistake: never a fault of the server's."""
    ann = await spender(checked, 5)
    statuses = await asyncio.gather(*(ann.sent(path, body) for path, body in NONSENSE))
    odd = [
        (status, case)
        for status, case in zip(statuses, NONSENSE, strict=True)
        if status not in {200, 400, 429}
    ]
    assert odd == []
    await wait_until_idle(checked.server.host)
    spent, held, suspense = await ann.stood()
    assert (held, suspense) == (0, 0)
    assert 0 < spent <= 5 * CENT


async def test_an_alias_costs_what_answers_and_not_what_it_is_called(checked: Town) -> None:
    ann = await spender(checked, 15)
    assert (await ann.chat("[[tokens=1]]", model="cheap", max_tokens=1))[0] == 200
    status, told = await ann.chat("[[tokens=1]]", model="cheap", max_tokens=1)
    assert (status, told["error"]["code"]) == (429, "insufficient_quota")
    [entry] = await ann.entries()
    assert (entry["model"], entry["amount"]) == ("openai_chat/dear", 10 * CENT)


FORGED: dict[str, Any] = {
    "user": "somebody",
    "metadata": {"user_id": "somebody", "budget": "bud_0", "api_base": "http://127.0.0.1:1"},
    "tenant": "umbrella",
    "key_id": ids.nobody("key"),
    "turn_id": ids.nobody("turn"),
    "attempt_id": ids.nobody("att"),
    "hold": {"amount": 0, "is_bound": False},
    "reservation": {"id": "x", "amount": "-100"},
    "price": {"input": "0", "output": "0"},
    "cost": "0",
    "usage": {"prompt_tokens": 0, "completion_tokens": 0},
    "payer": {"tenant": ids.nobody("ten"), "user": ids.nobody("usr")},
    "budget": {"limit": "1000000"},
}
HEADERS = {
    "x-podium-attempt": ids.nobody("att"),
    "x-podium-cost": "0",
    "x-podium-user": "somebody",
    "x-podium-budget-remaining": "1000",
    "x-forwarded-user": "somebody",
}


async def test_no_member_and_no_header_says_who_pays_or_how_much(checked: Town) -> None:
    ann = await spender(checked, 3)
    for number in range(3):
        body = {"messages": [{"role": "user", "content": "[[tokens=1]]"}], "max_tokens": 1, **FORGED}
        told = await ann.caller.ask("POST", "/v1/chat/completions", body, **HEADERS)
        assert told.status == 200, (number, told)
        assert told.headers["x-podium-cost"] == "0.01"
    entries = await ann.entries()
    assert [entry["amount"] for entry in entries] == [CENT] * 3
    assert {entry["id"] for entry in entries}.isdisjoint({ids.nobody("att")})
    assert (await ann.chat("[[tokens=1]]", max_tokens=1, **FORGED))[0] == 429
    for path, text in (
        _chat('"x_podium": {"payer": {}}'),
        _messages('"max_tokens": 1, "x_podium": {"hold": 0}'),
        _chat('"x_podium": {"conversation": null, "attempt": "att_0"}'),
    ):
        assert await ann.sent(path, text) == 400


STRANGE = ("absent", "null", "negative", "absurd", "float", "text")


async def test_whatever_a_host_says_that_it_used_is_entered_as_an_amount(checked: Town) -> None:
    ann = await spender(checked, 100_000_000_000)
    for usage in STRANGE:
        status, told = await ann.chat(f"[[tokens=3]] [[usage={usage}]]", max_tokens=3)
        assert status == 200, (usage, told)
    await wait_settled(checked.rows)
    amounts = [entry["amount"] for entry in await ann.entries()]
    assert len(amounts) == len(STRANGE)
    assert all(amount > 0 for amount in amounts), dict(zip(STRANGE, amounts, strict=True))


@pytest.mark.parametrize("days", [2, -2])
async def test_a_servers_clock_opens_no_other_day(
    checked: Town, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await spender(checked, 2, period="day")
    monkeypatch.setattr(clock, "now", lambda now=clock.now: now() + timedelta(days=days))
    told = [(await ann.chat("[[tokens=1]]", max_tokens=1))[0] for _ in range(3)]
    assert told == [200, 200, 429]
    assert await ann.stood() == (2 * CENT, 0, 0)


async def test_a_key_that_is_revoked_in_mid_answer_pays_for_it_and_for_nothing_more(checked: Town) -> None:
    """What was accepted is carried out; nobody listens to it, continues it or asks for more with that key."""
    ann = await spender(checked, 1000)
    made = await ann.caller.good("POST", "/v1/conversations", {})
    path = f"/v1/conversations/{made['id']}/turns"
    heard = asyncio.create_task(ann.caller.ask("POST", path, {"input": "[[tokens=40 rate=80]]"}))
    await wait_for(lambda: checked.server.host.oracle.running)
    keys = (await checked.server.call("GET", "/v1/keys?limit=100"))["data"]
    [key] = [each["id"] for each in keys if each["user"] == ann.name]
    await checked.server.call("DELETE", f"/v1/keys/{key}")
    turn = (await heard).json
    assert (turn["status"], turn["cost_info"]["total_cost"]) == ("completed", "0.4")
    for method, way, body in (
        ("GET", f"/v1/turns/{turn['id']}/events", None),
        ("GET", f"/v1/turns/{turn['id']}", None),
        ("POST", f"/v1/turns/{turn['id']}/continue", {}),
        ("POST", path, {"input": "more"}),
    ):
        assert (await ann.caller.ask(method, way, body)).status == 401
    assert await ann.stood() == (40 * CENT, 0, 0)
