"""The ledger as a state machine: whatever happens in whatever order, at two servers, its rows are what they must be."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from itertools import permutations
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from podium.identity.payer import Payer
from podium.ledger import budgets
from podium.ledger.budget import NewBudget, Period, ScopeType
from podium.ledger.budgets import Reach
from podium.ledger.till import Held
from podium.store.database import Database
from tests.ledger.book import book
from tests.ledger.machine import Correct, Hold, Ledger, Leg, Outcome, Paid, Settle, Source, Step, Sums, Void
from tests.ledger.tills import CLOCK, TENANT, server, spent, sweep, wanted

EMPTY = """
TRUNCATE budgets, budget_periods, budget_alerts, holds, ledger_entries, ledger_corrections, suspenses;
UPDATE clock SET ahead = '0'
"""
ENTRIES = """
SELECT e.*, e.amount AS first, e.amount + coalesce(sum(c.amount), 0)::bigint AS net, count(c.seq)::int AS corrections,
       coalesce((array_agg(c.usage_source ORDER BY c.seq DESC))[1], e.usage_source) AS source,
       coalesce((SELECT s.amount FROM suspenses s WHERE s.entry_id = e.id), 0) AS suspense
  FROM ledger_entries e LEFT JOIN ledger_corrections c ON c.entry_id = e.id GROUP BY e.id, e.at
"""
Result = TypeVar("Result")
MONEY = st.integers(0, 120)
PERIODS: st.SearchStrategy[Period] = st.sampled_from(["day", "week", "month", "total"])
USERS, KEYS, SESSIONS = ("usr_a", "usr_b"), ("key_a", "key_b"), ("conv_a", "conv_b", None)
SCOPES: st.SearchStrategy[tuple[ScopeType, str]] = st.sampled_from(
    [
        ("tenant", TENANT),
        *(("user", each) for each in USERS),
        *(("key", each) for each in KEYS),
        ("session", "conv_a"),
    ]
)
SOURCES: st.SearchStrategy[Source] = st.sampled_from(["provider", "estimate", "none"])
Scopes = tuple[tuple[ScopeType, str], ...]


def scopes_of(user: str, key: str, session: str | None) -> Scopes:
    scopes: Scopes = (("tenant", TENANT), ("user", user), ("key", key))
    return scopes if session is None else (*scopes, ("session", session))


PAYERS = st.builds(scopes_of, st.sampled_from(USERS), st.sampled_from(KEYS), st.sampled_from(SESSIONS))


def payer_of(scopes: tuple[tuple[str, str], ...]) -> Payer:
    of = dict(scopes)
    return Payer(of["tenant"], of["user"], of["key"], conversation=of.get("session"))


def legs_of(row: dict[str, Any]) -> list[Leg]:
    return [(leg["budget_id"], leg["starts_at"]) for leg in row["legs"]]


def steps(attempt: str, scopes: Scopes) -> st.SearchStrategy[Step]:
    """What may happen to an attempt, in or out of turn."""
    at = st.just(attempt)
    return st.one_of(
        st.builds(lambda least, more: Hold(attempt, scopes, least + more, least), MONEY, MONEY),
        st.builds(Settle, at, MONEY, st.integers(0, 20), SOURCES),
        st.builds(Void, at),
        st.builds(Correct, at, MONEY, SOURCES),
    )


class World:
    """One database, two servers and the loop that all of it lives in."""

    def __init__(self, dsn: str) -> None:
        self._runner = asyncio.Runner()
        self._dsn = dsn
        self.run(self._open())

    def run(self, what: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(what)

    async def _open(self) -> None:
        self.database = Database(self._dsn, readers=2)
        await self.database.open()
        self.servers = [await server(self.database, home) for home in "ab"]
        self._stack = AsyncExitStack()
        self.book = await self._stack.enter_async_context(book(self._dsn))
        await self.sql(CLOCK)

    async def sql(self, script: str) -> None:
        for statement in script.strip().split(";\n"):
            await self.book.rows(statement)

    def close(self) -> None:
        self.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        for each in self.servers:
            await each.close()
        await self._stack.aclose()
        await self.database.close()

    async def take(self, step: Step, at: int) -> Outcome:
        """Let one of the servers do it."""
        one = self.servers[at]
        match step:
            case Hold():
                payer = payer_of(step.scopes)
                what = wanted(step.attempt, step.amount, payer=payer, least=step.least, tariff=step.tariff)
                held = await one.hold(what)
                return ("held", held.amount, held.is_bound) if isinstance(held, Held) else ("refused",)
            case Settle():
                paid = spent(step.attempt, step.amount, suspense=step.suspense, source=step.source)
                settled = await one.till.settle(paid)
                return (settled.left,)
            case Void():
                await one.till.void(step.attempt)
                return ()
            case Correct():
                [row] = await self.database.fetch(
                    "SELECT ledger_correct($1, $2, $3, $4, 'a test')",
                    step.attempt,
                    step.amount,
                    [step.amount, 0, 0, 0, 0, 0],
                    step.source,
                )
                return (row[0],)

    async def starts(self) -> dict[str, datetime]:
        rows = await self.book.rows(
            "SELECT id, budget_start(period, timezone, clock_timestamp()) AS starts_at FROM budgets"
        )
        return {row["id"]: row["starts_at"] for row in rows}

    async def found(self) -> Ledger:
        """What the rows say, in the model's words."""
        periods = await self.book.rows("SELECT * FROM budget_periods")
        found = Ledger(
            periods={
                (row["budget_id"], row["starts_at"]): Sums(
                    row["amount"], row["spent"], row["held"], row["suspense"]
                )
                for row in periods
            }
        )
        for row in await self.book.rows("SELECT * FROM holds"):
            found.attempts[row["attempt_id"]] = Paid(legs_of(row), row["tariff"], held=row["amount"])
        for row in await self.book.rows(ENTRIES):
            assert row["id"] not in found.attempts, "entered twice, or held for when it is entered"
            assert row["input"] == row["first"], "an entry is never changed"
            found.attempts[row["id"]] = Paid(
                legs_of(row),
                row["tariff"],
                spent=row["net"],
                source=row["source"],
                suspense=row["suspense"],
                corrections=row["corrections"],
            )
        return found


