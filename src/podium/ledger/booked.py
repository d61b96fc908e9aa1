"""Every attempt is paid for: money is held before it leaves, and settled when it ends, however it ends."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from podium.catalogue.profile import Profile
from podium.errors import BudgetExceeded, Inexpressible, ProviderError, Truncated, Unreachable
from podium.kit import clock, ids, money
from podium.ledger.bill import Bill, Loss, Paid
from podium.ledger.receipt import breakdown
from podium.ledger.tariff import UNKNOWN, cost
from podium.ledger.till import Settled, Till
from podium.providers.provider import Call, Provider
from podium.vocabulary.cost import CostBreakdown
from podium.vocabulary.event import (
    AnswerStarted,
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    Decided,
    Finished,
    Spoken,
    TextDelta,
    UsageSeen,
)
from podium.vocabulary.request import Request
from podium.vocabulary.usage import Usage


@dataclass(slots=True)
class _Heard:
    """What is known of an attempt from its events."""

    attempt: str
    began: float = field(default_factory=clock.monotonic)
    first_byte: float | None = None
    answer: AnswerStarted = AnswerStarted()  # noqa: RUF009  # a frozen value
    usage: Usage | None = None
    tier: str | None = None
    finished: bool = False

    def see(self, event: Spoken) -> None:
        if self.first_byte is None and type(event) is not Decided:  # which is told before anything is sent
            self.first_byte = clock.monotonic()
        if type(event) is TextDelta:  # nearly every event
            return
        if isinstance(event, UsageSeen):
            self.usage, self.tier = event.usage, event.tier
        elif isinstance(event, AnswerStarted):
            self.answer = event
        elif isinstance(event, Finished):
            self.finished = True

    @property
    def milliseconds(self) -> int:
        return round((clock.monotonic() - self.began) * 1000)


Count = Callable[[Call, Request], Awaitable[int | None]]
"""The host's own count of a request's tokens; None where it does not count."""


class Booked:
    """One attempt at one model.

    The reader of this stream makes `AttemptStarted` durable before it asks for more; only then does the first byte
    leave. Settlement comes before the event that tells of the end.
    """

    def __init__(
        self, inner: Provider, profile: Profile, till: Till | None = None, count: Count | None = None
    ) -> None:
        """`profile` prices what `inner` uses. Without a till nothing is held: nobody pays for the call.

        `count` asks the host for its own count near a limit.
        """
        self._count = count
        self._inner = inner
        self._profile = profile
        self._till = till

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """`AttemptStarted`, the inner stream, then `AttemptEnded` or `AttemptFailed`.

        Raises:
            BudgetExceeded: a budget does not cover it; nothing was sent.
            BudgetExhausted: a budget does not cover more of it.
        """
        heard = _Heard(ids.new("att"))
        bill = await self._opened(heard.attempt, request, call)
        if bill is not None:
            request, call = bill.request, msgspec.structs.replace(call, attempt=heard.attempt)
        failure: ProviderError | Inexpressible | BudgetExceeded | None = None
        sent = told = False
        try:
            yield AttemptStarted(
                attempt=heard.attempt,
                endpoint=self._profile.endpoint,
                model=self._profile.model,
                at=clock.now(),
            )
            sent, heard.began = True, clock.monotonic()
            try:
                async with contextlib.aclosing(self._inner.stream(request, call)) as events:
                    async for event in events:
                        heard.see(event)
                        if bill is not None and bill.see(event):
                            await bill.grow()
                        yield event
            except (ProviderError, Inexpressible, BudgetExceeded) as error:
                failure = error
            ending = await (
                self._ended(bill, heard) if failure is None else self._failed(bill, heard, failure)
            )
            told = True
        finally:
            if not told and bill is not None:  # nobody listens any more
                await self._buried(bill, heard, call, sent=sent)
        yield ending
        if failure is not None:
            raise failure

    async def _opened(self, attempt: str, request: Request, call: Call) -> Bill | None:
        if self._till is None or call.payer is None:
            return None
        ask = None if self._count is None else partial(self._count, call)
        bill = Bill(attempt, request, self._profile, call.payer, till=self._till, ask=ask)
        try:
            await bill.open(call.turn, call.purpose)
        except BudgetExceeded:
            raise
        except BaseException:
            # The database's answer was lost, or the caller left: it may be held all the same.
            self._till.give_back(attempt)
            raise
        return bill

    async def _ended(self, bill: Bill | None, heard: _Heard) -> AttemptEnded:
        paid, settled = await self._paid(bill, heard, whole=True, loss="none")
        return AttemptEnded(
            attempt=heard.attempt,
            milliseconds=heard.milliseconds,
            first_byte_milliseconds=None
            if heard.first_byte is None
            else round((heard.first_byte - heard.began) * 1000),
            usage=paid.usage,
            usage_source=paid.source,
            cost=self._cost(paid),
            cost_breakdown=self._breakdown(paid),
            counting_method=paid.method,
            budget_warnings=settled.warnings,
            budget_left=_left(settled),
            response_id=heard.answer.id,
            response_model=heard.answer.model,
        )

    async def _failed(
        self, bill: Bill | None, heard: _Heard, error: ProviderError | Inexpressible | BudgetExceeded
    ) -> AttemptFailed:
        if bill is not None and isinstance(error, Inexpressible | Unreachable) and not bill.has_said:
            await bill.void()  # nothing left
            bill = None
        paid, settled = await self._paid(bill, heard, whole=False, loss=_loss(error, heard))
        failed = self._broken(heard, paid, settled, code=error.code, message=error.message)
        if not isinstance(error, ProviderError):
            return failed
        return msgspec.structs.replace(
            failed, retryable=error.retryable, status=error.status, after=error.after
        )

    async def _buried(self, bill: Bill, heard: _Heard, call: Call, *, sent: bool) -> None:
        """Settle an attempt that was left by its listener; the one who called is told beside the stream."""
        if not sent:
            await bill.void()
            return
        whole = heard.finished and heard.usage is not None
        loss: Loss = "input" if heard.first_byte is None else "held"
        paid, settled = await self._paid(bill, heard, whole=whole, loss=loss)
        if call.buried is not None:
            left = self._broken(heard, paid, settled, code="interrupted", message="It was broken off.")
            call.buried(left)

    def _broken(
        self, heard: _Heard, paid: Paid, settled: Settled, *, code: str, message: str
    ) -> AttemptFailed:
        return AttemptFailed(
            attempt=heard.attempt,
            code=code,
            message=message,
            milliseconds=heard.milliseconds,
            usage=paid.usage,
            usage_source=paid.source,
            in_suspense=bool(paid.suspense),
            cost=self._cost(paid),
            cost_breakdown=self._breakdown(paid),
            counting_method=paid.method,
            budget_warnings=settled.warnings,
            budget_left=_left(settled),
        )

    async def _paid(
        self, bill: Bill | None, heard: _Heard, *, whole: bool, loss: Loss
    ) -> tuple[Paid, Settled]:
        if bill is not None and bill.is_open:
            return await bill.settle(
                whole=whole, loss=loss, response=heard.answer.id, milliseconds=heard.milliseconds
            )
        price = (self._profile.price or UNKNOWN).served(heard.tier)
        amount = cost(heard.usage or Usage(), price)
        return Paid(heard.usage, "provider" if heard.usage else "none", amount, price), Settled()

    def _cost(self, paid: Paid) -> str | None:
        if paid.usage is None or self._profile.price is None:
            return None
        return money.dollars(paid.amount)

    def _breakdown(self, paid: Paid) -> CostBreakdown | None:
        if paid.usage is None or self._profile.price is None:
            return None
        return breakdown(paid.usage, paid.price)


def _left(settled: Settled) -> str | None:
    return None if settled.left is None else money.dollars(max(settled.left, 0))


def _loss(error: ProviderError | Inexpressible | BudgetExceeded, heard: _Heard) -> Loss:
    """What may still be owed for an attempt that failed: by the written policy in docs/money.md."""
    if heard.first_byte is not None:
        return "held"
    if isinstance(error, ProviderError) and error.status is None and not isinstance(error, Unreachable):
        return "input"  # it was sent, and nothing came back
    return "input" if isinstance(error, Truncated) else "none"
