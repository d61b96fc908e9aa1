"""Attempts whose owner died: what is owed for them is settled by who takes over their turn."""

from dataclasses import dataclass

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.profile import Price, Profile
from podium.errors import UnknownModel
from podium.kit import money
from podium.ledger.tariff import cost
from podium.ledger.till import Spent, Till
from podium.store.database import Database
from podium.tokens.count import count_text
from podium.vocabulary.event import AttemptFailed, UsageSource
from podium.vocabulary.usage import Usage

_MOST = 1000
_ENTRY = "SELECT * FROM ledger_entries WHERE id = $1"
_LEFT = "SELECT * FROM ledger_left($1, $2)"


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a turn's last attempt: None where its log tells of none; what it had said, and the host's count.

    `is_told` says whether the log would tell: a stateless turn's does not.
    """

    turn: str
    attempt: str | None
    said: str
    usage: Usage | None
    is_told: bool


class Lost:
    """Settles what dead owners left, by the prices of the catalogue."""

    def __init__(self, database: Database, till: Till, catalogue: Catalogue) -> None:
        self._database = database
        self._till = till
        self._catalogue = catalogue

    async def settle(self, trace: Trace) -> AttemptFailed | None:
        """Settle what a lost turn left, and tell how its last attempt ended, if there was one.

        What was shown is charged as it is counted here, with its input; what was not shown is nobody's debt, and waits
        in suspense for a day.
        """
        ending = None
        for row in await self._database.fetch(_LEFT, trace.turn, _MOST):
            if row["id"] == trace.attempt:
                ending = await self._end(
                    trace, row["model"], tokens=row["tokens"], held=row["amount"], floor=row["floor"]
                )
            elif trace.is_told:
                await self._till.void(row["id"])  # its log would tell if it had left
            else:
                await self._till.settle(_nothing(row["id"], row["floor"]))
        if ending is None and trace.attempt is not None:
            return await self._known(trace.attempt)
        return ending

    async def _known(self, attempt: str) -> AttemptFailed:
        """An attempt that its owner could still settle."""
        row = await self._database.first(_ENTRY, attempt)
        if row is None:
            return _told(attempt, None, "none", None)
        usage = Usage(
            input=row["input"],
            cached_input=row["cached_input"],
            cache_write=row["cache_write"],
            output=row["output"],
            reasoning=row["reasoning"],
        )
        return _told(attempt, usage, row["usage_source"], money.dollars(row["amount"]))

    async def sweep(self) -> None:
        """Settle what nobody took over, and let go of what was in suspense for long enough."""
        for row in await self._database.fetch(_LEFT, None, _MOST):
            await self._till.settle(_nothing(row["id"], row["floor"]))
        await self._database.fetch("SELECT ledger_release($1)", _MOST)
        await self._database.fetch("SELECT ledger_prepare()")

    async def _end(self, trace: Trace, model: str, *, tokens: int, held: int, floor: int) -> AttemptFailed:
        assert trace.attempt is not None  # noqa: S101 - the caller asked; this tells the type checker
        profile = self._profile(model)
        if profile is None or (not trace.said and trace.usage is None):
            await self._till.settle(_nothing(trace.attempt, floor))
            return _told(trace.attempt, None, "none", None)
        output = (await count_text(trace.said, profile.model)).tokens
        usage = trace.usage or Usage(input=tokens)
        if usage.output_total < output:
            usage += Usage(output=output - usage.output_total)
        amount = cost(usage, profile.price or Price(0, 0))
        await self._till.settle(
            Spent(
                attempt=trace.attempt,
                amount=amount,
                suspense=max(held - amount, 0),
                usage=usage,
                source="estimate",
                response=None,
                succeeded=False,
                milliseconds=0,
            )
        )
        return _told(
            trace.attempt, usage, "estimate", None if profile.price is None else money.dollars(amount)
        )

    def _profile(self, model: str) -> Profile | None:
        try:
            return self._catalogue.resolve(model)[0].profile
        except UnknownModel:  # it is configured no more
            return None


def _nothing(attempt: str, floor: int) -> Spent:
    return Spent(
        attempt=attempt,
        amount=0,
        suspense=floor,
        usage=Usage(),
        source="none",
        response=None,
        succeeded=False,
        milliseconds=0,
    )


def _told(attempt: str, usage: Usage | None, source: UsageSource, dollars: str | None) -> AttemptFailed:
    return AttemptFailed(
        attempt=attempt,
        code="owner_lost",
        message="The server that made this call went away.",
        milliseconds=0,
        retryable=True,
        usage=usage,
        usage_source=source,
        cost=dollars,
        counting_method="estimate" if source == "estimate" else None,
    )