class Machine(RuleBasedStateMachine):
    """Two servers, a ledger of plain integers beside them, and a clock that goes both ways.

    Who wins a race is not the same each time: what is drawn depends on what was tried, never on what came of it.
    """

    attempts = Bundle("attempts")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.run = world.run
        self.model = Ledger()
        self.made = 0
        self.tariff = "tar_0"
        self.run(world.sql(EMPTY))

    def look(self) -> None:
        self.model.starts = self.run(self.world.starts())

    def apply(self, *steps: Step) -> None:
        """Each step at a server of its own, all at once; it must have been as if one had come after the other."""
        self.look()
        steps = tuple(replace(each, tariff=self.tariff) if isinstance(each, Hold) else each for each in steps)

        async def go() -> list[Outcome]:
            return await asyncio.gather(*(self.world.take(step, at) for at, step in enumerate(steps)))

        outcomes = self.run(go())
        found = self.run(self.world.found())
        told = []
        for order in permutations(range(len(steps))):
            model = deepcopy(self.model)
            expected = {at: model.take(steps[at]) for at in order}
            if [expected[at] for at in range(len(steps))] == outcomes and model.same(found):
                self.model = model
                return
            told.append((expected, model))
        raise AssertionError((steps, outcomes, found, told))

    @initialize(limits=st.lists(st.tuples(SCOPES, PERIODS, MONEY), min_size=1, max_size=4))
    def begin(self, limits: list[tuple[tuple[ScopeType, str], Period, int]]) -> None:
        for scope, period, limit in limits:
            self.limit(scope, period, limit)

    @rule(scope=SCOPES, period=PERIODS, limit=MONEY)
    def limit(self, scope: tuple[ScopeType, str], period: Period, limit: int) -> None:
        """A new budget, or a new limit for the one that is there."""
        new = NewBudget(TENANT, *scope, owner=None, amount=limit, period=period)
        status = self.run(budgets.put(self.world.database, new, replace=True))
        assert status is not None
        self.model.scopes[status.budget.id] = scope
        self.look()
        self.model.change(status.budget.id, limit)

    @precondition(lambda self: self.model.scopes)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        budget = data.draw(st.sampled_from(list(self.model.scopes)))
        assert self.run(budgets.delete(self.world.database, Reach(None), budget))
        self.model.delete(budget)

    @rule(target=attempts, scopes=PAYERS, amount=MONEY, data=st.data())
    def hold(self, scopes: Scopes, amount: int, data: st.DataObject) -> tuple[str, Scopes]:
        self.made += 1
        attempt = f"att_{self.made}"
        self.apply(Hold(attempt, scopes, amount, data.draw(st.integers(0, amount))))
        return attempt, scopes

    @rule(attempt=attempts, data=st.data())
    def one(self, attempt: tuple[str, Scopes], data: st.DataObject) -> None:
        self.apply(data.draw(steps(*attempt)))

    @rule(one=attempts, other=attempts, data=st.data())
    def pair(self, one: tuple[str, Scopes], other: tuple[str, Scopes], data: st.DataObject) -> None:
        self.apply(data.draw(steps(*one)), data.draw(steps(*other)))

    @rule(target=attempts, one=PAYERS, other=PAYERS, amounts=st.tuples(MONEY, MONEY), twice=st.booleans())
    def race(
        self, one: Scopes, other: Scopes, amounts: tuple[int, int], *, twice: bool
    ) -> MultipleResults[tuple[str, Scopes]]:
        """Two new attempts, or one that is sent twice."""
        self.made += 1
        first = f"att_{self.made}"
        second, other = (first, one) if twice else (f"{first}_b", other)
        self.apply(
            Hold(first, one, amounts[0], amounts[0] // 2), Hold(second, other, amounts[1], amounts[1] // 2)
        )
        return multiple((first, one), (second, other))

    @rule()
    def reprice(self) -> None:
        """From now on attempts are held for by other prices; what is under way keeps its own."""
        self.tariff = f"tar_{int(self.tariff[4:]) + 1}"

    @rule(hours=st.sampled_from([-24 * 8, -24, 24, 24 * 8, 24 * 40]))
    def pass_time(self, hours: int) -> None:
        self.run(self.world.sql(f"UPDATE clock SET ahead = ahead + interval '{hours} hours'"))

    @rule(attempt=attempts)
    def release(self, attempt: tuple[str, Scopes]) -> None:
        self.run(
            self.world.book.rows(
                "UPDATE suspenses SET until = until - interval '2 days' WHERE entry_id = $1", attempt[0]
            )
        )
        self.run(sweep(self.world.database, self.world.servers[0].till))
        self.model.release(attempt[0])

    @rule(at=st.sampled_from([0, 1]))
    def die(self, at: int) -> None:
        """A server dies; of what it held for nothing is known, and all of it waits."""
        owner = self.world.servers[at].lease.owner
        [left] = self.run(
            self.world.book.rows(
                "SELECT coalesce(array_agg(attempt_id), '{}') AS ids FROM holds WHERE owner = $1", owner
            )
        )
        self.run(self.world.book.rows("UPDATE processes SET over = true WHERE id = $1", owner))
        self.run(self.world.book.rows("UPDATE holds SET at = at - interval '11 minutes'"))
        self.run(sweep(self.world.database, self.world.servers[1 - at].till))
        for attempt in left["ids"]:
            self.model.take(Settle(attempt, 0, self.model.attempts[attempt].held or 0, "none"))

    @invariant()
    def the_rows_are_what_they_must_be(self) -> None:
        found = self.run(self.world.found())
        assert self.model.same(found), (self.model, found)
        self.run(self.world.book.check())

    @override
    def teardown(self) -> None:
        """When all has ended and a day has passed, nothing is held and nothing waits."""
        for attempt in list(self.model.attempts):
            self.apply(Settle(attempt, 1, 1, "estimate"))
        self.run(self.world.book.rows("UPDATE suspenses SET until = until - interval '2 days'"))
        self.run(sweep(self.world.database, self.world.servers[0].till))
        [sums] = self.run(
            self.world.book.rows("SELECT coalesce(sum(held + suspense), 0) AS left FROM budget_periods")
        )
        assert sums["left"] == 0
        self.run(self.world.book.check())


def test_whatever_happens_at_two_servers_the_books_are_right(dsn: str) -> None:
    world = World(dsn)
    try:
        run_state_machine_as_test(
            lambda: Machine(world),  # type: ignore[arg-type]  # any factory will do
            settings=settings(
                max_examples=min(20, settings().max_examples),
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        world.close()
