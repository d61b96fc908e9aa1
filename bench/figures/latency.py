"""How much later one caller is answered."""

import os
import time
from pathlib import Path

from bench.client import Client
from bench.lab import MODEL, Lab, completion
from bench.load import p50
from bench.table import NOTHING, Asked, Figure, of_values

_PAGE = b"\0" * 8192
_MESSAGES = 50
_TURNS = 2  # in each conversation: enough to leave it at about its length


async def measure(lab: Lab) -> list[Figure]:
    """One caller: through Podium less straight to the stand-in, call by call in turn."""
    stateless = await _stateless(lab)
    syncs = _sync_ms(lab.server.directory, lab.plan.samples)
    turns, whole = await _turns(lab, p50(syncs))
    return [*stateless, *turns, _middle("write and fdatasync of 8 kB", syncs), *await _loaded(lab, whole)]


async def _stateless(lab: Lab) -> list[Figure]:
    direct, relayed, podium = [], [], []
    for _ in range(lab.plan.samples):
        direct.append(await _call_ms(lab.direct))
        relayed.append(await _call_ms(lab.relay.client))
        podium.append(await _call_ms(lab.podium.client))
    base = p50(direct)
    note = f"one caller, p50; the stand-in itself {base:.2f} ms"
    return [
        _middle("added to a stateless call", podium, Asked(limit=1.0), base=base, note=note),
        _middle("added to a call by the relay", relayed, base=base, note=note),
    ]


async def _call_ms(client: Client) -> float:
    return (await client.send(completion(client, MODEL))).expect_ok().milliseconds


async def _turns(lab: Lab, sync: float) -> tuple[list[Figure], float]:
    """Streamed turns of short conversations; the median of a whole one, in ms."""
    direct, first, text, whole = [], [], [], []
    conversations = await lab.conversations(lab.plan.samples // _TURNS)
    for conversation in conversations * _TURNS:
        exchange = await lab.direct.send(completion(lab.direct, MODEL, stream=True))
        direct.append((exchange.first - exchange.started) * 1e3)
        exchange = await lab.podium.client.send(lab.turn(conversation, stream=True), b"event: text.delta")
        exchange.expect_ok()
        first.append((exchange.first - exchange.started) * 1e3)
        text.append((exchange.first_mark - exchange.started) * 1e3)
        whole.append(exchange.milliseconds)
    base, allowed = p50(direct), Asked(limit=1.0 + 2 * sync)
    note = f"one caller, p50; limit 1 ms and two of {sync:.2f} ms"
    figures = [
        _middle("first byte of a durable turn", first, allowed, note=note),
        _middle("added to the first text of a durable turn", text, allowed, base=base, note=note),
    ]
    return figures, p50(whole)


async def _loaded(lab: Lab, short_ms: float) -> list[Figure]:
    conversations = await lab.conversations(max(10, lab.plan.samples // 8))
    await lab.fill(conversations, _MESSAGES)
    client = lab.podium.client
    read, turned = [], []
    for conversation in conversations * _TURNS:
        path = f"/v1/conversations/{conversation}/items?limit={_MESSAGES}"
        exchange = (await client.send(client.request("GET", path))).expect_ok()
        if exchange.body.count(b'"position"') != _MESSAGES:
            raise RuntimeError("a conversation does not hold what was said in it")
        read.append(exchange.milliseconds)
    for conversation in conversations * _TURNS:
        exchange = (await client.send(lab.turn(conversation, stream=True))).expect_ok()
        turned.append(exchange.milliseconds)
    note = f"one caller, p50; a turn without them {short_ms:.2f} ms"
    return [
        _middle("50 messages read", read, Asked(limit=5.0), note="one caller, p50"),
        _middle("50 messages loaded in a turn", turned, Asked(limit=5.0), base=short_ms, note=note),
    ]


def _middle(
    name: str, values: list[float], asked: Asked = NOTHING, *, base: float = 0.0, note: str = ""
) -> Figure:
    """The median above a base, in ms; the range is of the middle half."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    shown = [each - base for each in (ordered[quarter], p50(ordered), ordered[-quarter - 1])]
    return of_values(name, "ms", shown, asked, note=note)


def _sync_ms(directory: Path, count: int) -> list[float]:
    """What the data directory's file system takes to make a page durable, as Postgres does at each commit."""
    path = directory / "fsync"
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    took = []
    try:
        for _ in range(count):
            began = time.perf_counter()
            os.pwrite(file, _PAGE, 0)
            os.fdatasync(file)
            took.append((time.perf_counter() - began) * 1e3)
    finally:
        os.close(file)
        path.unlink()
    return took
