"""Admit a turn: take what it needs of its principal's limits, then open it; give back what came to nothing.

Limits count turns that are accepted. Whose a conversation is and whether a key has started a turn before is known only
when the turn is opened, so what is taken before is given back where opening refuses; and who has nothing left is still
told that there is no such conversation, and still gets the turn that was started before.

A turn that has to wait gives back its seat, and nothing is remembered of it: whichever process runs it, in the end or
after the death of another, takes a seat for it and counts what it used. Whose it is, its row tells.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from podium import conversation
from podium.context.history import request_tokens
from podium.errors import RateLimited, Standings
from podium.identity import OPERATOR_KEY, Principal
from podium.identity.quota import Grant, Quota
from podium.routing.choose import Plan
from podium.store.database import Database
from podium.turn import queries
from podium.turn.ask import Ask
from podium.turn.open import Attached, Opened, Opening
from podium.turn.turn import Draft, Turn


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
        if who is not None:
            ask = msgspec.structs.replace(ask, tier=who.tier)
        try:
            grant = await self._granted(ask, who)
            opened = await self._opening(ask, plan)
        except asyncio.CancelledError:
            if grant is not None:
                grant.stand()  # it is opened all the same
            raise
        finally:
            self.opening -= 1
            if grant is not None and (opened is None or isinstance(opened, Attached)):
                grant.withdraw()
        if grant is None or isinstance(opened, Attached):
            return Admitted(opened, {})
        if isinstance(opened, Turn):
            self._running[opened.id] = grant
        else:
            grant.stand()
        return Admitted(opened, grant.standings)

    def abandoned(self, begin: Callable[[Turn], None]) -> None:
        """Whom to call with a turn whose caller went away while it was opened."""
        self._opening.on_abandoned = begin

    def began(self, turn: Turn) -> None:
        """A turn begins to run here: one that was just admitted, or that waited, or ran elsewhere before."""
        if turn.id in self._running or (who := _principal(turn.ask)) is None:
            return
        grant = self._quota.resume(who, self._expected(turn.ask, who))
        if grant is not None:
            self._running[turn.id] = grant

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

    async def _granted(self, ask: Ask, who: Principal | None) -> Grant | None:
        if who is None:
            return None
        try:
            return await self._quota.admit(who, self._expected(ask, who))
        except RateLimited:
            if await self._costs_nothing(ask, who):
                return None
            raise

    def _expected(self, ask: Ask, who: Principal) -> int:
        """How many tokens a turn may use, where that matters."""
        if not self._quota.counts_tokens(who):
            return 0
        return request_tokens(ask.request) + (ask.request.sampling.max_output or 0)

    async def _costs_nothing(self, ask: Ask, who: Principal) -> bool:
        """Whether opening will find the turn that is there already, or no conversation."""
        if (
            ask.conversation is not None
            and await conversation.find(self._database, who, ask.conversation) is None
        ):
            return True
        return await queries.is_known(self._database, ask)


def _principal(ask: Ask) -> Principal | None:
    """Whose limits count a turn, as its row tells; names, which are for people, it does not."""
    if ask.tier is None:
        return None
    return Principal(
        tenant=ask.tenant,
        user=ask.user,
        key=ask.key,
        scope="member",
        tier=ask.tier,
        tenant_name="",
        user_name="",
        is_operator=ask.key == OPERATOR_KEY,
    )
