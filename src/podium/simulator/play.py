"""Plays one answer: at its pace, through its pipe, with its fault at its place."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from podium.simulator.answer import Piece, input_usage
from podium.simulator.fault import BEFORE, BENDING, INSTEAD, MIDWAY, THROUGHOUT, bent, odd, refuse, strike
from podium.simulator.oracle import Ended, Served
from podium.simulator.pipe import Cut, Pipe
from podium.simulator.plan import Fault, Plan
from podium.vocabulary.answer import Collector
from podium.vocabulary.event import ReasoningDelta
from podium.vocabulary.request import Request
from podium.wires.wire import AnswerWriter, Wire

_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_DOCUMENT = {"content-type": "application/json"}


class Frame(NamedTuple):
    """Bytes that leave together, and the pieces of the answer that are in them."""

    data: bytes
    pieces: tuple[Piece, ...]


Step = Frame | Fault


@dataclass(frozen=True, slots=True)
class Play:
    """One answer to be played. `fault` is the plan's, if its turn has come."""

    wire: Wire
    request: Request
    plan: Plan
    fault: Fault | None
    served: Served
    writer: AnswerWriter
    pieces: Iterator[Piece]

    async def perform(self, pipe: Pipe) -> Ended:
        """Send it all; tells how it ended."""
        fault, streams = self.fault, self.request.stream
        if fault is not None and (fault.kind in INSTEAD or (fault.kind == "error" and not streams)):
            await refuse(fault, pipe, self.wire)
            return "refused" if self.served.status != 200 else "fault"
        usage = input_usage(self.plan, self.request)
        self.served.input, self.served.cached_input = usage.input, usage.cached_input
        if fault is not None and fault.kind in BEFORE and fault.after == "request":
            if not await strike(fault, pipe, self.writer):
                return "cut"
        elif fault is not None and (fault.kind in THROUGHOUT or fault.at is not None):
            pipe.bend(fault)
            streams = {"json": False, "sse": True}.get(fault.kind, streams)
        try:
            ended = await (self._stream(pipe) if streams else self._document(pipe))
        except Cut:
            assert fault is not None  # noqa: S101 – nothing else cuts
            return "fault" if await strike(fault, pipe, self.writer) else "cut"
        return "fault" if ended == "complete" and fault is not None else ended

    async def _stream(self, pipe: Pipe) -> Ended:
        """Each frame has its moment, counted from the beginning; what is overdue leaves together."""
        time, rate = asyncio.get_running_loop().time, self.plan.rate
        due = time() + self.plan.first
        await _wait_until(due)
        await pipe.start(200, _STREAM)
        waiting: list[Frame] = []
        for step in self._steps(self._all(self._frames())):
            if isinstance(step, Fault) or not rate or due > time():
                await self._send(waiting, pipe)
                waiting = []
            if isinstance(step, Fault):
                if not await strike(step, pipe, self.writer):
                    return "cut"
            else:
                await _wait_until(due)
                waiting.append(step)
                due += sum(piece.tokens for piece in step.pieces) / rate if rate else 0.0
        await self._send(waiting, pipe)
        await pipe.finish()
        return "complete"

    async def _document(self, pipe: Pipe) -> Ended:
        """A whole answer takes as long as a streamed one would. It leaves in two halves, so that it can be cut."""
        collector, pieces = Collector(), tuple(self.pieces)
        for piece in pieces:
            collector.add(piece.delta)
        tokens = sum(piece.tokens for piece in pieces)
        await asyncio.sleep(self.plan.first + (tokens / self.plan.rate if self.plan.rate else 0))
        body = self.writer.whole(collector.answer(keep_cut_calls=True))
        half = len(body) // 2
        await pipe.start(200, _DOCUMENT)
        halves = iter((Frame(body[:half], pieces), Frame(body[half:], ())))
        for step in self._steps(self._all(halves)):
            if not isinstance(step, Fault):
                await self._send([step], pipe)
            elif not await strike(step, pipe, self.writer):
                return "cut"
        await pipe.finish()
        return "complete"

    def _frames(self) -> Iterator[Frame]:
        for piece in self.pieces:
            yield Frame(self.writer.frame(piece.delta), (piece,))
        if self.plan.finish != "none":
            yield Frame(self.writer.end(), ())

    def _all(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames; once more, where the fault is that they are repeated; oddly framed, where it is that."""
        if self.fault is not None and self.fault.kind == "odd":
            return (Frame(odd(frame.data), frame.pieces) for frame in frames)
        if self.fault is None or self.fault.kind != "repeat":
            return frames
        kept = tuple(frames)
        return itertools.chain(kept, (Frame(frame.data, ()) for frame in kept))

    def _steps(self, frames: Iterator[Frame]) -> Iterator[Step]:
        """The frames with the fault at its place; a place beyond the last chunk is right after that chunk."""
        fault = self.fault
        if fault is not None and fault.kind in BENDING:
            yield from _bent(fault, frames)
            return
        if (
            fault is None
            or fault.kind not in MIDWAY
            or fault.at is not None
            or (fault.kind in BEFORE and fault.after == "request")
        ):
            fault = None
        place = fault.after if fault is not None and isinstance(fault.after, int) else 0
        shown = 0
        for frame in frames:
            if fault is not None and (shown >= place or (shown and not _is_shown(frame))):
                yield fault
                fault = None
            yield frame
            shown += _is_shown(frame)

    async def _send(self, frames: list[Frame], pipe: Pipe) -> None:
        for piece in (piece for frame in frames for piece in frame.pieces if piece.shown):
            self.served.chunks += 1
            self.served.characters += len(getattr(piece.delta, "text", ""))
            if isinstance(piece.delta, ReasoningDelta):
                self.served.reasoning += piece.tokens
            else:
                self.served.output += piece.tokens
        if data := b"".join(frame.data for frame in frames):
            await pipe.write(data)
            if not self.plan.rate:
                await asyncio.sleep(0)


def _bent(fault: Fault, frames: Iterator[Frame]) -> Iterator[Frame]:
    """The frames, one of them changed: the one with the visible chunk of that number, or the next that holds bytes."""
    place = fault.after if isinstance(fault.after, int) else 0
    shown, is_due = 0, True
    for frame in frames:
        shown += _is_shown(frame)
        if is_due and shown >= place and frame.data:
            is_due = False
            yield Frame(bent(fault, frame.data), frame.pieces)
        else:
            yield frame


def _is_shown(frame: Frame) -> bool:
    return any(piece.shown for piece in frame.pieces)


async def _wait_until(due: float) -> None:
    """Until that moment of the event loop's clock, if it is not past."""
    left = due - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)
