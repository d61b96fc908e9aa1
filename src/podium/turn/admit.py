"""Admit a turn: take what it needs of its principal's limits, then open it; give back what came to nothing.

Limits count turns that are accepted. Whose a conversation is and whether a key has started a turn before is known only
when the turn is opened, so what is taken before is given back where opening refuses; and who has nothing left is still
told that there is no such conversation, and still gets the turn that was started before.
"""

from collections.abc import Callable
from dataclasses import dataclass

from podium import conversation
from podium.context.history import request_tokens
from podium.errors import RateLimited, Standings
from podium.identity import Principal
from podium.identity.quota import Grant, Quota
from podium.routing.choose import Plan
from podium.store.database import Database
from podium.turn import queries
from podium.turn.ask import Ask
from podium.turn.open import Attached, Opened, Opening, Waiting
from podium.turn.turn import Draft, Turn

_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """What came of an ask, and how its principal's limits stand after it; empty where nothing was counted."""

    opened: Opened
    standings: Standings


class Admission:
    """Admits turns to this process, of which `most` may be under way."""

    def __init__(self, opening: Opening, quota: Quota, database: Database, *, most: int) -> None:
        self._opening = opening
        self._quota = quota
        self._database = database
        self._waiting: dict[str, Grant] = {}
        self._running: dict[str, Grant] = {}
        self.most = most
        self.opening = 0
        """How many are being opened now."""

    async def __call__(self, ask: Ask, plan: Plan, who: Principal | None) -> Admitted:
        """Open a turn within this principal's limits; None is limited by nothing.

        Raises:
            RateLimited: there is too little left of something.
            PodiumError: as `Opening`.
        """
        self.opening += 1
        grant: Grant | None = None
        opened: Opened | None = None
        try:
            grant = await self._granted(ask, who)
            opened = await self._opening(ask, plan)
        finally:
            self.opening -= 1
            if grant is not None and (opened is None or isinstance(opened, Attached)):
                grant.withdraw()
        if grant is None or isinstance(opened, Attached):
            return Admitted(opened, {})
        self._keep(opened, grant)
        return Admitted(opened, grant.standings)

    def abandoned(self, begin: Callable[[Turn], None]) -> None:
        """Whom to call with a turn whose caller went away while it was opened."""
        self._opening.on_abandoned = begin

    def began(self, turn_id: str) -> None:
        """A turn begins to run here."""
        grant = self._waiting.pop(turn_id, None)
        if grant is not None:
            grant.sit()
            self._running[turn_id] = grant

    def ended(self, draft: Draft) -> None:
        """A turn has ended here. What it used takes the place of what was expected, unless nobody knows it."""
        grant = self._running.pop(draft.turn.id, None)
        if grant is None:
            return
        used = draft.account.usage
        if used is not None:
            grant.end(used.input_total + used.output_total)
        else:
            grant.end(None if draft.dispatched else 0)

    def _keep(self, opened: Turn | Waiting, grant: Grant) -> None:
        if isinstance(opened, Turn) or opened.runs:
            self._running[opened.id] = grant
            return
        grant.stand()
        self._waiting[opened.id] = grant
        if len(self._waiting) > _MOST_WAITING:  # the oldest ran elsewhere: what was expected of them stands
            del self._waiting[next(iter(self._waiting))]

    async def _granted(self, ask: Ask, who: Principal | None) -> Grant | None:
        if who is None:
            return None
        tokens = 0
        if self._quota.counts_tokens(who):
            tokens = request_tokens(ask.request) + (ask.request.sampling.max_output or 0)
        try:
            return await self._quota.admit(who, tokens)
        except RateLimited:
            if await self._costs_nothing(ask, who):
                return None
            raise

    async def _costs_nothing(self, ask: Ask, who: Principal) -> bool:
        """Whether opening will find the turn that is there already, or no conversation."""
        if (
            ask.conversation is not None
            and await conversation.find(self._database, who, ask.conversation) is None
        ):
            return True
        return await queries.is_known(self._database, ask)
