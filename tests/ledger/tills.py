"""Tills of processes that need not run, at a ledger whose clock can be moved."""

from dataclasses import dataclass
from datetime import timedelta

from podium.errors import BudgetExceeded
from podium.errors import Lost as Judged
from podium.identity.payer import Payer
from podium.journal.lease import Lease
from podium.ledger.lost import Lost
from podium.ledger.till import Held, Settled, Spent, Till, Wanted
from podium.store.database import Database, Lane
from podium.vocabulary.event import UsageSource
from podium.vocabulary.usage import Usage

TENANT = "ten_test"

# Postgres has no clock that can be set: periods begin where they would if it were so much later.
CLOCK = """
CREATE TABLE clock (ahead interval NOT NULL);
INSERT INTO clock VALUES ('0');
ALTER FUNCTION budget_start RENAME TO true_budget_start;
ALTER FUNCTION budget_end RENAME TO true_budget_end;
CREATE FUNCTION budget_start(_period text, _timezone text, _at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
AS 'SELECT true_budget_start(_period, _timezone, _at + ahead) FROM clock';
CREATE FUNCTION budget_end(_period text, _timezone text, _at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
AS 'SELECT true_budget_end(_period, _timezone, _at + ahead) FROM clock';
"""


def wanted(attempt: str, amount: int, *, payer: Payer, least: int | None = None, **more: str) -> Wanted:
    return Wanted(
        attempt=attempt,
        payer=payer,
        turn=None,
        purpose="answer",
        model=more.get("model", "m"),
        tariff=more.get("tariff", "t"),
        amount=amount,
        least=amount if least is None else least,
        tokens=1,
    )


def spent(
    attempt: str,
    amount: int,
    *,
    suspense: int = 0,
    source: UsageSource = "provider",
    response: str | None = None,
) -> Spent:
    return Spent(
        attempt=attempt,
        amount=amount,
        suspense=suspense,
        usage=Usage(input=amount),
        source=source,
        response=response,
        succeeded=True,
        milliseconds=1,
    )


@dataclass
class Server:
    """What of a server has to do with money."""

    lease: Lease
    till: Till
    lanes: tuple[Lane, ...]

    async def hold(self, what: Wanted) -> Held | BudgetExceeded:
        """Hold, under a new name if this process was judged dead."""
        while True:
            try:
                return await self.till.hold(what)
            except BudgetExceeded as error:
                return error
            except Judged:
                await self.lease.judged(self.lease.owner)

    async def settle(self, what: Spent) -> Settled:
        return await self.till.settle(what)

    async def close(self) -> None:
        await self.till.close()
        await self.lease.close()
        for lane in self.lanes:
            await lane.close()


async def server(
    database: Database, home: str, defaults: tuple[int | None, ...] = (None, None, None)
) -> Server:
    """A server that does nothing but pay, and does not die by itself."""
    lanes = (database.lane(), database.lane(), database.lane())
    lease = Lease(lanes[2], home=home, boot="1", slot=0, seconds=timedelta(days=1).total_seconds())
    await lease.open()
    return Server(lease, Till(lanes[0], lanes[1], lease, defaults), lanes)


async def sweep(database: Database, till: Till) -> None:
    """What every server does now and then."""
    await Lost(database, till).sweep()
