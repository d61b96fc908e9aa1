"""Record a turn: its log folded, its answer in the conversation, the floor handed on; one round trip, batched.

A turn is recorded before its end is shown, so this waits for the database however long it is away. The only answer that
stops it is that another process owns the turn now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from podium.context.signed import encode_blocks
from podium.journal.journal import Journal
from podium.store.batch import Batch
from podium.store.database import Lane
from podium.turn.ask import encode_messages
from podium.turn.turn import Draft, encode_report
from podium.vocabulary.event import is_delta

_FOR_EVER = 1e9
_encoder = msgspec.json.Encoder()


class _Item(Struct, frozen=True):
    id: str
    owner: str
    status: str
    report: str
    last: int
    lines: str
    messages: str | None
    signed: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whether it was written, and the waiting turn that is this process's now."""

    written: bool
    next: str | None


class Recording:
    """Records turns for this process. Set `takes` to False to leave waiting turns to others."""

    def __init__(self, lane: Lane, fleeting: Lane, journal: Journal) -> None:
        """The connections of this statement alone: `lane` for turns that are kept, `fleeting` for the others."""
        self._journal = journal
        self.takes = True
        self._kept = self._batched(lane)
        self._fleeting = self._batched(fleeting)

    async def __call__(self, draft: Draft) -> Recorded:
        """Record how the turn ended, then show its end to its listeners."""
        log, ask = draft.turn.log, draft.turn.ask
        await self._journal.seal(log)
        if log.lost:
            self._journal.lose(log)
            return Recorded(written=False, next=None)
        draft.close_attempt()
        terminal = draft.terminal()
        end = log.append(terminal)
        report = terminal.turn
        if ask.kept:
            lines = log.lines()
        else:
            report = msgspec.structs.replace(report, output=None, output_text=None)
            ending = msgspec.structs.replace(terminal, turn=report)
            facts = [entry.line for entry in log.events[:-1] if not is_delta(entry.event)]
            lines = b"\n".join([*facts, b'{"seq":%d,%b' % (end.seq, _encoder.encode(ending)[1:])])
        recorded = await (self._kept if ask.kept else self._fleeting).put(
            _Item(
                id=draft.turn.id,
                owner=log.owner,
                status=draft.status,
                report=encode_report(report),
                last=end.seq,
                lines=lines.decode(),
                messages=None if ask.conversation is None else encode_messages(draft.messages()),
                signed=encode_blocks(draft.signed()),
            )
        )
        if recorded.written:
            self._journal.end(log)
        else:
            self._journal.lose(log)
        return recorded

    @property
    def batches(self) -> Sequence[Batch[Any, Any]]:
        """What its statements go in."""
        return (self._kept, self._fleeting)

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._kept.close()
        await self._fleeting.close()

    def _batched(self, lane: Lane) -> Batch[_Item, Recorded]:
        return Batch(
            "record",
            partial(self._run, lane),
            size=lambda item: len(item.lines) + len(item.messages or "") + len(item.signed or ""),
            patience=_FOR_EVER,
        )

    async def _run(self, lane: Lane, items: Sequence[_Item]) -> list[Recorded]:
        owners = {item.owner for item in items}
        results: dict[str, Recorded] = {}
        for owner in sorted(owners):
            ours = [item for item in items if item.owner == owner]
            rows = await lane.fetch(
                "SELECT * FROM turn_record($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                owner,
                self.takes,
                [item.id for item in ours],
                [item.status for item in ours],
                [item.report for item in ours],
                [item.last for item in ours],
                [item.lines for item in ours],
                [item.messages for item in ours],
                [item.signed for item in ours],
            )
            results.update((item.id, Recorded(row[0], row[1])) for item, row in zip(ours, rows, strict=True))
        return [results[item.id] for item in items]
