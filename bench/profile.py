"""Where the server process spends its time under one kind of load.

It samples with py-spy, which need not be part of the environment: it is found on the path or named by PY_SPY.
"""

import asyncio
import collections
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.lab import MODEL, Lab, completion

KINDS = ("stateless", "turn", "stream", "stream-turn")

_CALLERS = 64
_STREAMS = 50
_PACED = "lab/paced-100-50"
_SECONDS = 8
_SAMPLES_A_SECOND = 400
_LINES = 45
_WAITING = "Condition.wait (python"  # a thread of the pool without work; py-spy takes it for busy


async def profile(lab: Lab, kind: str) -> str:
    """Load the server in one way and tell the functions that take most of its CPU, by self time and with callees.

    Raises:
        FileNotFoundError: there is no py-spy.
    """
    sampler = os.environ.get("PY_SPY") or shutil.which("py-spy")
    if sampler is None:
        raise FileNotFoundError("py-spy is not on the path: pip install py-spy, or name it with PY_SPY")
    loads = {"stateless": _stateless, "turn": _turn, "stream": _stream, "stream-turn": _stream_turn}
    count = _STREAMS if kind.startswith("stream") else _CALLERS
    calling = [asyncio.create_task(_again(lab, loads[kind])) for _ in range(count)]
    await asyncio.sleep(1)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "stacks"
        options = [
            "--pid",
            str(lab.podium.pid),
            "--duration",
            str(_SECONDS),
            "--rate",
            str(_SAMPLES_A_SECOND),
        ]
        process = await asyncio.create_subprocess_exec(
            sampler, "record", *options, "--format", "raw", "--output", str(path), "--full-filenames",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, told = await process.communicate()
        if not path.exists():
            raise RuntimeError(f"py-spy failed: {told.decode()}")
        stacks = path.read_text()
    for task in calling:
        task.cancel()
    await asyncio.gather(*calling, return_exceptions=True)
    return _summary(stacks)


async def _again(lab: Lab, load: Callable[[Lab], Awaitable[None]]) -> None:
    while True:
        await load(lab)


async def _stateless(lab: Lab) -> None:
    await lab.podium.client.send(completion(lab.podium.client, MODEL))


async def _turn(lab: Lab) -> None:
    (conversation,) = await lab.conversations(1)
    for _ in range(8):
        await lab.podium.client.send(lab.turn(conversation))


async def _stream(lab: Lab) -> None:
    await lab.podium.client.send(completion(lab.podium.client, _PACED, stream=True))


async def _stream_turn(lab: Lab) -> None:
    (conversation,) = await lab.conversations(1)
    await lab.podium.client.send(lab.turn(conversation, _PACED, stream=True))


def _summary(stacks: str) -> str:
    """Folded stacks, one a line with its number of samples, as two tables side by side."""
    own: collections.Counter[str] = collections.Counter()
    with_callees: collections.Counter[str] = collections.Counter()
    total = 0
    for line in stacks.splitlines():
        stack, _, number = line.rpartition(" ")
        frames = [_short(frame) for frame in stack.split(";")]
        if frames[-1].startswith(_WAITING):
            continue
        samples = int(number)
        total += samples
        own[frames[-1]] += samples
        for frame in set(frames):
            with_callees[frame] += samples
    rows = [f"{total} samples", f"{'self':>6}  {'function':70}  {'with callees':>6}  function"]
    for (left, a), (right, b) in zip(own.most_common(_LINES), with_callees.most_common(_LINES), strict=False):
        rows.append(f"{a / total:6.1%}  {left:70}  {b / total:6.1%}  {right}")
    return "\n".join(rows)


def _short(frame: str) -> str:
    """`name (/long/way/to/site-packages/package/file.py:12)` without the way and the line."""
    name, _, place = frame.partition(" (")
    path = place.rstrip(")").rpartition(":")[0]
    for root in ("/site-packages/", "/src/", "/lib/"):
        path = path.rpartition(root)[2]
    return f"{name} ({path})"
