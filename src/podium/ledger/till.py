"""The till: holds before attempts and settlements after them, each one batched round trip, durable when it answers.

Everything is decided by the database in one statement for all items; this only carries it there and back. A caller that
is cancelled while its hold is under way leaves none behind.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
from msgspec import Struct

from podium.errors import BudgetExceeded, Lost, PodiumError
from podium.identity.payer import Payer
from podium.journal.lease import Lease
from podium.kit import clock, money
from podium.ledger.alert import find_last, sentence
from podium.store.batch import Batch
from podium.store.database import Lane, Rows
from podium.vocabulary.event import UsageSource
from podium.vocabulary.usage import Usage

_log = logging.getLogger(__name__)

_FOR_EVER = 1e9
_MOST_ID = 256
_SEEN_TARIFFS = 4096

_KNOW = "INSERT INTO tariffs VALUES ($1, $2) ON CONFLICT DO NOTHING"
_HOLD = "SELECT * FROM ledger_hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
_SETTLE = "SELECT * FROM ledger_settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
_VOID = "SELECT ledger_void($1)"
_LATE = "SELECT ledger_late($1, $2, $3, $4)"


class Wanted(Struct, frozen=True):
    """Money to be set aside for an attempt, in nano-dollars: all that it may cost, and the least that is of any use.

    A struct, since each call makes one, and a frozen dataclass of so many fields takes ten times as long to make.
    `tokens` is how many its input likely has; `tariff` the digest of the prices, which the till has been told.
    """

    attempt: str
    payer: Payer
    turn: str | None
    purpose: str
    model: str
    tariff: str
    amount: int
    least: int
    tokens: int


class Held(Struct, frozen=True):
    """What was set aside. `is_bound` says whether any budget counts it."""

    amount: int
    is_bound: bool


class Spent(Struct, frozen=True):
    """What an attempt cost: `amount` for certain, `suspense` perhaps; and how it went."""

    attempt: str
    amount: int
    suspense: int
    usage: Usage
    source: UsageSource
    response: str | None
    succeeded: bool
    milliseconds: int


class Settled(Struct, frozen=True):
    """`left` of the tightest budget, None without any; `warnings` tell of those that passed their threshold with it.

    Of several that were settled together, and passed it together, the first is told.
    """

    left: int | None = None
    warnings: tuple[str, ...] = ()


class _Ask(Struct, frozen=True):
    wanted: Wanted
    owner: str
    is_first: bool


class Till:
    """Holds and settlements of this process.

    Args:
        lane, settling: a connection each for holds (and what gives them back: it must not overtake them) and for
            settlements, both durable.
        lease: by whose name holds are written.
        defaults: the budgets by day, by month and in total of users who have none of their own, in nano-dollars.
    """

    def __init__(
        self, lane: Lane, settling: Lane, lease: Lease, defaults: tuple[int | None, ...] = (None, None, None)
    ) -> None:
        self._lane = lane
        self._settling = settling
        self._lease = lease
        self._defaults = list(defaults) if any(each is not None for each in defaults) else []
        self._tariffs: set[str] = set()
        self._giving: set[asyncio.Task[None]] = set()
        self._holds: Batch[_Ask, Held | BudgetExceeded | Lost] = Batch(
            "hold", self._hold, compensate=self._compensate
        )
        self._voids: Batch[str, None] = Batch("void", self._void, patience=_FOR_EVER)
        self._settlements: Batch[Spent, Settled] = Batch("settle", self._settle, patience=_FOR_EVER)

    @property
    def batches(self) -> Sequence[Batch[Any, Any]]:
        """What its statements go in."""
        return (self._holds, self._settlements)

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._holds.close()
        while self._giving:
            await asyncio.wait(self._giving)
        await self._settlements.close()

    async def know(self, tariff: str, told: str) -> None:
        """Note a tariff by its digest, before money is held by it."""
        if tariff in self._tariffs:
            return
        await self._lane.fetch(_KNOW, tariff, told)
        if len(self._tariffs) >= _SEEN_TARIFFS:
            self._tariffs.clear()
        self._tariffs.add(tariff)

    async def hold(self, wanted: Wanted, *, is_first: bool = True) -> Held:
        """Set money aside, or bring what was set aside for this attempt up to `wanted.amount`.

        Of who leaves meanwhile nothing stays held, unless it is not the first for an attempt: that is under way.

        Raises:
            BudgetExceeded: a budget has less left than the least that is of use.
            Lost: this process was judged dead.
            Unavailable: the database does not answer. It may be set aside all the same.
        """
        held = await self._holds.put(_Ask(wanted, self._lease.owner, is_first))
        if isinstance(held, BudgetExceeded | Lost):
            raise held
        return held

    async def settle(self, spent: Spent) -> Settled:
        """Enter what an attempt cost, however long the database is away. Repeating it changes nothing."""
        return await self._settlements.put(spent)

    async def void(self, attempt: str) -> None:
        """Give back what was held for an attempt that never left, however long the database is away."""
        await self._voids.put(attempt)

    def give_back(self, attempt: str) -> None:
        """The same, in the background: for who cannot tell whether anything was held."""
        task = asyncio.get_running_loop().create_task(self.void(attempt), name="void")
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)

    def _compensate(self, ask: _Ask, held: Held | BudgetExceeded | Lost) -> None:
        if ask.is_first and isinstance(held, Held):
            self.give_back(ask.wanted.attempt)

    async def _void(self, attempts: Sequence[str]) -> list[None]:
        await self._lane.fetch(_VOID, list(attempts))
        return [None] * len(attempts)

    async def _hold(self, asks: Sequence[_Ask]) -> list[Held | BudgetExceeded | Lost]:
        found: dict[int, Held | BudgetExceeded | Lost] = {}
        for owner in sorted({ask.owner for ask in asks}):
            ours = [(at, ask.wanted) for at, ask in enumerate(asks) if ask.owner == owner]
            rows = await self._held(owner, [wanted for _, wanted in ours])
            for (at, _), row in zip(ours, rows, strict=True):
                found[at] = _answer(row)
        return [found[at] for at in range(len(asks))]

    async def _held(self, owner: str, wanted: Sequence[Wanted]) -> Rows:
        return await self._lane.fetch(_HOLD, owner, *_columns(map(_wanted_row, wanted)), self._defaults)

    async def _settle(self, given: Sequence[Spent]) -> list[Settled]:
        rows = await self._settling.fetch(_SETTLE, *_columns(map(_spent_row, given)))
        for each, row in zip(given, rows, strict=True):
            if row["outcome"] == "unknown":
                _log.error("ledger.hold_unknown", extra={"attempt": each.attempt})
            if row["outcome"] == "before" and _is_better(each, row["source"]):
                await self._correct(each)
        warnings = await self._warnings({budget for row in rows for budget in row["warned"] or ()})
        return [
            Settled(
                row["room"], tuple(warnings.pop(each) for each in row["warned"] or () if each in warnings)
            )
            for row in rows
        ]

    async def _warnings(self, budgets: set[str]) -> dict[str, str]:
        """What to say of budgets that have just passed their thresholds."""
        if not budgets:
            return {}
        try:
            found = await find_last(self._settling, sorted(budgets))
        except PodiumError as error:  # it is settled: that stands, whether or not it can be told
            _log.warning("budget.not_told", extra={"error": str(error)})
            return {}
        return {budget: sentence(alert) for budget, alert in found.items()}

    async def _correct(self, spent: Spent) -> None:
        """What a late owner knows is better than what others supposed."""
        buckets = list(_buckets(spent.usage))
        await self._settling.fetch(_LATE, spent.attempt, spent.amount, buckets, spent.source)


def _is_better(late: Spent, known: UsageSource) -> bool:
    """Whether an owner that others took for dead brings what they could not know."""
    if late.source == "provider":
        return known != "provider"
    return known == late.source == "none" and (late.amount, late.suspense) == (0, 0)  # its host refused it


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """Rows as the arrays that a statement for many takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def _wanted_row(wanted: Wanted) -> tuple[object, ...]:
    payer = wanted.payer
    return (
        wanted.attempt,
        wanted.turn,
        payer.conversation,
        payer.tenant,
        payer.user,
        payer.key,
        payer.persona,
        payer.dialogue,
        wanted.purpose,
        wanted.model,
        wanted.tariff,
        wanted.amount,
        wanted.least,
        wanted.tokens,
    )


