"""Ask whether a principal may have one more turn."""

from collections.abc import Callable
from itertools import count
from typing import Protocol

from podium.errors import RateLimited, Unavailable
from podium.identity.principal import Principal
from podium.identity.quota.grant import Counts, Grant, standings
from podium.identity.quota.limit import Limits, Meter, Plan, plan
from podium.identity.quota.memory import Memory, Verdict
from podium.kit import clock, ids

_MOST_PLANS = 16_384
_SEAT_SECONDS = 1.0  # nobody knows when a turn will end
_MILLISECOND = 1_000_000

_Who = tuple[str, str, str, str]
_Plans = dict[_Who, Plan | None]


class SharedCounts(Counts, Protocol):
    """Counts that replicas share. While `is_well` is False nobody should ask."""

    is_well: bool

    async def take(self, plan: Plan, amounts: tuple[int, ...], name: str) -> Verdict:
        """As `Memory.take`.

        Raises:
            Unavailable: it does not answer.
        """
        ...


class Quota:
    """All limits of this process.

    Args:
        workers: processes of this server. Where nothing is shared, the limits are divided among them and the replicas.
        shared: counts in Redis. While it is sick, each process counts for itself, within its share.
        now: nanoseconds on a clock that never goes back.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        workers: int = 1,
        shared: SharedCounts | None = None,
        now: Callable[[], int] = clock.nanoseconds,
    ) -> None:
        self._limits = limits
        self._share = workers * limits.replicas
        self._shared = shared
        self._memory = Memory(now=now)
        self._own: _Plans = {}
        self._whole: _Plans = {}
        self._process = ids.new("seat")
        self._numbers = count()

    def counts_tokens(self, who: Principal) -> bool:
        """Whether it matters how many tokens this principal's turns use."""
        found = self._plan(self._own, who, self._share)
        return found is not None and found.counts_tokens

    async def admit(self, who: Principal, tokens: int = 0) -> Grant | None:
        """Take what one more turn of about so many tokens needs; None where nothing is counted.

        Raises:
            RateLimited: there is too little of something; `after` says when there will be enough.
        """
        shared = self._shared
        if shared is not None and shared.is_well:
            whole = self._plan(self._whole, who, 1)
            if whole is None:
                return None
            name = self._name()
            try:
                verdict = await shared.take(whole, whole.amounts(1, tokens), name)
            except Unavailable:
                pass  # each for itself, then
            else:
                return _granted(shared, whole, verdict, tokens=tokens, name=name)
        own = self._plan(self._own, who, self._share)
        if own is None:
            return None
        verdict = self._memory.take(own, own.amounts(1, tokens))
        return _granted(self._memory, own, verdict, tokens=tokens, name="")

    def resume(self, who: Principal, tokens: int) -> Grant | None:
        """Go on with what a turn took that had to wait, here or elsewhere, and runs here now; None as `admit`.

        Its seat was its predecessor's, so it is not asked whether there is one. `tokens` is what was expected of it.
        """
        shared = self._shared
        counts: Counts = self._memory
        found, name = self._plan(self._own, who, self._share), ""
        if shared is not None and shared.is_well:
            counts = shared
            found, name = self._plan(self._whole, who, 1), self._name()
        if found is None:
            return None
        if found.seats:
            counts.sit(found, name)
        return Grant(counts, found, (), tokens=tokens, name=name)

    def _name(self) -> str:
        return f"{self._process}.{next(self._numbers)}"

    def _plan(self, plans: _Plans, who: Principal, share: int) -> Plan | None:
        by = (who.key, who.user, who.tenant, who.tier)
        try:
            return plans[by]
        except KeyError:
            found = plan(who, self._limits, share=share)
        if len(plans) >= _MOST_PLANS:
            plans.clear()
        plans[by] = found
        return found


def _granted(counts: Counts, plan: Plan, verdict: Verdict, *, tokens: int, name: str) -> Grant:
    if verdict.short is None:
        return Grant(counts, plan, verdict.owed, tokens=tokens, name=name)
    told = standings(plan, verdict.owed)
    if verdict.short >= len(plan.meters):
        seats = plan.seats[verdict.short - len(plan.meters)]
        raise RateLimited(
            f"This {seats.whose} has {seats.said} turns under way, as many as may be.",
            after=_SEAT_SECONDS,
            standings=told,
        )
    meter = plan.meters[verdict.short]
    after = -(-verdict.wait // _MILLISECOND) / 1000
    raise RateLimited(_told(meter, after), after=after, standings=told)


def _told(meter: Meter, after: float) -> str:
    least = "" if after < 1 else f" Try again in {after:.3f} seconds."
    return f"This {meter.whose} may ask for {meter.said} {meter.what} a minute, and has had them.{least}"
