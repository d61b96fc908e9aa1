"""Counts in Redis, for replicas that share them: one round trip for all scopes, all or none, by the server's own clock.

Redis is never the truth and never waited for: what it does not answer within 50 ms each process decides for itself, and
then leaves it alone until it is well again, which is asked once a second. What it should have heard meanwhile it hears
then: which seats were given back, and what was not used after all. What is owed is kept beside the moment at which it
was, so that a clock that goes back neither grants anything nor locks anybody out. A seat is kept for 45 seconds at a
time and renewed: those of a process that dies are free again after that.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from podium.errors import Unavailable
from podium.identity.quota.limit import Plan
from podium.identity.quota.memory import Verdict
from podium.identity.quota.script import GIVE, RENEW, TAKE, Script
from podium.kit import clock
from podium.store.batch import Batch

logger = logging.getLogger(__name__)

_TIMEOUT = 0.05  # for what a turn waits for
_PATIENCE = 1.0  # for all else
_PING_SECONDS = 1.0
_SEAT_SECONDS = 45
_RENEW_SECONDS = 15.0
_OWED_SECONDS = 60.0  # after a minute time has paid for it
_QUIET = 60.0
_MOST_LATER = 10_000
_SICK = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class _Step:
    """One run of a script, of no use after `until` (monotonic)."""

    script: Script
    keys: tuple[str, ...]
    words: tuple[str | int, ...]
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class _Taking:
    plan: Plan
    amounts: tuple[int, ...]
    name: str

    def step(self) -> _Step:
        meters, seats = self.plan.meters, self.plan.seats
        counted = zip(meters, self.amounts, strict=True)
        words: list[str | int] = [len(meters), self.name, _SEAT_SECONDS * 1000]
        for meter, amount in counted:
            words += [meter.rate.each * amount, meter.rate.span]
        return _Step(TAKE, _keys(self.plan), (*words, *[each.most for each in seats]))


class Shared:
    """What each user, key and tenant has taken, in every process that asks the same Redis."""

    def __init__(self, url: str) -> None:
        self._client = redis.from_url(
            url,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._taking: Batch[_Taking, Verdict | None] = Batch(
            "quota", self._take, compensate=self._abandoned, patience=_TIMEOUT
        )
        self._seated: dict[str, Plan] = {}
        self._later: list[_Step] = []
        self._telling: asyncio.Task[None] | None = None
        self._tending: asyncio.Task[None] | None = None
        self._complained = -_QUIET
        self.is_well = False

    async def open(self) -> None:
        """Connect, begin to renew seats, and to look after a sick Redis."""
        try:
            await self._greet()
        except _SICK as error:
            self._complain(error)
        self._tending = asyncio.create_task(self._tend(), name="quota")

    async def close(self) -> None:
        """Give back what is still to be given back, and stop."""
        if self._tending is not None:
            self._tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tending
        await self._taking.close()
        if self._telling is not None:
            await self._telling
        with contextlib.suppress(*_SICK):
            await self._client.aclose()

    async def take(self, plan: Plan, amounts: tuple[int, ...], name: str) -> Verdict:
        """Take so much by each meter, and a seat of each kind; all, or nothing where there is too little of one.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict = await self._taking.put(_Taking(plan, amounts, name))
        if verdict is None:
            raise Unavailable("Redis does not answer.")
        if verdict.short is None and plan.seats:
            self._seated[name] = plan
        return verdict

    def give(self, plan: Plan, amounts: Sequence[int]) -> None:
        """Give back what was not used after all; what was used beyond it is negative. Returns at once."""
        counted = [pair for pair in zip(plan.meters, amounts, strict=True) if pair[1]]
        if counted:
            keys = tuple(meter.name for meter, _ in counted)
            words = tuple(meter.rate.each * amount for meter, amount in counted)
            self._tell(_Step(GIVE, keys, words, clock.monotonic() + _OWED_SECONDS))

    def sit(self, plan: Plan, name: str) -> None:
        """Take a seat of each kind, whether there is one or not. Returns at once."""
        self._seated[name] = plan
        self._tell(_renewal(plan, name))

    def rise(self, plan: Plan, name: str) -> None:
        """Give the seats back. Returns at once."""
        self._seated.pop(name, None)
        self._tell(_Step(RENEW, tuple(each.name for each in plan.seats), (name, 0)))

    async def _take(self, items: Sequence[_Taking]) -> list[Verdict | None]:
        if not self.is_well:
            return [None for _ in items]
        try:
            answers = await self._run([item.step() for item in items], _TIMEOUT)
        except _SICK as error:
            self._complain(error)
            for item in items:
                self._forsake(item)
            return [None for _ in items]
        return [_verdict(answer) for answer in answers]

    def _abandoned(self, item: _Taking, verdict: Verdict | None) -> None:
        """Whoever asked did not wait for the answer."""
        if verdict is not None and verdict.short is None:
            self.give(item.plan, item.amounts)
            self.rise(item.plan, item.name)

    def _forsake(self, item: _Taking) -> None:
        """What was given up may be done all the same, as soon as Redis wakes; what it owes then, time pays."""
        if item.plan.seats:
            self.rise(item.plan, item.name)

    async def _run(self, steps: Sequence[_Step], seconds: float) -> list[list[int]]:
        """All in one round trip; in two where Redis has forgotten the scripts."""
        async with asyncio.timeout(seconds):
            try:
                return await self._sent(steps)
            except NoScriptError:
                # None of them has run: the scripts come and go together.
                await self._greet()
                return await self._sent(steps)

    async def _greet(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            for script in (TAKE, GIVE, RENEW):
                await self._client.script_load(script.text)
        self.is_well = True
        self._begin_to_tell()

    async def _sent(self, steps: Sequence[_Step]) -> list[list[int]]:
        async with self._client.pipeline(transaction=False) as pipe:
            for step in steps:
                pipe.evalsha(step.script.digest, len(step.keys), *step.keys, *step.words)
            return list(await pipe.execute())

    def _tell(self, step: _Step) -> None:
        """Do this soon; while Redis is sick, as soon as it is well."""
        if len(self._later) < _MOST_LATER:
            self._later.append(step)
        self._begin_to_tell()

    def _begin_to_tell(self) -> None:
        if self.is_well and self._later and self._telling is None:
            self._telling = asyncio.create_task(self._tell_all(), name="quota told")

    async def _tell_all(self) -> None:
        steps: list[_Step] = []
        try:
            while self.is_well and self._later:
                now = clock.monotonic()
                steps, self._later = [step for step in self._later if step.until > now], []
                await self._run(steps, _PATIENCE)
        except _SICK as error:
            if not isinstance(error, ResponseError):
                # It may have heard them. Seats may be told of twice; what was given back may not.
                again = [step for step in steps if step.script is RENEW]
                self._later = (again + self._later)[:_MOST_LATER]
            self._complain(error)
        finally:
            self._telling = None

    async def _tend(self) -> None:
        renewed = clock.monotonic()
        while True:
            await asyncio.sleep(_PING_SECONDS)
            try:
                if not self.is_well:
                    await self._greet()
                    renewed = -math.inf  # it may have forgotten who sits
                if clock.monotonic() - renewed >= _RENEW_SECONDS:
                    renewed = clock.monotonic()
                    for name, plan in self._seated.items():
                        self._tell(_renewal(plan, name))
            except _SICK as error:
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        self.is_well = False
        if clock.monotonic() - self._complained > _QUIET:
            self._complained = clock.monotonic()
            logger.warning("quota.redis_away", extra={"error": str(error) or type(error).__name__})


def _keys(plan: Plan) -> tuple[str, ...]:
    return (*[each.name for each in plan.meters], *[each.name for each in plan.seats])


def _renewal(plan: Plan, name: str) -> _Step:
    return _Step(RENEW, tuple(each.name for each in plan.seats), (name, _SEAT_SECONDS * 1000))


def _verdict(answer: Sequence[int]) -> Verdict:
    """`[place from 1 or 0, wait, owed …]`."""
    short, wait, *owed = answer
    return Verdict(owed, short - 1 if short else None, wait)
