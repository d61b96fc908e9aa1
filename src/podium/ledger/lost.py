"""Attempts whose owner died: what is owed for them is settled by who takes over their turn."""

from dataclasses import dataclass

import asyncpg
from msgspec import structs

from podium.catalogue.profile import Price
from podium.kit import money
from podium.ledger import entries, tariff
from podium.ledger.budgets import Reach
from podium.ledger.receipt import explained
from podium.ledger.streamed import Streamed, count_streamed, is_credible, went_on
from podium.ledger.tariff import UNKNOWN, cost, dearest
from podium.ledger.till import Spent, Till
from podium.store.database import Database
from podium.vocabulary.event import AttemptFailed, AttemptStarted, UsageSource
from podium.vocabulary.usage import Usage

_MOST = 1000
_LEFT = """
SELECT l.*, t.told, h.at FROM ledger_left($1, $2) l
  JOIN holds h ON h.attempt_id = l.id LEFT JOIN tariffs t ON t.id = h.tariff ORDER BY l.id
"""
_RELEASE = "SELECT ledger_release($1)"
_PREPARE = "SELECT ledger_prepare()"


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a turn's last attempt: None where its log tells of none; what it had said, and the host's count.

    `is_told` says whether the log would tell: a stateless turn's does not.
    """

    turn: str
    attempt: str | None
    said: Streamed
    usage: Usage | None
    is_told: bool


@dataclass(frozen=True, slots=True)
class _Paid:
    """What is known of an attempt's cost."""

    usage: Usage
    source: UsageSource
    amount: int
    price: Price


class Lost:
    """Settles what dead owners left, by the prices that it was held by."""

    def __init__(self, database: Database, till: Till) -> None:
        self._database = database
        self._till = till

    async def settle(self, trace: Trace) -> list[AttemptStarted | AttemptFailed]:
        """Settle what a lost turn left, and tell of its attempts what its log does not: how the last one ended.

        What was shown is charged as it is counted here, with its input. The rest of what was held waits in suspense for
        a day: how far the host came is not known.
        """
        told: list[AttemptStarted | AttemptFailed] = []
        for row in await self._database.fetch(_LEFT, trace.turn, _MOST):
            if row["id"] == trace.attempt:
                told.append(await self._end(trace, row))
            elif trace.is_told:
                await self._till.void(row["id"])  # its log would tell if it had left
            else:
                await self._till.settle(_unknown(row))
                told += [_begun(row), _told(row["id"], None, suspense=row["amount"])]
        if not told and trace.attempt is not None:
            return [await self._known(trace.attempt)]
        return told

    async def _known(self, attempt: str) -> AttemptFailed:
        """An attempt that its owner could still settle."""
        found = await entries.find(self._database, Reach(None), attempt)
        if found is None or found[0].usage_source == "none":
            return _told(attempt, None)
        entry, *_ = found
        read, cached, written, said, thought, audio = entry.usage
        usage = Usage(read, cached, written, said, thought, audio_output=audio)
        return _told(attempt, _Paid(usage, entry.usage_source, entry.amount, _price(entry.tariff)))

    async def sweep(self) -> None:
        """Settle what nobody took over, and let go of what was in suspense for long enough."""
        for row in await self._database.fetch(_LEFT, None, _MOST):
            await self._till.settle(_unknown(row))
        await self._database.fetch(_RELEASE, _MOST)
        await self._database.fetch(_PREPARE)

    async def _end(self, trace: Trace, row: asyncpg.Record) -> AttemptFailed:
        attempt, price = row["id"], _price(row["told"])
        counted = trace.usage if trace.usage is not None and is_credible(trace.usage) else None
        if not trace.said and counted is None:
            await self._till.settle(_unknown(row))
            return _told(attempt, None, suspense=row["amount"])
        came, _ = await count_streamed(trace.said, row["model"])
        usage = went_on(counted or Usage(input=row["tokens"]), came)
        price = dearest(usage, price)
        amount = cost(usage, price)
        suspense = max(row["amount"] - amount, 0)
        await self._till.settle(
            Spent(
                attempt=attempt,
                amount=amount,
                suspense=suspense,
                usage=usage,
                source="estimate",
                response=None,
                succeeded=False,
                milliseconds=0,
            )
        )
        return _told(attempt, _Paid(usage, "estimate", amount, price), suspense=suspense)


def _price(told: str | None) -> Price:
    """By which the attempt was held."""
    return UNKNOWN if told is None else tariff.read(told)


def _unknown(row: asyncpg.Record) -> Spent:
    """Nobody saw anything of it, and its owner may have seen all: what was held for it waits."""
    return Spent(
        attempt=row["id"],
        amount=0,
        suspense=row["amount"],
        usage=Usage(),
        source="none",
        response=None,
        succeeded=False,
        milliseconds=0,
    )


def _begun(row: asyncpg.Record) -> AttemptStarted:
    endpoint, _, model = row["model"].partition("/")
    return AttemptStarted(attempt=row["id"], endpoint=endpoint, model=model, at=row["at"])


def _told(attempt: str, paid: _Paid | None, *, suspense: int = 0) -> AttemptFailed:
    failed = AttemptFailed(
        attempt=attempt,
        code="owner_lost",
        message="The server that made this call went away.",
        retryable=True,
        in_suspense=bool(suspense),
    )
    if paid is None:
        return failed
    is_known = paid.price != UNKNOWN
    return structs.replace(
        failed,
        usage=paid.usage,
        usage_source=paid.source,
        cost=money.dollars(paid.amount) if is_known else None,
        cost_breakdown=explained(paid.usage, paid.price, paid.amount) if is_known else None,
        counting_method="estimate" if paid.source == "estimate" else None,
    )