def _spent_row(spent: Spent) -> tuple[object, ...]:
    return (
        spent.attempt,
        spent.amount,
        spent.suspense,
        *_buckets(spent.usage),
        spent.source,
        _storable(spent.response),
        spent.succeeded,
        spent.milliseconds,
    )


def _buckets(usage: Usage) -> tuple[int, ...]:
    """A usage as an entry has it. Who settles believes no count that its columns could not hold."""
    return (
        usage.input + usage.tool_use,
        usage.cached_input,
        usage.written,
        usage.output,
        usage.reasoning,
        usage.audio_input + usage.audio_output,
    )


def _storable(text: str | None) -> str | None:
    """A host's words as Postgres can hold them: no settlement fails for the sake of an id."""
    if text is None:
        return None
    return text.replace("\0", "").encode(errors="replace").decode()[:_MOST_ID]


# Four kinds are told by name: of a session, else of a day or a month, else a user's. What follows says which it was.
_PERIODS = {"day": "Daily", "month": "Monthly"}


def _answer(row: asyncpg.Record) -> Held | BudgetExceeded | Lost:
    match row["outcome"]:
        case "judged":
            return Lost()
        case "refused":
            return _refusal(row)
        case outcome:
            return Held(row["granted"], outcome == "held")


def _refusal(row: asyncpg.Record) -> BudgetExceeded:
    scope, period, resets = row["scope_type"], row["period"], row["resets_at"]
    kind = "Session" if scope == "session" else _PERIODS.get(period, "User")
    until = "" if resets is None else f" It resets at {clock.rfc3339(resets)}."
    left = money.dollars(max(row["room"], 0))
    refusal = BudgetExceeded(
        f"Budget limit exceeded: {kind} budget limit exceeded. Of the {money.dollars(row['amount'])} dollars of"
        f" {row['budget']} ({scope}, {period}) {left} are left, which is less than this call needs.{until}",
        hint="Raise the budget, wait for its next period, or ask for a shorter answer.",
    )
    refusal.left = left
    return refusal
