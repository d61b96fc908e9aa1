"""All turns of this process: what the doors ask, follow and stop.

A turn runs in a task of its own, detached from whoever asked. When it has been recorded, the next of its conversation's
queue is this process's too, and starts at once.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from podium.errors import Draining, Overwhelmed, Standings, Unavailable
from podium.identity import Principal
from podium.journal.journal import Journal
from podium.journal.lease import Lease
from podium.journal.log import Numbered
from podium.kit import clock
from podium.kit.trace import REQUEST_ID
from podium.store.database import Database, Lane
from podium.store.failure import Again
from podium.turn import queries
from podium.turn.admit import Admission
from podium.turn.ask import Ask
from podium.turn.open import Attached, Waiting
from podium.turn.record import Recorded
from podium.turn.run import Steps, run
from podium.turn.takeover import Taken, load
from podium.turn.turn import Draft, Turn, Why, encode_report
from podium.vocabulary.cost import untold
from podium.vocabulary.event import Failure, TurnCancelled, TurnReport

logger = logging.getLogger(__name__)

_CLIENTS_PER_TURN = 5
_FORGET_SECONDS = 5.0
_STOP_SECONDS = 5.0


@dataclass(slots=True)
class _Live:
    turn: Turn
    draft: Draft
    task: asyncio.Task[None] | None = None
    why: Why | None = None

    def cancel(self) -> None:
        """Break it off, unless it has come to its end: recording is not interrupted."""
        if self.task is not None and self.draft.status == "running":
            self.task.cancel()


class Accepted(Struct, frozen=True):
    """A turn that was accepted: its id, how it came to be, and how its principal's limits stand after it.

    `depth` is how many wait in its conversation, itself among them; 0 where it does not wait.
    """

    id: str
    how: str
    standings: Standings = {}
    depth: int = 0


class Turns:
    """Starts, follows and stops turns; one a process."""

    def __init__(
        self,
        *,
        database: Database,
        lane: Lane,
        lease: Lease,
        journal: Journal,
        admission: Admission,
        steps: Steps,
    ) -> None:
        """`lane` is the connection for taking turns over and stopping them."""
        self._database = database
        self._lane = lane
        self._lease = lease
        self._journal = journal
        self._admission = admission
        self._steps = steps
        self._live: dict[str, _Live] = {}
        self._marked: dict[int, str] = {}
        self._listeners: Counter[str] = Counter()
        admission.abandoned(lambda turn: self._start(turn, Draft(turn)))
        lease.on_judged = self._let_go
        self.draining = False
        self.shed = 0
        """How many turns were refused because there was no room."""

    @property
    def running(self) -> int:
        """How many turns this process runs now."""
        return len(self._live)

    @property
    def waiting(self) -> int:
        """How many clients of this process wait for turns that do not run here: not yet, or in another process."""
        return len(self._listeners.keys() - self._live.keys())

    def find_room(self, share: float = 1.0) -> None:
        """Make sure that there is room for one more turn, by this share of all the room there is.

        Raises:
            Overwhelmed: as many run here or are being opened, or too many clients wait for others to end.
        """
        most = self._admission.most * share
        under_way = len(self._live) + self._admission.opening
        if under_way >= int(most) or len(self._listeners) >= most * _CLIENTS_PER_TURN:
            self.shed += 1
            raise Overwhelmed(after=1.0)

    async def ask(self, ask: Ask, who: Principal | None = None) -> Accepted:
        """Open a turn and let it run. Returns as soon as it is stored; follow it for what it says.

        It counts against the limits of `who`, if anybody's.

        Raises:
            PodiumError: it was not accepted: unknown model or conversation, busy, draining, …
        """
        if (joined := self._joined(ask)) is not None:
            return Accepted(joined, "attached")
        if self.draining:
            raise Draining(after=2.0)
        self.find_room()
        admitted = await self._admission(ask, self._steps.choose(ask.model), who)
        match admitted.opened:
            case Turn() as opened:
                self._start(opened, Draft(opened))
                if ask.tries is not None and ask.conversation is None:
                    self._marked[ask.tries.mark] = opened.id
                return Accepted(opened.id, "running", admitted.standings)
            case Waiting() as opened:
                if ask.on_busy == "interrupt" and opened.behind is not None:
                    await self._interrupt(opened.behind)
                return Accepted(opened.id, "queued", admitted.standings, opened.depth)
            case Attached() as opened:
                return Accepted(opened.id, "attached")

    def follow(
        self, turn_id: str, after: int = 0, *, patient: bool = False
    ) -> AsyncGenerator[list[Numbered], None]:
        """A turn's events after a number, in stretches, to its end; wherever it runs or ran.

        Who is `patient` shows nothing before the end: it may all come then.
        """
        return self._journal.follow(turn_id, after, patient=patient)

    @contextlib.contextmanager
    def attended(self, turn_id: str) -> Iterator[None]:
        """Somebody listens to a turn for as long as the context lasts."""
        self._listeners[turn_id] += 1
        try:
            yield
        finally:
            self._listeners[turn_id] -= 1
            if not self._listeners[turn_id]:
                del self._listeners[turn_id]

    async def leave(self, accepted: Accepted, ask: Ask) -> None:
        """Stop a turn whose client went away, if that was its wish and nobody else listens to it in this process.

        Who listens in another process is not known here. A client that tells its tries apart is given the time to come
        again by itself.
        """
        if ask.on_disconnect != "cancel":
            return
        if ask.tries is not None:
            await asyncio.sleep(ask.tries.pause)
        is_others = accepted.how == "attached" and accepted.id not in self._live
        if not self._listeners[accepted.id] and not is_others:
            await self.stop(accepted.id, tenant=ask.tenant, user=ask.user, why="disconnect")

    async def get(self, turn_id: str, *, tenant: str, user: str | None) -> queries.Seen:
        """A turn as clients see it.

        Raises:
            Unknown: there is none, or it is somebody else's.
        """
        return await queries.get(self._database, turn_id, tenant=tenant, user=user)

    async def stop(self, turn_id: str, *, tenant: str, user: str | None, why: Why = "cancel") -> None:
        """Ask a turn to stop; nothing happens to one that has ended.

        Raises:
            Unknown: there is none, or it is somebody else's.
        """
        if self.stop_here(turn_id, why, tenant=tenant, user=user):
            return
        seen = await queries.get(self._database, turn_id, tenant=tenant, user=user)
        if seen.report.status in ("running", "queued"):
            await self._stop(turn_id, why, seen.report)

    def stop_here(
        self, turn_id: str, why: Why, *, tenant: str | None = None, user: str | None = None
    ) -> bool:
        """Stop a turn that runs in this process; False if it does not, or is not this tenant's and user's."""
        live = self._live.get(turn_id)
        if live is None:
            return False
        ask = live.turn.ask
        if tenant not in (None, ask.tenant) or user not in (None, ask.user):
            return False
        if live.why is None and live.draft.status == "running":
            live.why = why
            # Not at once: a task that is cancelled before its first step never gets to record its turn.
            asyncio.get_running_loop().call_soon(live.cancel)
        return True

    async def forget(self, conversation: str) -> None:
        """Stop what runs and waits in a conversation, and remove what is kept of its turns; before it is deleted."""
        rows = await self._database.fetch(
            "SELECT id FROM turns WHERE conversation_id = $1 AND status IN ('running', 'queued') ORDER BY id DESC",
            conversation,
        )
        for row in rows:
            report = await queries.find(self._database, row["id"])
            await self._stop(row["id"], "cancel", report)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FORGET_SECONDS):
                for row in rows:
                    async with contextlib.aclosing(self.follow(row["id"])) as stretches:
                        async for _ in stretches:
                            pass
        await self._lane.fetch("SELECT turn_forget($1)", conversation)

    def adopt(self, taken: Taken) -> None:
        """Run a turn that came to be this process's by hand-over or recovery; it may have been stopped meanwhile."""
        self._start(taken.turn, taken.draft)
        if taken.stop is not None:
            self.stop_here(taken.turn.id, taken.stop)

    async def end(self, draft: Draft) -> None:
        """Record a turn that came to be this process's and will not be run."""
        await self._handed_on(await self._steps.record(draft))

    async def drain(self, seconds: float) -> None:
        """Take no new turns; wait for those that run, then stop them. What nobody saw is left to be run again."""
        self.draining = True
        self._steps.record.takes = False
        tasks = [live.task for live in self._live.values() if live.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for live in list(self._live.values()):
            if live.turn.ask.conversation is not None and not live.draft.visible:
                self._journal.lose(live.turn.log)
            self.stop_here(live.turn.id, "shutdown")
        tasks = [live.task for live in self._live.values() if live.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        self._journal.leave()

    async def _stop(self, turn_id: str, why: Why, report: TurnReport | None = None) -> None:
        if self.stop_here(turn_id, why):
            return
        ended = None
        if report is not None:
            failure = Failure(code="cancelled", message="The turn was cancelled while it waited.")
            ended = msgspec.structs.replace(
                report,
                status="cancelled",
                error=failure,
                ended_at=clock.now(),
                cost_info=untold(report.model, "success"),
                queue=None,
            )
        await self._lane.fetch(
            "SELECT turn_stop($1, $2, $3, $4, $5)",
            self._lease.owner,
            turn_id,
            why,
            encode_report(ended) if ended else None,
            Numbered(2, TurnCancelled(ended)).line.decode() if ended else None,
        )

    async def _interrupt(self, turn_id: str) -> None:
        try:
            await self._stop(turn_id, "interrupt")
        except (Unavailable, Again) as error:
            # Who asked for it was accepted, and goes next all the same.
            logger.warning("turn.not_interrupted", extra={"turn": turn_id, "error": str(error)})

    def _joined(self, ask: Ask) -> str | None:
        """The stateless turn that an earlier try of this request has started, if it runs here and comes to something.

        Its events are in this process's memory alone; those of a conversation's turns the database knows.
        """
        if ask.tries is None or not ask.tries.is_again or ask.conversation is not None:
            return None
        live = self._live.get(self._marked.get(ask.tries.mark, ""))
        if live is None or live.why is not None or live.draft.status not in ("running", "completed"):
            return None
        begun = live.turn.ask
        return live.turn.id if (begun.tenant, begun.user) == (ask.tenant, ask.user) else None

    def _let_go(self) -> None:
        """Break off what this process owned under its former name, at once: a turn that is silent would not notice."""
        for live in list(self._live.values()):
            if live.turn.log.owner != self._lease.owner:
                self._journal.lose(live.turn.log)
                asyncio.get_running_loop().call_soon(live.cancel)  # not before its first step

    def _start(self, turn: Turn, draft: Draft) -> None:
        live = self._live[turn.id] = _Live(turn, draft)
        self._admission.began(turn)
        live.task = asyncio.create_task(self._run(live), name=turn.id)

    async def _run(self, live: _Live) -> None:
        REQUEST_ID.set(live.turn.ask.trace)  # one that waited was begun by the turn before
        try:
            recorded = await run(live.turn, self._steps, live.draft, lambda: live.why)
        finally:
            # A turn that was not recorded is let go of: whoever owns it now goes on with it, if need be we ourselves.
            self._journal.lose(live.turn.log)
            if self._live.get(live.turn.id) is live:
                del self._live[live.turn.id]
                self._admission.ended(live.draft)
            tries = live.turn.ask.tries
            if tries is not None and self._marked.get(tries.mark) == live.turn.id:
                del self._marked[tries.mark]
        await self._handed_on(recorded)

    async def _handed_on(self, recorded: Recorded) -> None:
        if recorded.next is None:
            return
        taken: Taken | None = None
        while taken is None:
            try:
                taken = await load(self._lane, self._lease.owner, recorded.next, self._journal)
                if taken is None:
                    return
            except (Unavailable, Again) as error:
                # It is this process's already, so nobody else would start it.
                logger.warning("turn.not_started", extra={"turn": recorded.next, "error": str(error)})
                await asyncio.sleep(0.25)
        if self.draining:
            self._journal.lose(taken.turn.log)
        else:
            self.adopt(taken)
