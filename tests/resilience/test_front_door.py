"""What podium.toml and the environment say of resilience, as clients and operators see it from the front door."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from podium.catalogue.catalogue import Catalogue
from podium.config.load import load
from podium.simulator import Simulator
from tests.doors.clients import WIRES, Told, ask
from tests.doors.podium import Podium, podium
from tests.doors.upstream import breakers, follow, services
from tests.journal.redis_server import running_redis
from tests.simulator.serving import wait_for, wait_until_idle

FILE = """
allow_unpriced = true

[resilience]
attempts = 2
breaker_failures = 4

{endpoints}
"""
ENDPOINT = """
[endpoints.{name}]
wire = "{wire}"
base_url = "{url}"
[endpoints.{name}.resilience]
{resilience}
"""
Started = Callable[..., AbstractAsyncContextManager[Podium]]


@pytest.fixture
def started(dsn: str, tmp_path: Path) -> Started:
    """A server whose endpoints are those of a podium.toml: one a wire with `resilience` in its own table."""

    def start(resilience: str = "", environment: dict[str, str] | None = None, **server: Any) -> Any:
        def catalogue(host: Simulator) -> Catalogue:
            tables = [
                ENDPOINT.format(
                    name=f"my-{wire}",
                    wire=wire,
                    url=host.url if wire == "openai_chat" else host.root,
                    resilience=resilience,
                )
                for wire in WIRES
            ]
            (tmp_path / "podium.toml").write_text(FILE.format(endpoints="".join(tables)))
            said = {"PODIUM_LOCAL": "0", **(environment or {})}
            return load({"data_dir": tmp_path / "data"}, said, tmp_path).catalogue

        return podium(dsn, catalogue=catalogue, **server)

    return start


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def asked(house: Podium, wire: str, text: str = "hello") -> Told:
    return await ask(house.url, "openai_chat", f"my-{wire}/small", text)


async def state(house: Podium, wire: str) -> str:
    return str((await breakers(house))[f"my-{wire}"]["state"])


async def healthy(house: Podium, name: str) -> bool:
    return bool((await services(house))[name]["healthy"])


async def wait_until(seen: Callable[[], Awaitable[object]], wanted: object) -> None:
    async with asyncio.timeout(30):
        while True:
            if await seen() == wanted:
                return
            await asyncio.sleep(0.02)


# ── attempts and breaker ─────────────────────────────────────────────────────────────────────────────────


async def test_what_the_file_says_for_all_holds_for_each(started: Started, wire: str) -> None:
    async with started() as house:
        assert (await asked(house, wire, "[[fault 503]]")).status == 503
        assert len(house.host.oracle.calls) == 2


async def test_one_attempt_is_no_retry(started: Started, wire: str) -> None:
    async with started("attempts = 1") as house:
        assert (await asked(house, wire, "[[fault 503]]")).status == 503
        assert len(house.host.oracle.calls) == 1


async def test_a_breaker_opens_after_so_many_failures_and_not_before(started: Started, wire: str) -> None:
    async with started("attempts = 1") as house:
        for _ in range(3):
            await asked(house, wire, "[[fault 503]]")
        assert await state(house, wire) == "closed"
        await asked(house, wire, "[[fault 408]]")
        assert await state(house, wire) in ("open", "half_open")
        seen = (await services(house))[f"my-{wire}"]
        assert not seen["healthy"]
        assert seen["last_error"] == "upstream_overloaded (status 408)"


async def test_a_breaker_that_is_off_stays_closed_and_the_host_is_asked_each_time(
    started: Started, wire: str
) -> None:
    async with started("attempts = 1\nbreaker_failures = 0") as house:
        for _ in range(12):
            await asked(house, wire, "[[fault 503]]")
        assert len(house.host.oracle.calls) == 12
        told = (await breakers(house))[f"my-{wire}"]
        assert told["state"] == "closed"
        assert told["stats"]["consecutive_failures"] == 12
        assert told["stats"]["success_rate"] == 0


async def test_of_many_calls_one_is_let_through_to_see_and_its_answer_lets_in_the_others(
    started: Started, wire: str
) -> None:
    async with started("attempts = 1\nbreaker_failures = 1") as house:
        await asked(house, wire, "[[fault 503]]")
        await wait_until(lambda: state(house, wire), "half_open")
        probe = asyncio.create_task(asked(house, wire, "[[fault hang after=request seconds=6]] back"))
        await wait_for(lambda: house.host.oracle.running, within=30)
        others = await asyncio.gather(*(asked(house, wire) for _ in range(10)))
        assert {each.status for each in others} == {503}
        assert all("retry-after" in each.headers for each in others)
        assert len(house.host.oracle.running) == 1
        assert (await probe).text == "You said: back"
        assert await state(house, wire) == "closed"
        assert (await asked(house, wire)).text == "You said: hello"
        assert len(house.host.oracle.calls) == 3


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_requests_beyond_the_endpoints_own_rate_are_refused_with_the_time_to_come_again(
    started: Started, wire: str
) -> None:
    environment = {"RATE_LIMIT_REQUESTS_PER_MINUTE": "1000"}
    async with started("requests_per_minute = 3", environment) as house:
        assert [(await asked(house, wire)).status for _ in range(3)] == [None] * 3
        refused = await asked(house, wire)
        assert refused.status == 429
        assert 0 < int(refused.headers["retry-after"]) <= 20
        assert len(house.host.oracle.calls) == 3


async def test_the_environment_limits_endpoints_that_say_nothing_themselves(
    started: Started, wire: str
) -> None:
    environment = {"RATE_LIMIT_REQUESTS_PER_MINUTE": "2", "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "1"}
    async with started("attempts = 1", environment) as house:
        assert (await asked(house, wire, "[[fault 503]]")).status == 503
        assert await state(house, wire) == "closed", "[resilience] of the file says 4"
        assert (await asked(house, wire)).error is None
        assert (await asked(house, wire)).status == 429
        assert (await asked(house, next(each for each in WIRES if each != wire))).error is None


async def test_tokens_beyond_the_endpoints_rate_are_refused_by_what_was_truly_used(
    started: Started, wire: str
) -> None:
    async with started("tokens_per_minute = 1000") as house:
        assert (await asked(house, wire, "[[tokens=900]]")).error is None
        refused = await asked(house, wire)
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 5
        served = await wait_until_idle(house.host)
        assert served is not None
        assert served.output == 900


async def test_a_host_that_says_too_many_without_until_when_is_left_alone_for_a_while(
    started: Started, wire: str
) -> None:
    async with started("attempts = 1") as house:
        await follow(house, {"answer": "[[fault 429]]"})
        refused = [await asked(house, wire) for _ in range(7)]
        assert {each.status for each in refused} == {429}
        assert len(house.host.oracle.calls) < 7
        assert int(refused[-1].headers["retry-after"]) > 0
        assert await state(house, wire) == "closed"


# ── what operators see ───────────────────────────────────────────────────────────────────────────────────


async def test_health_has_exactly_the_shapes_that_are_promised(started: Started) -> None:
    async with started("breaker_failures = 0") as house:
        for wire in WIRES:
            await asked(house, wire)
        told = await house.call("GET", "/health/circuit-breakers")
        assert set(told) == {"circuit_breakers"}
        assert {f"my-{wire}" for wire in WIRES} <= set(told["circuit_breakers"])
        for each in told["circuit_breakers"].values():
            assert set(each) == {"state", "stats"}
            assert each["state"] == "closed"
            stats = each["stats"]
            assert set(stats) == {
                "total_requests",
                "success_rate",
                "consecutive_failures",
                "avg_response_time_ms",
            }
            assert 0 <= stats["success_rate"] <= 1
        told = await house.call("GET", "/health/services")
        assert set(told) == {"services"}
        assert set(told["services"]) == set((await breakers(house)).keys()) | {"database"}
        for each in told["services"].values():
            assert set(each) == {"healthy", "state", "latency_ms", "last_error"}
            assert each["healthy"]


async def test_redis_is_among_the_services_and_told_when_it_is_down(started: Started) -> None:
    async with running_redis() as redis, started(redis_url=redis.url) as house:
        await wait_until(lambda: healthy(house, "redis"), True)
        told = (await services(house))["redis"]
        assert (told["state"], told["last_error"]) == ("up", None)
        assert told["latency_ms"] > 0
        redis.kill()
        await wait_until(lambda: healthy(house, "redis"), False)
        told = (await services(house))["redis"]
        assert (told["state"], told["latency_ms"]) == ("down", None)
        assert told["last_error"]
        assert (await asked(house, "openai_chat")).text == "You said: hello"
