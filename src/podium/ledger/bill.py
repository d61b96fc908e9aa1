"""The bill of one attempt: from its hold to its settlement."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import msgspec

from podium.catalogue.profile import Price, Profile
from podium.errors import BudgetExceeded, BudgetExhausted
from podium.identity.payer import Payer
from podium.ledger.receipt import digest
from podium.ledger.tariff import cost
from podium.ledger.till import Settled, Spent, Till, Wanted
from podium.ledger.worth import capped, worth
from podium.tokens.count import ceiling, count_request, count_text
from podium.vocabulary.event import (
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

_SLACK = 3  # by which a ceiling is usually above the true count
_MOST_TOKENS = 2**31 - 1  # that the database has room for
_CHARACTERS = 2  # that a token of output has at the least, on the average of a whole answer

Loss = Literal["none", "input", "held"]
"""What of an attempt that broke off may still turn out to be owed: nothing, what its input costs, all that was held."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What an attempt came to: its usage, whose count that is, and its price in nano-dollars."""

    usage: Usage | None
    source: UsageSource
    amount: int


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
    ) -> None:
        self.request = request
        self._attempt = attempt
        self._profile = profile
        self._payer = payer
        self._till = till
        self._price = profile.price or Price(0, 0)
        self._worth = worth(request, profile, self._price, ceiling(request, profile))
        self._is_counted = False
        self._tokens = self._worth.tokens // _SLACK
        self._held = 0
        self._is_bound = False
        self._said: list[str] = []
        self._characters = 0
        self._usage: Usage | None = None
        self._is_open = False

    async def open(self, turn: str | None, purpose: str) -> None:
        """Hold what it may cost, and lower the request's cap to what is covered where a budget has less.

        Raises:
            BudgetExceeded: not even a short answer is covered.
            Lost, Unavailable: as the till.
        """
        self._tariff, told = digest(self._price)
        await self._till.know(self._tariff, told)
        try:
            held = await self._till.hold(self._wanted(turn, purpose))
        except BudgetExceeded:
            before = self._worth.least
            await self._count()
            if self._worth.least >= before:
                raise
            held = await self._till.hold(self._wanted(turn, purpose))
        self._turn, self._purpose = turn, purpose
        self._held, self._is_bound, self._is_open = held.amount, held.is_bound, True
        if held.amount < self._worth.most:
            await self._count()
            cap = self._worth.covered(held.amount)
            if cap < self._worth.cap:
                self.request = capped(self.request, cap)

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
            floor=self._worth.floor,
        )

    async def _count(self) -> None:
        """Count the input where its bytes were enough so far: near a limit it matters."""
        if self._is_counted:
            return
        self._is_counted = True
        count = await count_request(self.request, self._profile)
        self._tokens = count.tokens
        self._worth = dataclasses.replace(self._worth, tokens=min(count.ceiling, self._worth.tokens))

    def see(self, event: Spoken) -> bool:
        """Take an event; whether it outgrew what was held."""
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text) | RefusalDelta(text=text):
                self._said.append(text)
                self._characters += len(text)
            case ToolCallDelta(arguments=text):
                self._said.append(text)
                self._characters += len(text)
            case UsageSeen(usage=usage) if usage != Usage():  # a count of nothing at all is none
                self._usage = usage
            case _:
                return False
        return (
            self._is_bound and self._characters > _CHARACTERS * self._worth.cap and self._now() > self._held
        )

    async def grow(self) -> None:
        """Hold twice as much.

        Raises:
            BudgetExhausted: a budget has not enough left.
        """
        need = self._now()
        wanted = dataclasses.replace(
            self._wanted(self._turn, self._purpose), amount=max(2 * self._held, need), least=need
        )
        try:
            held = await self._till.hold(wanted)
        except BudgetExceeded as error:
            raise BudgetExhausted(error.message, hint=error.hint) from error
        self._held = held.amount

    def _now(self) -> int:
        """What it costs so far, roughly and rather too little: a whole count is made at the end."""
        output = self._characters // 4
        guess = Usage(input=self._worth.tokens // 2, output=output)
        return max(cost(guess, self._price), 0 if self._usage is None else cost(self._usage, self._price))

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
        suspense = 0
        if not whole and paid.source != "provider":
            most = {"none": 0, "input": self._worth.floor, "held": self._held}[loss]
            suspense = max(most - paid.amount, 0)
        self._is_open = False
        settled = await self._till.settle(
            Spent(
                attempt=self._attempt,
                amount=paid.amount,
                suspense=suspense,
                usage=paid.usage or Usage(),
                source=paid.source,
                response=response,
                succeeded=whole,
                milliseconds=milliseconds,
            )
        )
        return paid, settled

    @property
    def is_open(self) -> bool:
        """Whether money is held that nobody has settled yet."""
        return self._is_open

    @property
    def has_said(self) -> bool:
        """Whether anything of an answer came."""
        return bool(self._said) or self._usage is not None

    async def _paid(self, *, whole: bool) -> Paid:
        usage = self._usage
        if usage is not None and whole:
            return Paid(usage, "provider", cost(usage, self._price))
        if usage is None and not self._said and not whole:
            return Paid(None, "none", 0)
        output = (await count_text("".join(self._said), self._profile.model)).tokens if self._said else 0
        if usage is None:
            await self._count()
            usage = Usage(input=self._tokens, output=output)
        elif usage.output_total >= output:
            return Paid(usage, "provider", cost(usage, self._price))
        else:  # a count from the middle of a stream, which went on
            usage = msgspec.structs.replace(usage, output=usage.output + output - usage.output_total)
        return Paid(usage, "estimate", cost(usage, self._price))
