"""Go on where a dead process left off, and hear what others ask of this process's turns.

A turn of a conversation of which nothing was dispatched is run again; dispatched and nothing shown, once again. Else,
and for stateless turns always, it ends: `interrupted` with all that any listener saw; `failed` if that is nothing, so
its key is free again. Of a stateless turn without a key nothing is stored: it is `interrupted`. Correctness rests on
the rows alone: notifications make it quick, a poll finds what they missed.
"""

import asyncio
import contextlib
import logging

from podium.errors import PodiumError
from podium.journal.journal import Journal
from podium.journal.lease import Lease
from podium.kit import clock, ids
from podium.ledger.lost import Lost, Trace
from podium.store.database import Lane
from podium.turn.takeover import Taken, load
from podium.turn.turn import WHYS
from podium.turn.turns import Turns
from podium.vocabulary.event import Decided, TurnEvent

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 100
_MOST_SWEPT = 1000
_SWEEP_SECONDS = 60.0
_DAY = 24 * 3600


class Recovery:
    """The watch of one process over the turns of dead ones.

    Args:
        lane: the connection for taking over.
        lost: settles what the dead left unpaid.
        kept_days: how long a turn's events can be replayed.
    """

    def __init__(
        self,
        *,
        lane: Lane,
        lease: Lease,
        journal: Journal,
        turns: Turns,
        lost: Lost,
        kept_days: int = 30,
    ) -> None:
        self._lane = lane
        self._lease = lease
        self._journal = journal
        self._turns = turns
        self._lost = lost
        self._kept_days = kept_days
        self._swept = clock.monotonic()
        self._strays: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Recover what can be recovered now, then keep watching."""
        await self._recover()
        self._task = asyncio.create_task(self._watch(), name="recovery")

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        pause = min(1.0, self._lease.seconds / 5)
        while True:
            await asyncio.sleep(pause)
            try:
                self._journal.look()
                await self._stop_asked()
                if not self._turns.draining:
                    await self._recover()
                    await self._sweep()
            except PodiumError as error:
                logger.warning("recovery.postponed", extra={"error": str(error)})
            except Exception:  # whoever watches over the dead must not die of one of them
                logger.exception("recovery.broken")

    def heard(self, payload: str) -> None:
        """Somebody asks a turn to stop: `why id`, as the database notifies it."""
        why, _, turn_id = payload.partition(" ")
        self._turns.stop_here(turn_id, WHYS.get(why, "cancel"))

    async def _stop_asked(self) -> None:
        if not self._turns.running:
            return
        rows = await self._lane.fetch(
            "SELECT id, stop FROM turns WHERE stop IS NOT NULL AND status = 'running'"
        )
        for row in rows:
            self._turns.stop_here(row["id"], WHYS.get(row["stop"], "cancel"))

    async def _recover(self) -> None:
        owner = self._lease.owner
        seized = await self._lane.fetch(
            "SELECT journal_seize($1, $2, $3)", owner, self._lease.length, _MOST_AT_ONCE
        )
        for turn_id in [row[0] for row in seized] + await self._find_strays(owner):
            await self._take(owner, turn_id)
        waiting = await self._lane.fetch("SELECT turn_adopt($1, $2)", owner, _MOST_AT_ONCE)
        for row in waiting:
            taken = await load(self._lane, owner, row[0], self._journal)
            if taken is not None:
                self._turns.adopt(taken)

    async def _find_strays(self, owner: str) -> list[str]:
        """Turns that are this process's and do not run: their opening or taking over broke off halfway.

        Those that are seen for the first time may be about to run.
        """
        rows = await self._lane.fetch("SELECT journal_alive($1)", owner)
        seen = {row[0] for row in rows if self._journal.find(row[0]) is None}
        strays, self._strays = seen & self._strays, seen
        return sorted(strays)

    async def _take(self, owner: str, turn_id: str) -> None:
        """Go on with one turn. If that fails it stays a stray, and the others do not wait for it."""
        taken: Taken | None = None
        try:
            taken = await load(self._lane, owner, turn_id, self._journal)
            if taken is not None:
                await self._go_on(taken)
        except Exception:  # one turn that cannot be taken must not keep the others
            logger.exception("turn.not_recovered", extra={"turn": turn_id})
            if taken is not None:
                self._journal.lose(taken.turn.log)

    async def _go_on(self, taken: Taken) -> None:
        draft, turn = taken.draft, taken.turn
        logger.info("turn.recovered", extra={"turn": turn.id, "dispatched": draft.dispatched})
        lost = await self._lost.settle(
            Trace(
                turn=turn.id,
                attempt=draft.open_attempt,
                said=draft.said(),
                usage=draft.counted,
                is_told=turn.ask.conversation is not None,
            )
        )
        for event in lost:
            await self._tell(taken, event)
        again = (
            turn.ask.conversation is not None
            and not draft.visible
            and (draft.dispatched == 0 or taken.reruns == 0)
        )
        if draft.status != "running":
            await self._turns.end(draft)
        elif taken.stop is not None:
            draft.stop(taken.stop)
            await self._turns.end(draft)
        elif again:
            if draft.dispatched:
                await self._lane.fetch("SELECT turn_rerun($1)", turn.id)
            reason = "its server went away before anything was shown"
            await self._tell(taken, Decided(step="recover", chosen="run again", reason=reason))
            self._turns.adopt(taken)
        else:
            draft.orphan()
            await self._turns.end(draft)

    async def _tell(self, taken: Taken, event: TurnEvent) -> None:
        taken.draft.add(event)
        await self._journal.put(taken.turn.log, event)

    async def _sweep(self) -> None:
        """Forget what is past its time, a part of it at once; soon again, if there is more."""
        if clock.monotonic() - self._swept < _SWEEP_SECONDS:
            return
        parts = (
            await self._lane.fetch("SELECT turn_sweep($1, $2)", ids.before("turn", _DAY), _MOST_SWEPT),
            await self._lane.fetch(
                "SELECT journal_sweep($1, $2)", ids.before("turn", self._kept_days * _DAY), _MOST_SWEPT
            ),
        )
        await self._lane.fetch("SELECT signed_sweep($1)", _MOST_SWEPT)
        await self._lane.fetch("SELECT process_sweep($1)", _MOST_SWEPT)
        await self._lost.sweep()
        if all(gone < _MOST_SWEPT for [[gone]] in parts):
            self._swept = clock.monotonic()
