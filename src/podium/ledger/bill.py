"""The bill of one attempt: from its hold to its settlement."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from podium.catalogue.profile import Price, Profile
from podium.errors import BudgetExceeded, BudgetExhausted, Inexpressible, ProviderError
from podium.identity.payer import Payer
from podium.ledger.receipt import digest
from podium.ledger.streamed import Streamed, count_streamed, is_credible, went_on
from podium.ledger.tariff import UNKNOWN, cost, dearest
from podium.ledger.till import Settled, Spent, Till, Wanted
from podium.ledger.worth import asked, capped, worth
from podium.tokens.count import Count, ceiling, count_request, told
from podium.tokens.text import size_of
from podium.vocabulary.cost import CountingMethod
from podium.vocabulary.event import (
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Spoken,
    TextDelta,
    ToolCallDelta,
    UsageSeen,
    UsageSource,
)
from podium.vocabulary.request import Request
from podium.vocabulary.usage import Usage

_log = logging.getLogger(__name__)

_SLACK = 3  # by which a ceiling is usually above the true count
_MOST_TOKENS = 2**31 - 1  # that the database has room for
_BYTES = 2  # that a token of output has at the least, on the average of a whole answer

Loss = Literal["none", "input", "held"]
"""What of an attempt that broke off may still turn out to be owed: nothing, what its input costs, all that was held."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What an attempt came to: its usage, whose count that is, and what it costs by `price`, in nano-dollars.

    `method` is how an estimate was counted, None where it is none; `suspense` what may be owed besides.
    """

    usage: Usage | None
    source: UsageSource
    amount: int
    price: Price
    method: CountingMethod | None = None
    suspense: int = 0


Ask = Callable[[Request], Awaitable[int | None]]
"""The host's own count of a request's tokens; None where it does not count. Raises ProviderError, Inexpressible."""


class Bill:
    """The money of one attempt. Local to it; taking an event is O(1)."""

    def __init__(
        self,
        attempt: str,
        request: Request,
        profile: Profile,
        payer: Payer,
        *,
        till: Till,
        ask: Ask | None = None,
    ) -> None:
        """`ask` has the host count a request near a limit; without it, or where the host gives none, we do."""
        self.request = request
        self._ask = ask
        self._attempt = attempt
        self._profile = profile
        self._payer = payer
        self._till = till
        self._price = asked(profile.price or UNKNOWN, request)
        self._worth = worth(request, profile, self._price, ceiling(request, profile))
        self._counted: CountingMethod | None = None
        self._tokens = self._worth.tokens // _SLACK
        self._words: list[str] = []
        self._thoughts: list[str] = []
        self._is_plain = True
        self._bytes = self._thought_bytes = 0
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._is_open = False

    async def open(self, turn: str | None, purpose: str) -> None:
        """Hold what it may cost, and lower the request's cap to what is covered where a budget has less.

        Raises:
            BudgetExceeded: not even a short answer is covered.
            Lost, Unavailable: as the till.
        """
        self._tariff, prices = digest(self._price)
        await self._till.know(self._tariff, prices)
        try:
            self._wish = self._wanted(turn, purpose)
            held = await self._till.hold(self._wish)
        except BudgetExceeded:
            before = self._worth.least
            await self._count()
            if self._worth.least >= before:
                raise
            self._wish = self._wanted(turn, purpose)
            held = await self._till.hold(self._wish)
        self._held, self._is_open = held.amount, True
        # Of an answer that comes whole all is owed when the first word of it is seen: nothing is left to be cut.
        self._is_watched = held.is_bound and self.request.stream and self._profile.streaming
        if held.amount < self._worth.most:
            await self._count()
            cap = self._worth.covered(held.amount)
            if cap < self._worth.cap:
                self._worth = msgspec.structs.replace(self._worth, cap=cap)
                self.request = capped(self.request, cap)
        self._mark = _BYTES * self._worth.cap
        self._is_capped = self.request.sampling.max_output is not None

    def _wanted(self, turn: str | None, purpose: str) -> Wanted:
        return Wanted(
            attempt=self._attempt,
            payer=self._payer,
            turn=turn,
            purpose=purpose,
            model=self._profile.name,
            tariff=self._tariff,
            amount=self._worth.most,
            least=self._worth.least,
            tokens=min(self._tokens, _MOST_TOKENS),
        )

    async def _count(self) -> None:
        """Count the input where its bytes were enough so far: near a limit it matters."""
        if self._counted is not None:
            return
        count = await self._asked() or await count_request(self.request, self._profile)
        self._counted, self._tokens = count.method, count.tokens
        self._worth = msgspec.structs.replace(self._worth, tokens=min(count.ceiling, self._worth.tokens))

    async def _asked(self) -> Count | None:
        try:
            tokens = await self._ask(self.request) if self._ask is not None else None
        except (ProviderError, Inexpressible) as error:
            _log.warning("tokens.not_told", extra={"model": self._profile.name, "error": error.code})
            return None
        return None if tokens is None else told(tokens)

    def see(self, event: Spoken) -> bool:
        """Take an event; whether it may have outgrown what was held."""
        match event:
            case TextDelta(text=text) | RefusalDelta(text=text):
                self._add(text)
            case ToolCallDelta(arguments=text):
                self._add(text)
                self._is_plain = False
            case ReasoningDelta(text=text):
                self._thoughts.append(text)
                self._thought_bytes += size_of(text)
                self._is_plain = False
            case UsageSeen(usage=usage) if is_credible(usage):
                self._usage, self._tier = usage, event.tier or self._tier
            case Finished() if self._worth.choices == 1:
                self._is_watched = False
            case _:
                return False
        return (
            self._is_watched
            and self._bytes + self._thought_bytes > self._mark
            and self._roughly() > self._held
        )

    def _add(self, text: str) -> None:
        self._words.append(text)
        self._bytes += size_of(text)

    def _roughly(self) -> int:
        """What it costs so far, rather too much: most tokens are longer."""
        said, thought = self._bytes // 4, self._thought_bytes // 4
        guess = self._cost(Usage(input=self._worth.tokens // 2, output=said, reasoning=thought))
        return guess if self._usage is None else max(guess, self._cost(self._usage))

    def _cost(self, usage: Usage) -> int:
        return cost(usage, self._served(usage))

    def _served(self, usage: Usage) -> Price:
        """The price of the tier of service that the host names; until it does, the dearest that may be meant."""
        return dearest(usage, self._price) if self._tier is None else self._price.served(self._tier)

    async def grow(self) -> None:
        """Count what came, and hold twice as much if it is more than is held.

        Raises:
            BudgetExhausted: a budget has not enough left.
        """
        self._mark = (self._bytes + self._thought_bytes) * 9 // 8
        need = await self._needed()
        if need <= self._held:
            return
        wanted = msgspec.structs.replace(self._wish, amount=max(2 * self._held, need), least=need)
        try:
            held = await self._till.hold(wanted, is_first=False)
        except BudgetExceeded as error:
            raise BudgetExhausted(error.message, hint=error.hint) from error
        self._held, self._is_capped = held.amount, False

    async def _needed(self) -> int:
        """What it costs so far. A host that was told its cap may well keep it: an estimate is then no proof at once."""
        await self._count()
        came, method = await self._came()
        if method == "estimate" and self._is_capped:
            came = Usage(output=came.output * 4 // 5, reasoning=came.reasoning * 4 // 5)
        counted = self._cost(msgspec.structs.replace(came, input=self._tokens))
        return counted if self._usage is None else max(counted, self._cost(self._usage))

    async def void(self) -> None:
        """Nothing left: nothing is owed."""
        if self._is_open:
            self._is_open = False
            await self._till.void(self._attempt)

    async def settle(
        self, *, whole: bool, loss: Loss, response: str | None, milliseconds: int
    ) -> tuple[Paid, Settled]:
        """Enter what it cost. Without the host's own count at the end of a whole answer, ours is taken.

        Args:
            whole: the answer came to its end.
            loss: what may still be owed where it did not.
        """
        paid = await self._paid(whole=whole)
        if not whole and paid.source != "provider":
            most = {"none": 0, "input": self._worth.floor, "held": self._held}[loss]
            paid = replace(paid, suspense=max(most - paid.amount, 0))
        settled = await self._till.settle(
            Spent(
                attempt=self._attempt,
                amount=paid.amount,
                suspense=paid.suspense,
                usage=paid.usage or Usage(),
                source=paid.source,
                response=response,
                succeeded=whole,
                milliseconds=milliseconds,
            )
        )
        # Not before: who is broken off meanwhile is settled once more, which changes nothing.
        self._is_open = False
        return paid, settled

    @property
    def is_open(self) -> bool:
        """Whether money is held that nobody has settled yet."""
        return self._is_open

    @property
    def has_said(self) -> bool:
        """Whether anything of an answer came."""
        return bool(self._words or self._thoughts) or self._usage is not None

    async def _paid(self, *, whole: bool) -> Paid:
        usage = self._usage
        if usage is not None and whole:
            return self._told(usage)
        if not self.has_said and not whole:
            return Paid(None, "none", 0, self._price)
        came, method = await self._came()
        if usage is None:
            await self._count()
            usage = msgspec.structs.replace(came, input=self._tokens)
            method = "estimate" if self._counted == "estimate" else method
        elif usage.output_total >= came.output_total:
            return self._told(usage)
        else:
            usage = went_on(usage, came)
        price = self._served(usage)
        return Paid(usage, "estimate", cost(usage, price), price, method)

    def _told(self, usage: Usage) -> Paid:
        """By the host's own count, and its word for how it was served or else the caller's."""
        price = self._price.served(self._tier)
        return Paid(usage, "provider", cost(usage, price), price)

    async def _came(self) -> tuple[Usage, CountingMethod]:
        """What came, as it is counted here; thoughts and calls are framed in ways that nobody tells."""
        streamed = Streamed("".join(self._words), "".join(self._thoughts))
        usage, method = await count_streamed(streamed, self._profile.model)
        return usage, method if self._is_plain else "estimate"
