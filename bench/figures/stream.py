"""What a chunk costs while many streams run, without and within a conversation."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bench.client import Exchange
from bench.lab import Lab, completion
from bench.load import Call, Meter, Run, Target, p99, start_all
from bench.table import Asked, Figure, of_postgres, of_runs

STREAMS = 50
RATE = 50  # chunks a second and stream
_SPREAD = 0.4  # seconds over which the streams begin
_SETTLED = 0.3  # seconds after the last has begun
_REST = 0.3  # seconds of stream left after the measurement
_CHUNK, _DELTA = b'"delta":{"content"', b"event: text.delta"


async def measure(lab: Lab) -> list[Figure]:
    """The steady middle of fifty streams of fifty chunks a second: relay, stateless, conversation, in turn."""
    kinds: dict[str, Callable[[], Awaitable[Run]]] = {
        "relay": lambda: stream_stateless(lab, lab.relay, STREAMS),
        "stateless": lambda: stream_stateless(lab, lab.podium, STREAMS),
        "conversation": lambda: _in_conversations(lab),
    }
    runs: dict[str, list[Run]] = {kind: [] for kind in kinds}
    for _ in range(lab.plan.rounds):
        for kind, run in kinds.items():
            runs[kind].append(await run())
    note = f"{STREAMS} streams, {RATE} chunks/s each"
    stateless, within = Asked(limit=1.3, goal=1, of="ratio"), Asked(limit=2, of="ratio")
    return [
        of_runs("streamed chunk, stateless", runs["stateless"], runs["relay"], stateless, note=note),
        of_runs("streamed chunk, in a conversation", runs["conversation"], runs["relay"], within, note=note),
        of_postgres("streamed chunk, in a conversation: Postgres", runs["conversation"], note=note),
    ]


async def stream_stateless(lab: Lab, target: Target, streams: int, *, missing: int = 0) -> Run:
    """Streams without a conversation. `missing`: how many chunks of each the server may word in another way."""
    requests = [completion(target.client, _model(lab), stream=True)] * streams
    return await stretch(lab, target, requests, _CHUNK, missing=missing)


async def _in_conversations(lab: Lab) -> Run:
    conversations = await lab.conversations(STREAMS)
    requests = [lab.turn(each, _model(lab), stream=True) for each in conversations]
    return await stretch(lab, lab.podium, requests, _DELTA)


def _chunks(lab: Lab) -> int:
    return int((_SPREAD + _SETTLED + lab.plan.seconds + _REST) * RATE)


def paced(lab: Lab) -> str:
    """The model of a stream that lasts for a stretch."""
    return f"paced-{_chunks(lab)}-{RATE}"


def _model(lab: Lab) -> str:
    return f"lab/{paced(lab)}"


async def stretch(
    lab: Lab, target: Target, requests: Sequence[bytes], marker: bytes, *, missing: int = 0
) -> Run:
    """Begin every stream, wait until all run, then count chunks and CPU until the first may end."""
    calls = [Call(index * _SPREAD / len(requests), request, marker) for index, request in enumerate(requests)]
    tasks, lags = await start_all(target.client, calls)
    await asyncio.sleep(_SETTLED)
    meter, seen = Meter(target), target.client.marks
    await asyncio.sleep(lab.plan.seconds)
    run = meter.stop(target.client.marks - seen, lag=p99(lags))
    exchanges = await asyncio.gather(*tasks, return_exceptions=True)
    fewest = _chunks(lab) - missing
    whole = sum(isinstance(each, Exchange) and each.body.count(marker) >= fewest for each in exchanges)
    return replace(run, errors=len(calls) - whole)
