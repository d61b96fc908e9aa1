"""Hosts that fail, seen from the front door: what a client gets, how often the host was asked, what is kept."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from podium.api.errors import headers_of, status_of
from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Patience, Resilience
from podium.errors import Unreachable
from podium.simulator import Simulator
from tests.doors.podium import Podium, podium
from tests.simulator.serving import simulator, wait_until_idle

TURNS = int(os.environ.get("PODIUM_TEST_TURNS", "300"))
"""Of the long outage; 10000 is what is promised for."""
_log = logging.getLogger(__name__)
HASTY = Patience(connect=1.0, first_byte=1.0, idle=1.0, total=3.0)
"""For hosts that are never heard of again; whoever must answer is given more time."""


def hosts(host: Simulator) -> Catalogue:
    """The same simulator as `lab`, `spare` of another wire, and `tight` that allows few calls; `hasty`, with little
    patience; one that is dead; routes over them.
    """

    def at(name: str, url: str, wire: str = "openai_chat", **resilience: int) -> Endpoint:
        return Endpoint(
            name=name,
            wire=wire,
            base_url=url,
            api_key="sk-lab",
            patience=HASTY if name == "hasty" else Patience(),
            resilience=Resilience(**resilience),
        )

    endpoints = (
        at("lab", host.url),
        at("spare", host.root, "anthropic"),
        at("hasty", host.url),
        at("tight", host.url, requests_per_minute=2),
        at("once", host.url, attempts=1, breaker_failures=0),
        at("dead", host.refusing_url or "http://127.0.0.1:1/v1"),
    )
    return Catalogue(
        endpoints={each.name: each for each in endpoints},
        routes={
            "safe": ("lab/flaky", "spare/steady"),
            "spared": ("dead/any", "lab/small"),
            "gone": ("dead/any", "once/flaky"),
            "roomy": ("tight/small", "lab/small"),
        },
        default_model="lab/small",
        allow_unpriced=True,
    )


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=hosts) as running:
        yield running


class Answer:
    """One answer to a chat completion that does not stream, and the turn behind it."""

    def __init__(self, status: int, headers: dict[str, str], body: Any) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> Any:
        return self.body["choices"][0]["message"]["content"]

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


async def chat(server: Podium, text: str, model: str = "lab/small") -> Answer:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    async with server.http.post(f"{server.url}/v1/chat/completions", json=body) as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, await answer.json())


async def turn(server: Podium, text: str, model: str = "lab/small") -> tuple[Any, Any]:
    """A turn in a conversation, heard to its end; and its story."""
    path = f"/v1/conversations/{await server.conversation()}/turns"
    body = {"input": text, "model": model, "stream": False}
    async with server.http.post(server.url + path, json=body) as answer:
        told = await answer.json()
    turn_id = told["id"] if "id" in told else told["error"]["turn_id"]
    story = await server.call("GET", f"/v1/turns/{turn_id}/explain")
    return story["turn"], story


async def follow(server: Podium, rules: list[dict[str, str]]) -> None:
    """Let the simulator play by these rules from now on."""
    async with server.http.put(
        server.host.url.removesuffix("/v1") + "/script", json={"rules": rules}
    ) as done:
        assert done.ok, await done.text()


async def wait_until(server: Podium, state: str) -> None:
    """Wait until the circuit of `lab` is in this state."""
    async with asyncio.timeout(30):
        while True:
            if (await breakers(server))["lab"]["state"] == state:
                return
            await asyncio.sleep(0.01)


BROKEN = [{"model": "flaky", "answer": "[[fault 503]]"}]


async def breakers(server: Podium) -> Any:
    return (await server.call("GET", "/health/circuit-breakers"))["circuit_breakers"]


async def services(server: Podium) -> Any:
    return (await server.call("GET", "/health/services"))["services"]


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_host_that_refuses_connections_is_a_503_within_a_second(server: Podium) -> None:
    began = time.monotonic()
    answer = await chat(server, "hello", "dead/any")
    assert time.monotonic() - began < 1
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.body["error"]["code"] == "upstream_unreachable"
    assert "3 attempts failed" in answer.message
    assert (await chat(server, "hello", "spared")).text == "You said: hello"
    [story] = [(await turn(server, "hello", "spared"))[1]]
    assert [attempt["started"]["endpoint"] for attempt in story["attempts"]] == ["dead"] * 3 + ["lab"]


async def test_a_connection_that_was_closed_just_as_it_was_used_again_is_not_noticed(server: Podium) -> None:
    await chat(server, "warm up")
    _, story = await turn(server, "[[fault close after=request times=1 key=stale]] [[say done]]")
    assert story["turn"]["output_text"] == "done"
    assert len(story["attempts"]) == 1


async def test_a_redirect_is_not_followed(server: Podium) -> None:
    async with simulator() as elsewhere:
        to = elsewhere.url + "/chat/completions"
        answer = await chat(server, f"[[fault redirect to={to}]]")
        assert answer.status == 502
        assert answer.headers["x-should-retry"] == "false"
        assert not elsewhere.oracle.calls
    assert len(server.host.oracle.calls) == 1


# ── silence and broken streams ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["request", "headers"])
async def test_a_host_that_says_nothing_is_asked_twice_and_is_a_504(server: Podium, place: str) -> None:
    answer = await chat(server, f"[[fault hang after={place}]]", "hasty/small")
    assert (answer.status, answer.body["error"]["code"]) == (504, "upstream_timeout")
    assert len(server.host.oracle.calls) + len(server.host.oracle.running) == 2


@pytest.mark.parametrize("place", ["request", "headers"])
async def test_a_host_that_says_nothing_once_is_forgiven(server: Podium, place: str) -> None:
    rule = f"[[fault hang after={place} times=1 key=shy]] [[say at last]]"
    answer = await chat(server, rule, "hasty/small")
    assert answer.text == "at last"


@pytest.mark.parametrize("fault", ["hang", "reset", "close", "end"])
async def test_what_breaks_off_after_its_first_word_is_kept_and_never_asked_again(
    server: Podium, fault: str
) -> None:
    told, story = await turn(
        server, f"[[say one two three four five six]] [[fault {fault} after=3]]", "hasty/small"
    )
    assert told["status"] == "interrupted"
    assert told["output_text"]
    assert "one two three four five six".startswith(told["output_text"])
    assert told["error"]["code"] == ("upstream_timeout" if fault == "hang" else "upstream_truncated")
    assert len(story["attempts"]) == 1
    continued = await server.call("POST", f"/v1/turns/{told['id']}/continue", json={"stream": False})
    assert continued["status"] in {"completed", "interrupted"}


@pytest.mark.parametrize(
    "fault", ["reset after=headers", "close after=headers", "end after=headers", "error"]
)
async def test_what_breaks_off_before_its_first_word_is_asked_again(server: Podium, fault: str) -> None:
    answer = await chat(server, f"[[fault {fault} times=1 key=cut]] [[say done]]")
    assert answer.text == "done"


# ── too many requests ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", ["300ms", "0", "-5", "soon", "99999999999999999999", None])
async def test_a_short_pause_is_waited_out(server: Podium, after: str | None) -> None:
    wish = f"retry-after={after}" if after else ""
    began = time.monotonic()
    _, story = await turn(server, f"[[fault 429 {wish} times=1 key=busy]] [[say done]]")
    assert story["turn"]["output_text"] == "done"
    assert [each["step"] for each in story["decisions"]] == ["choose", "retry"]
    assert time.monotonic() - began >= (0.3 if after == "300ms" else 0)


async def test_a_long_pause_is_handed_on(server: Podium) -> None:
    answer = await chat(server, "[[fault 429 retry-after=60]]")
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    again = await chat(server, "hello")
    assert again.status == 429
    assert int(again.headers["retry-after"]) in (59, 60)
    assert len(server.host.oracle.calls) == 1
    assert (await chat(server, "hello", "lab/another")).status == 200
    assert (await breakers(server))["lab"]["state"] == "closed"


async def test_beyond_its_rate_an_endpoint_is_not_asked(server: Podium) -> None:
    for _ in range(2):
        assert (await chat(server, "hello", "tight/small")).status == 200
    refused = await chat(server, "hello", "tight/small")
    assert (refused.status, refused.headers["retry-after"]) == (429, "30")
    assert (await chat(server, "hello", "roomy")).body["model"] == "lab/small"


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_that_is_refused_is_the_operators_business(server: Podium) -> None:
    await follow(server, [{"model": "flaky", "answer": "[[fault 401]]"}])
    answer = await chat(server, "hello", "lab/flaky")
    assert (answer.status, answer.headers["x-should-retry"]) == (502, "false")
    assert len(server.host.oracle.calls) == 1
    assert (await chat(server, "hello", "safe")).text == "You said: hello"
    told = (await services(server))["lab"]
    assert (told["healthy"], told["last_error"]) == (False, "upstream_rejected (status 401)")
    assert (await breakers(server))["lab"]["state"] == "closed"


def test_what_another_try_cannot_mend_is_not_called_unavailable() -> None:
    without_tls = Unreachable("No TLS with lab.")
    without_tls.retryable = False
    assert [status_of(Unreachable()), status_of(without_tls)] == [503, 502]
    assert headers_of(without_tls, 502) == {"x-should-retry": "false"}


async def test_when_every_candidate_fails_all_is_told(server: Podium) -> None:
    await follow(server, BROKEN)
    answer = await chat(server, "hello", "gone")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["x-should-retry"] == "true"
    assert answer.message.startswith("None of 2 models could answer. dead/any (asked 3 times): No connection")
    assert "once/flaky (asked once): Simulated failure with status 503." in answer.message
    assert answer.message.endswith("Try again in a moment, or name another model.")


async def test_an_error_under_status_200_is_an_error(server: Podium) -> None:
    answer = await chat(server, "[[fault error status=503]]")
    assert answer.status == 503
    assert len(server.host.oracle.calls) == 3


# ── long trouble ─────────────────────────────────────────────────────────────────────────────────────────


async def test_trouble_is_not_multiplied_and_recovery_is_seen_by_one_probe(server: Podium) -> None:
    await follow(server, BROKEN)
    answers = [
        await asyncio.gather(*(chat(server, "hello", "lab/flaky") for _ in range(20))) for _ in range(5)
    ]
    statuses = {answer.status for batch in answers for answer in batch}
    assert statuses == {503}
    assert len(server.host.oracle.calls) <= 1.2 * 100
    told = (await breakers(server))["lab"]
    assert told["state"] in {"open", "half_open"}
    assert told["stats"]["success_rate"] == 0
    assert told["stats"]["consecutive_failures"] >= 5
    assert all("retry-after" in answer.headers for answer in answers[-1])

    await follow(server, [])
    healed, before = time.monotonic(), len(server.host.oracle.calls)

    await wait_until(server, "half_open")
    assert (await chat(server, "hello", "lab/flaky")).status == 200
    assert time.monotonic() - healed < 5
    await wait_until_idle(server.host)
    assert len(server.host.oracle.calls) == before + 1
    assert (await breakers(server))["lab"]["state"] == "closed"
    assert (await services(server))["lab"]["healthy"]


async def test_with_a_fallback_every_turn_is_answered_while_the_primary_is_down(server: Podium) -> None:
    answers: list[Answer] = []

    async def call(times: int) -> None:
        for _ in range(times):
            answers.append(await chat(server, "hello", "safe"))  # noqa: PERF401  # they come one by one

    for tenth in range(10):
        await follow(server, BROKEN if tenth == 4 else [])
        if tenth == 5:
            await wait_until(server, "half_open")
        await asyncio.gather(*(call(TURNS // 100) for _ in range(10)))
    good = [answer for answer in answers if answer.status == 200 and answer.text == "You said: hello"]
    assert len(answers) == TURNS // 100 * 100
    assert len(good) >= 0.999 * len(answers)
    by_spare = sum(answer.body["model"] == "spare/steady" for answer in good)
    down = sum(call.status == 503 for call in server.host.oracle.calls)
    _log.info(
        "%d of %d answered, %d by the fallback; %d calls failed", len(good), len(answers), by_spare, down
    )
    assert len(answers) // 10 <= by_spare <= len(answers) // 2


# ── what operators see ───────────────────────────────────────────────────────────────────────────────────


async def test_every_neighbour_is_told(server: Podium) -> None:
    told = await services(server)
    assert set(told) == {"lab", "spare", "hasty", "tight", "once", "dead", "database"}
    assert told["lab"] == {"healthy": True, "state": "closed", "latency_ms": None, "last_error": None}
    assert told["database"]["healthy"]
    assert told["database"]["state"] == "up"
    assert told["database"]["latency_ms"] > 0
    await chat(server, "hello")
    await chat(server, "hello", "dead/any")
    told = await services(server)
    assert told["lab"]["latency_ms"] > 0
    assert (told["dead"]["healthy"], told["dead"]["last_error"]) == (False, "upstream_unreachable")


async def test_every_endpoint_is_among_the_circuit_breakers(server: Podium) -> None:
    for _ in range(3):
        await chat(server, "hello")
    await chat(server, "[[fault 400]]")
    await chat(server, "[[fault 500]]", "once/small")
    told = await breakers(server)
    assert set(told) == {"lab", "spare", "hasty", "tight", "once", "dead"}
    stats = told["lab"]["stats"]
    assert told["lab"]["state"] == told["once"]["state"] == "closed"
    assert (stats["total_requests"], stats["success_rate"], stats["consecutive_failures"]) == (4, 1.0, 0)
    assert stats["avg_response_time_ms"] > 0
    assert told["once"]["stats"]["consecutive_failures"] == 1


async def test_how_neighbours_are_is_for_those_with_a_key(server: Podium) -> None:
    for path in ("/health/services", "/health/circuit-breakers"):
        async with server.http.get(server.url + path, headers={"authorization": "Bearer wrong"}) as answer:
            assert answer.status == 401
