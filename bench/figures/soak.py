"""A minute of 200 streamed turns and 50 conversations at the same time: nothing fails, nothing grows."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence

from bench.client import Exchange
from bench.lab import Lab
from bench.load import Call, Meter, p99, poisson, start_all
from bench.process import resident_mb
from bench.table import Asked, Figure, of_postgres, of_runs, of_values

_SECONDS = 60
_STREAMS, _CHATS = 200, 50
_CHUNKS, _RATE = 100, 20
_PERIOD = _CHUNKS / _RATE + 0.2  # seconds from one turn of a stream to its next
_CHAT_RATE = 50.0  # turns a second, over all chats
_TURNS, _CHAT_TURNS = 4, 10  # of a conversation
_DELTA = b"event: text.delta"
_WARM = 20  # seconds in which caches and pools fill


async def measure(lab: Lab) -> list[Figure]:
    """The load, drawn before it begins, and the server's memory twice a second meanwhile."""
    calls = await _calls(lab)
    sizes: list[tuple[float, float]] = []
    watching = asyncio.create_task(_watch(lab.podium.pid, sizes))
    meter = Meter(lab.podium)
    tasks, lags = await start_all(lab.podium.client, calls)
    exchanges = await asyncio.gather(*tasks, return_exceptions=True)
    watching.cancel()
    good = sum(_is_whole(call, each) for call, each in zip(calls, exchanges, strict=True))
    run = meter.stop(good, errors=len(calls) - good, lag=p99(lags))
    note = f"{_STREAMS} streams of {_RATE} chunks/s and {_CHATS} chats, {_SECONDS} s, {len(calls)} turns"
    from_to = f"{sizes[0][1]:.0f} to {sizes[-1][1]:.0f} MB"
    return [
        of_values("soak: failed turns", "", [run.errors], Asked(limit=0), note=note),
        of_values("soak: growth of RSS", "MB/min", [_slope(sizes) * 60], Asked(limit=3), note=from_to),
        of_runs("soak: CPU a turn", [run], note=f"p99 start lag {run.lag * 1e3:.1f} ms"),
        of_postgres("soak: CPU a turn: Postgres", [run]),
    ]


async def _calls(lab: Lab) -> list[Call]:
    """A conversation gives way to a new one after a few turns, not all at once: growing histories are no leak."""
    calls = []
    for stream in range(_STREAMS):
        starts = [stream * _PERIOD / _STREAMS + turn * _PERIOD for turn in range(int(_SECONDS / _PERIOD))]
        conversations = await lab.conversations(len(starts) // _TURNS + 2)
        for turn, at in enumerate(starts, start=stream % _TURNS):
            conversation = conversations[turn // _TURNS]
            request = lab.turn(conversation, f"lab/paced-{_CHUNKS}-{_RATE}", stream=True)
            calls.append(Call(at, request, _DELTA))
    times = poisson(_CHAT_RATE, _SECONDS, lab.plan.seed)
    chats = await lab.conversations(len(times) // _CHAT_TURNS + _CHATS)
    for index, at in enumerate(times):
        generation, chat = index // (_CHATS * _CHAT_TURNS), index % _CHATS
        calls.append(Call(at, lab.turn(chats[generation * _CHATS + chat])))
    return sorted(calls, key=lambda call: call.at)


def _is_whole(call: Call, exchange: Exchange | BaseException) -> bool:
    """Whether a turn came to its end with every chunk of its text."""
    if not isinstance(exchange, Exchange) or exchange.status != 200:
        return False
    body = exchange.body
    if not call.marker:
        return b'"status":"completed"' in body
    return body.count(_DELTA) == _CHUNKS and body.count(b"event: turn.completed") == 1


async def _watch(pid: int, sizes: list[tuple[float, float]]) -> None:
    while True:
        sizes.append((time.perf_counter(), resident_mb(pid)))
        await asyncio.sleep(0.5)


def _slope(sizes: Sequence[tuple[float, float]]) -> float:
    """Theil and Sen's: the median of the slopes between all pairs of samples after the warm-up, in MB a second."""
    began = sizes[0][0]
    settled = [(at, size) for at, size in sizes if _WARM < at - began < _SECONDS]
    pairs = itertools.combinations(settled, 2)
    return statistics.median((size - before) / (at - then) for (then, before), (at, size) in pairs)
