"""What a budget refuses, cuts and lets grow, as the clients of each dialect see it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from anthropic import RateLimitError as AnthropicRateLimit
from openai import AsyncOpenAI
from openai import RateLimitError as OpenAIRateLimit

from podium.api.identifier import uuid_of
from podium.catalogue.catalogue import Catalogue
from podium.kit import ids
from podium.simulator import Simulator
from tests.doors.podium import Podium, catalogue_of, podium
from tests.doors.sessions import Caller, caller
from tests.ledger.book import Book, book
from tests.serving import Cluster, fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANN = "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5e"
REFUSED = "Budget limit exceeded: Daily budget limit exceeded"
LONG = "[[tokens=3000 chunk=20]]"
DOORS = ("openai", "anthropic", "gemini", "native", "session", "simple")


def deaf(host: Simulator) -> Catalogue:
    """A host that hears of no cap on its answers: it does not know the member in which it is told."""
    known = catalogue_of(host)
    lab = replace(known.endpoints["lab"], max_tokens_member="unheard_of")
    return replace(known, endpoints={**known.endpoints, "lab": lab})


@dataclass(frozen=True)
class Heard:
    """An answer of any dialect."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class House:
    """A server, a member of it with a budget for the day, a conversation and a session of theirs."""

    server: Podium
    rows: Book
    tenant: str
    ann: Caller
    conversation: str
    session: str
    budget: str

    async def say(self, door: str, text: str, *, stream: bool, cap: int = 2_000) -> Heard:
        """The same, through this door."""
        said = [{"role": "user", "content": text}]
        contents = {
            "contents": [{"role": "user", "parts": [{"text": text}]}],
            "generationConfig": {"maxOutputTokens": cap},
        }
        action = "streamGenerateContent?alt=sse" if stream else "generateContent"
        asked: dict[str, tuple[str, dict[str, Any]]] = {
            # In the host's own dialect a cap of the client's goes on as it came, and would be heard.
            "openai": ("/v1/chat/completions", {"messages": said, "stream": stream}),
            "anthropic": (
                "/v1/messages",
                {"model": "lab/small", "messages": said, "max_tokens": cap, "stream": stream},
            ),
            "gemini": (f"/v1beta/models/lab/small:{action}", contents),
            "native": (
                f"/v1/conversations/{self.conversation}/turns",
                {"input": text, "max_output_tokens": cap, "stream": stream},
            ),
            "session": (f"/llm/chat/{self.session}/message/", {"user_message": text}),
            "simple": ("/chat", {"message": text, "session_id": "mine", "max_tokens": cap, "stream": stream}),
        }
        path, body = asked[door]
        headers = {"authorization": f"Bearer {self.ann.key}"}
        if stream and door == "session":
            headers["accept"] = "text/event-stream"
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.server.url + path, json=body, headers=headers) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Heard(answer.status, told, await answer.text())

    async def limit(self, scope: str, name: str, dollars: str, period: str) -> str:
        """A new budget's id."""
        body = {
            "tenant": self.tenant,
            "scope": {"type": scope, "id": name},
            "limit": dollars,
            "period": period,
        }
        return str((await self.server.call("POST", "/v1/budgets", json=body))["id"])

    async def entries(self) -> list[dict[str, Any]]:
        """What was entered for this tenant."""
        return await self.rows.rows(
            "SELECT e.* FROM ledger_entries e JOIN tenants t ON t.id = e.tenant WHERE t.name = $1",
            self.tenant,
        )

    async def leave(self, dollars: str) -> None:
        """Let so much of the budget be left."""
        found = await self.server.call("GET", f"/v1/budgets/{self.budget}")
        gone = Decimal(found["limit"]) - Decimal(found["remaining"])
        limit = str(gone + Decimal(dollars))
        await self.server.call("PATCH", f"/v1/budgets/{self.budget}", json={"limit": limit})

    async def left(self) -> dict[str, Decimal]:
        found = await self.server.call("GET", f"/v1/budgets/{self.budget}")
        return {name: Decimal(found[name]) for name in ("limit", "spent", "held", "suspense")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(cluster: Cluster) -> AsyncGenerator[tuple[Podium, Book], None]:
    """One server for the whole file; each test has a tenant of its own."""
    async with (
        fresh_database(cluster) as dsn,
        podium(dsn, catalogue=deaf) as server,
        book(dsn) as rows,
    ):
        yield server, rows
        await rows.check()


@pytest_asyncio.fixture(loop_scope="module")
async def house(shared: tuple[Podium, Book]) -> House:
    server, rows = shared
    tenant = ids.new("test")
    ann = await caller(server, ANN, tenant=tenant)
    [one, other] = [(await ann.good("POST", "/v1/conversations", {}))["id"] for _ in range(2)]
    made = House(server, rows, tenant, ann, one, uuid_of(other), "")
    return replace(made, budget=await made.limit("user", ANN, "0.000001", "day"))


async def test_every_dialect_refuses_in_its_own_words_what_no_budget_covers(house: House) -> None:
    words = {
        "openai": '"type":"insufficient_quota","param":null,"code":"insufficient_quota"',
        "anthropic": '"type":"error","error":{"type":"rate_limit_error"',
        "gemini": '"status":"RESOURCE_EXHAUSTED"',
        "native": '{"error":{"code":"insufficient_quota"',
        "session": f'"detail":"{REFUSED}"',
        "simple": f'"detail":"{REFUSED}"',
    }
    for door in DOORS:
        for stream in (False, True):
            if (door, stream) == ("native", True):
                continue  # it has begun when its turn has: see the next test
            heard = await house.say(door, "hello", stream=stream)
            assert (heard.status, heard.headers["x-should-retry"]) == (429, "false"), (door, stream)
            assert "retry-after" not in heard.headers
            assert heard.headers["x-podium-budget-remaining"] == "0.000001", (door, stream)
            assert words[door] in heard.text, heard
            assert f"{REFUSED}. Of the 0.000001 dollars of {house.budget}" in heard.text
            assert "T00:00:00.000000Z" in heard.text, "when it resets"
    assert await house.entries() == []
    assert (await house.left())["spent"] == 0


async def test_a_refusal_names_the_kind_of_budget_in_its_first_sentence(house: House) -> None:
    await house.server.call("DELETE", f"/v1/budgets/{house.budget}")
    keys = "SELECT k.id FROM keys k JOIN tenants t ON t.id = k.tenant WHERE t.name = $1"
    [key] = [row["id"] for row in await house.rows.rows(keys, house.tenant)]
    for scope, name, period, kind in (
        ("user", ANN, "day", "Daily"),
        ("tenant", "", "month", "Monthly"),
        ("user", ANN, "week", "User"),
        ("user", ANN, "total", "User"),
        ("tenant", "", "week", "User"),
        ("key", key, "total", "User"),
        ("key", key, "day", "Daily"),
        ("session", house.session, "total", "Session"),
        ("session", house.session, "day", "Session"),
    ):
        made = await house.limit(scope, name or house.tenant, "0", period)
        heard = await house.say("session", "hello", stream=False)
        assert f'"detail":"Budget limit exceeded: {kind} budget limit exceeded"' in heard.text
        assert f" of {made} ({scope}, {period}) " in heard.text
        await house.server.call("DELETE", f"/v1/budgets/{made}")


async def test_a_native_stream_ends_with_the_refusal_and_no_hint_to_try_again(house: House) -> None:
    heard = await house.say("native", "hello", stream=True)
    assert heard.status == 200
    assert '"code":"insufficient_quota"' in heard.text
    assert '"retryable":true' not in heard.text


async def test_no_sdk_tries_a_refusal_again(house: House) -> None:
    async with AsyncOpenAI(base_url=f"{house.server.url}/v1", api_key=house.ann.key) as openai:
        with pytest.raises(OpenAIRateLimit, match="Daily budget limit exceeded"):
            await openai.chat.completions.create(
                model="lab/small", messages=[{"role": "user", "content": "x"}]
            )
    async with AsyncAnthropic(base_url=house.server.url, api_key=house.ann.key) as anthropic:
        with pytest.raises(AnthropicRateLimit, match="Daily budget limit exceeded"):
            await anthropic.messages.create(
                model="lab/small", max_tokens=99, messages=[{"role": "user", "content": "x"}]
            )
    assert len((await house.ann.good("GET", "/v1/turns"))["data"]) == 2


async def test_an_answer_that_outgrows_its_budget_is_cut_in_every_dialect_kept_and_charged(
    house: House,
) -> None:
    cuts = {
        "openai": '"code":"budget_exhausted"}}',
        "anthropic": 'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error"',
        "gemini": '"reason":"BUDGET_EXHAUSTED"',
        "native": '"status":"interrupted"',
        "session": f'"code":"budget_exhausted","message":"{REFUSED}',
        "simple": f'"code":"budget_exhausted","message":"{REFUSED}',
    }
    ends = ("[DONE]", "message_stop", '"finishReason"', "turn.completed", '"type":"done"')
    for door in DOORS:
        await house.leave("0.0004")  # some 600 tokens
        heard = await house.say(door, LONG, stream=True)
        assert heard.status == 200
        assert "the quick brown fox" in heard.text
        assert cuts[door] in heard.text, (door, heard.text[-900:])
        assert not any(end in heard.text for end in ends), (door, heard.text[-900:])
        left = await house.left()
        assert left["held"] == 0
        over = left["spent"] + left["suspense"] - left["limit"]
        assert 0 <= over < Decimal("0.0002"), "a host that was told its cap is believed for a quarter more"
    for door, status in (("native", 200), ("simple", 429)):
        await house.leave("0.0008")
        heard = await house.say(door, LONG, stream=False)
        assert heard.status == status
        assert '"code":"budget_exhausted"' in heard.text
        assert heard.headers["x-podium-turn"].startswith("turn_")
        assert Decimal(heard.headers["x-podium-cost"]) > 0
        assert heard.headers["x-podium-budget-remaining"] == "0"
    said = await house.ann.good("GET", "/sessions/mine/history")
    for path in (f"/v1/conversations/{house.conversation}/items", "/v1/turns"):
        assert str(await house.ann.good("GET", path)).count("the quick brown fox") >= 2
    assert [each["role"] for each in said["messages"]] == ["user", "assistant"] * 2
    entries = await house.entries()
    assert len(entries) == len(DOORS) + 2
    assert all(row["amount"] > 0 and row["usage_source"] == "estimate" for row in entries)


async def test_an_answer_that_outgrows_its_hold_is_held_for_anew_and_comes_to_its_end(
    house: House,
) -> None:
    await house.leave("1")
    for door in ("anthropic", "gemini", "native", "simple"):
        heard = await house.say(door, LONG, stream=True, cap=300)
        assert heard.status == 200
        assert "exhausted" not in heard.text, door
    entries = await house.entries()
    assert len(entries) == 4
    assert all(row["succeeded"] and row["output"] == 3_000 for row in entries)
    assert all(row["held"] >= row["amount"] for row in entries), "300 tokens were held for at first"
    assert (await house.rows.period(house.budget))["spent"] == sum(row["amount"] for row in entries)


async def test_an_answer_that_comes_whole_is_paid_for_and_not_cut(house: House) -> None:
    await house.leave("0.0004")
    heard = await house.say("openai", LONG, stream=False)
    assert (heard.status, heard.headers["x-podium-budget-remaining"]) == (200, "0")
    [entry] = await house.entries()
    assert (entry["usage_source"], entry["output"]) == ("provider", 3_000)
