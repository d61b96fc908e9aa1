"""Open a turn: claim its idempotency key, check the conversation's owner, take the floor or a place in the queue.

One round trip, batched: after it the user's message cannot be lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec import Struct

from podium.context.history import history_bytes
from podium.errors import Busy, Conflict, Mismatch, QueueFull, Unavailable, Unknown
from podium.journal.journal import Journal
from podium.journal.lease import Lease
from podium.journal.log import Numbered
from podium.kit import clock, ids
from podium.routing.choose import Plan
from podium.store.batch import Batch
from podium.store.database import Lane
from podium.turn.ask import Ask, Message, Tries, decode_history, encode, encode_messages
from podium.turn.turn import Turn
from podium.vocabulary.event import TurnStarted

_MOST_AGAIN = 400
_WIDE_WINDOW = (
    200_000  # tokens; for conversations with a model of their own, which is not known before they are read
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A turn in the queue, behind the one that speaks now; None if it has left the queue meanwhile.

    `depth` is how many waited there when it came, itself among them.
    """

    id: str
    behind: str | None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Attached:
    """The idempotency key, or an earlier try of the same request, has started this turn before."""

    id: str


Opened = Turn | Waiting | Attached


class _Item(Struct, frozen=True):
    id: str
    ask: Ask
    opening: Numbered
    stored: str
    messages: str | None
    bytes: int


class _Outcome(Struct, frozen=True):
    word: str
    other: str | None
    history: str | None
    model: str | None
    depth: int | None
    owner: str


class Opening:
    """Opens turns for this process."""

    def __init__(
        self, lane: Lane, fleeting: Lane, lease: Lease, journal: Journal, *, most_queued: int
    ) -> None:
        """The connections of this statement alone: `lane` for turns that are kept, `fleeting` for the others.

        `most_queued` turns may wait in one conversation.
        """
        self._most_queued = most_queued
        self._lease = lease
        self._journal = journal
        self._kept = self._batched(lane)
        self._fleeting = self._batched(fleeting)
        self.on_abandoned: Callable[[Turn], None] | None = None

    async def __call__(self, ask: Ask, plan: Plan) -> Opened:
        """Open a turn.

        Raises:
            Unknown: no such conversation, or not this caller's.
            Conflict: more has been said there since the turn that this one goes on with.
            Busy: it is speaking and `on_busy` is `reject`.
            QueueFull: it is speaking, and as many turns wait as may.
            Mismatch: the idempotency key came with another request before.
            Unavailable: the database does not answer.
        """
        turn_id = ids.new("turn")
        item = _Item(
            id=turn_id,
            ask=ask,
            opening=Numbered(1, TurnStarted(turn=turn_id, conversation=ask.conversation, model=ask.model)),
            stored="" if ask.conversation is None else encode(ask).decode(),
            messages=None if ask.conversation is None else encode_messages(_messages(ask)),
            bytes=history_bytes(plan.window),
        )
        outcome = await self._settled(item)
        match outcome.word:
            case "running" if self._journal.find(turn_id) is not None:
                # After a lost connection it was asked for again, and had waited and begun meanwhile.
                return Waiting(turn_id, None)
            case "running":
                return self._turn(item, outcome)
            case "queued":
                return Waiting(turn_id, outcome.other, outcome.depth or 0)
            case "attached":
                return Attached(outcome.other or "")
            case "mismatch":
                raise Mismatch(param="Idempotency-Key", hint="Use a new key for a new request.")
            case "gone_on":
                raise Conflict("The conversation has gone on since this turn.", hint="Start a new turn.")
            case "busy":
                # To go on with a broken turn cannot wait: by then more would have been said since.
                or_else = "" if ask.continues else ", or ask with on_busy: enqueue or interrupt"
                raise Busy(hint=f"Wait for the running turn{or_else}.", after=1.0)
            case "full":
                raise QueueFull(
                    f"{self._most_queued} turns wait in this conversation, as many as may.",
                    hint="Wait for them, or cancel some: POST /v1/turns/{id}/cancel.",
                    after=1.0,
                )
            case _:
                raise Unknown("There is no such conversation.")

    @property
    def batches(self) -> Sequence[Batch[Any, Any]]:
        """What its statements go in."""
        return (self._kept, self._fleeting)

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._kept.close()
        await self._fleeting.close()

    def _batched(self, lane: Lane) -> Batch[_Item, _Outcome]:
        return Batch(
            "open",
            partial(self._run, lane),
            size=lambda item: len(item.stored) + len(item.messages or ""),
            compensate=self._abandoned,
        )

    def _turn(self, item: _Item, outcome: _Outcome) -> Turn:
        now = clock.now()
        return Turn(
            id=item.id,
            ask=item.ask,
            model=item.ask.model or outcome.model,
            log=self._journal.begin(item.id, outcome.owner, [item.opening], stored=item.ask.kept),
            history=decode_history(outcome.history) if outcome.history else (),
            created_at=now,
            started_at=now,
        )

    def _abandoned(self, item: _Item, outcome: _Outcome) -> None:
        # The caller went away between asking and hearing that it was accepted; accepted it is.
        begun = self._journal.find(item.id) is not None
        if outcome.word == "running" and not begun and self.on_abandoned is not None:
            self.on_abandoned(self._turn(item, outcome))

    async def _settled(self, item: _Item) -> _Outcome:
        for _ in range(_MOST_AGAIN):
            outcome = await (self._kept if item.ask.kept else self._fleeting).put(item)
            if outcome.word == "judged":
                await self._lease.judged(outcome.owner)
            elif outcome.word != "again":
                return outcome
            await asyncio.sleep(0.005)
        raise Unavailable("The conversation stays locked by another statement.", after=1.0)

    async def _run(self, lane: Lane, items: Sequence[_Item]) -> list[_Outcome]:
        owner = self._lease.owner
        rows = await lane.fetch(
            "SELECT * FROM turn_open($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
            " $17, $18, $19)",
            owner,
            [item.id for item in items],
            [item.ask.tenant for item in items],
            [item.ask.user for item in items],
            [item.ask.sees_all for item in items],
            [item.ask.conversation for item in items],
            [item.ask.on_busy for item in items],
            [item.stored for item in items],
            [item.opening.line.decode() for item in items],
            [item.messages for item in items],
            [item.ask.once.scope if item.ask.once else None for item in items],
            [item.ask.once.hash if item.ask.once else None for item in items],
            [item.bytes for item in items],
            history_bytes(_WIDE_WINDOW),
            [None if (tries := _tries(item.ask)) is None else tries.mark for item in items],
            [(tries := _tries(item.ask)) is not None and tries.is_again for item in items],
            self._most_queued,
            [item.ask.continues for item in items],
            [item.ask.shows_all_or_nothing for item in items],
        )
        return [_Outcome(row[0], row[1], row[2], row[3], row[4], owner) for row in rows]


def _tries(ask: Ask) -> Tries | None:
    """Those of a conversation's turn: of a stateless one nothing is kept that another try could be told."""
    return ask.tries if ask.conversation is not None else None


def _messages(ask: Ask) -> tuple[Message, ...]:
    return tuple(
        Message(
            id=ids.new("msg"),
            speaker=line.name or (ask.user if line.role == "user" else line.role),
            role=line.role,
            parts=line.parts,
        )
        for line in ask.input
    )
