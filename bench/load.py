"""Load whose times are drawn before the run, and the gate that says whether the run counts."""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.client import Client, Exchange
from bench.process import cpu_seconds, postgres_seconds

LAG_LIMIT = 0.005  # seconds, p99
GENERATOR_LIMIT = 0.7  # share of its core
_TRIES = 3


@dataclass(frozen=True)
class Target:
    """A server under load, and what of it is counted. `idle` is its share of a core without load."""

    name: str
    client: Client
    pid: int
    postmaster: int | None = None
    idle: float = 0.0
    idle_postgres: float = 0.0


@dataclass(frozen=True)
class Call:
    """One call to come, `at` seconds after the beginning."""

    at: float
    request: bytes
    marker: bytes = b""


@dataclass(frozen=True)
class Run:
    """What a stretch of load took. CPU and wall in seconds; the idle share is taken off."""

    units: float
    wall: float
    cpu: float
    postgres: float
    generator: float
    """The share of its core that the generator took."""
    errors: int = 0
    lag: float = 0.0
    """p99 of the seconds between a call's due time and its start; 0 where callers wait for answers."""
    exchanges: Sequence[Exchange] = ()

    @property
    def counts(self) -> bool:
        """Whether the generator kept up."""
        return self.lag < LAG_LIMIT and self.generator < GENERATOR_LIMIT

    @property
    def unit_us(self) -> float:
        """Server CPU in µs a unit."""
        return self.cpu / self.units * 1e6

    @property
    def unit_postgres_us(self) -> float:
        """Postgres CPU in µs a unit."""
        return self.postgres / self.units * 1e6


class Meter:
    """Reads the clocks at the beginning and at the end of a stretch of load."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._began = self._read()

    def stop(
        self, units: float, *, errors: int = 0, lag: float = 0.0, exchanges: Sequence[Exchange] = ()
    ) -> Run:
        """The run from the beginning to now."""
        wall, cpu, postgres, own = (end - begin for end, begin in zip(self._read(), self._began, strict=True))
        return Run(
            units=units,
            wall=wall,
            cpu=cpu - self._target.idle * wall,
            postgres=postgres - self._target.idle_postgres * wall,
            generator=own / wall,
            errors=errors,
            lag=lag,
            exchanges=exchanges,
        )

    def _read(self) -> tuple[float, float, float, float]:
        postmaster = self._target.postmaster
        postgres = 0.0 if postmaster is None else postgres_seconds(postmaster)
        return time.perf_counter(), cpu_seconds(self._target.pid), postgres, time.process_time()


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Arrival times of a Poisson process, in seconds."""
    draw = random.Random(seed)
    times: list[float] = []
    at = draw.expovariate(rate)
    while at < seconds:
        times.append(at)
        at += draw.expovariate(rate)
    return times


async def start_all(
    client: Client, calls: Sequence[Call]
) -> tuple[list[asyncio.Task[Exchange]], list[float]]:
    """Start each call at its time, whatever became of the others; the calls, and how late each began in seconds."""
    began = time.perf_counter() + 0.01
    tasks: list[asyncio.Task[Exchange]] = []
    lags: list[float] = []
    for call in calls:
        if (wait := began + call.at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        lags.append(time.perf_counter() - began - call.at)
        tasks.append(asyncio.create_task(client.send(call.request, call.marker)))
    return tasks, lags


async def offer(target: Target, calls: Sequence[Call]) -> Run:
    """Open-loop load: start each call at its time and wait for all."""
    meter = Meter(target)
    tasks, lags = await start_all(target.client, calls)
    exchanges = await asyncio.gather(*tasks, return_exceptions=True)
    good = [each for each in exchanges if isinstance(each, Exchange) and each.status == 200]
    return meter.stop(len(good), errors=len(calls) - len(good), lag=p99(lags), exchanges=good)


async def keep_busy(target: Target, callers: Sequence[Sequence[bytes]]) -> Run:
    """Closed-loop load: each caller sends its calls one after the other, all callers at the same time."""
    good: list[Exchange] = []

    async def call(requests: Sequence[bytes]) -> None:
        for request in requests:
            exchange = await target.client.send(request)
            if exchange.status == 200:
                good.append(exchange)

    meter = Meter(target)
    await asyncio.gather(*(call(requests) for requests in callers))
    return meter.stop(len(good), errors=sum(map(len, callers)) - len(good), exchanges=good)


async def valid(attempt: Callable[[], Awaitable[Run]]) -> Run:
    """The first run of three in which the generator kept up; else the last, which tells that it is void."""
    run = await attempt()
    for _ in range(_TRIES - 1):
        if run.counts:
            break
        run = await attempt()
    return run


def p99(values: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(values)[int(len(values) * 0.99)] if values else 0.0


def p50(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)
