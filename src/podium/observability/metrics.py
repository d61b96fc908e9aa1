"""The installation in Prometheus' words.

What concerns all processes is read from the database when it is asked for, so that it is true whichever process
answers; what a process counts by itself carries its number as the label `worker`. No label names a tenant, a user or a
key.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import get_args

from prometheus_client import Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

import podium
from podium.errors import PodiumError
from podium.kit import money
from podium.ledger.budget import Period, ScopeType
from podium.ledger.totals import Alerts, Totals, totals
from podium.store.database import Database
from podium.store.snapshot import Age, oldest_snapshot
from podium.turn.queries import Backlog, backlog

_log = logging.getLogger(__name__)

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE = 5.0  # seconds for the database; scrapers wait ten


@dataclass(frozen=True, slots=True)
class Own:
    """What one process counts: turns that run, clients that wait for turns, turns refused for lack of room.

    `redis` is whether shared limits are well, None where none are shared; `batches` are items and statements by name.
    """

    running: int
    waiting: int
    shed: int
    redis: bool | None = None
    batches: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Metrics:
    """Gathers what there is to tell, anew each time.

    Args:
        worker: the number of this process.
        own: what it counts.
    """

    def __init__(self, database: Database, *, worker: int, own: Callable[[], Own]) -> None:
        self._database = database
        self._worker = str(worker)
        self._own = own
        self._alerts = Alerts()

    async def scrape(self) -> bytes:
        """All metrics as Prometheus' text; without those of the database while it does not answer."""
        told: list[Metric] = [
            InfoMetricFamily("podium", "The version that answers.", {"version": podium.__version__})
        ]
        told += _of_process(self._own(), self._worker)
        try:
            async with asyncio.timeout(_PATIENCE):
                told += await self._of_all()
        except (PodiumError, TimeoutError) as error:
            _log.warning("metrics.incomplete", extra={"error": str(error) or type(error).__name__})
            told.append(_gauge("podium_database_up", "Whether the database answers.", 0))
        else:
            told.append(_gauge("podium_database_up", "Whether the database answers.", 1))
        return generate_latest(_Told(told))

    async def _of_all(self) -> list[Metric]:
        turns = await backlog(self._database)
        spent = await totals(self._database)
        oldest = await oldest_snapshot(self._database)
        alerts = _of_alerts(await self._alerts.count(self._database))
        return [*_of_turns(turns), *_of_money(spent), alerts, *_of_database(oldest)]


class _Told:
    """What was gathered, as the library wants it."""

    def __init__(self, told: Iterable[Metric]) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        return self._told


def _of_turns(turns: Backlog) -> Iterator[Metric]:
    yield _gauge("podium_turns_running", "Turns that run, in all processes.", turns.running)
    yield _gauge("podium_turns_queued", "Turns that wait in their conversations.", turns.queued)
    yield _gauge(
        "podium_turns_queued_oldest_seconds", "For how long the first of them has waited.", turns.seconds
    )


def _of_money(spent: Totals) -> Iterator[Metric]:
    yield _gauge("podium_holds", "Attempts for which money is set aside.", spent.holds)
    yield _gauge("podium_holds_dollars", "Money that is set aside.", _dollars(spent.held))
    yield _gauge("podium_suspenses", "Attempts of which nobody knows yet what they cost.", spent.suspenses)
    yield _gauge("podium_suspenses_dollars", "What these may cost at most.", _dollars(spent.suspended))
    undelivered = "Alerts that the webhook has not taken yet."
    yield _gauge("podium_budget_alerts_undelivered", undelivered, spent.undelivered)


def _of_alerts(alerts: Mapping[tuple[str, str], int]) -> Metric:
    told = "Budgets that reached their threshold."
    found = CounterMetricFamily("podium_budget_alerts", told, labels=("scope_type", "period"))
    for kind in product(get_args(ScopeType), get_args(Period)):  # a rise from nothing is none to Prometheus
        found.add_metric(kind, alerts.get(kind, 0))
    return found


def _of_database(oldest: Age) -> Iterator[Metric]:
    name, told = "podium_database_oldest_snapshot", "Age of the oldest snapshot; an old one slows all writing"
    yield _gauge(f"{name}_seconds", f"{told}, in seconds.", oldest.seconds)
    yield _gauge(f"{name}_transactions", f"{told}, in transactions.", oldest.transactions)


def _of_process(own: Own, worker: str) -> Iterator[Metric]:
    def gauge(name: str, told: str, value: float) -> Metric:
        found = GaugeMetricFamily(f"podium_worker_{name}", told, labels=("worker",))
        found.add_metric((worker,), value)
        return found

    yield gauge("turns_running", "Turns that this process runs.", own.running)
    yield gauge("clients_waiting", "Clients of this process whose turns do not run in it.", own.waiting)
    shed = CounterMetricFamily(
        "podium_worker_turns_shed", "Turns refused with 503 for lack of room.", labels=("worker",)
    )
    shed.add_metric((worker,), own.shed)
    yield shed
    if own.redis is not None:
        yield gauge("redis_up", "Whether limits are shared through Redis.", float(own.redis))
    words = ("worker", "batch")
    items = CounterMetricFamily("podium_worker_batch_items", "Items that went in batches.", labels=words)
    sent = CounterMetricFamily("podium_worker_batch_statements", "Statements for them.", labels=words)
    for name, (number, statements) in own.batches.items():
        items.add_metric((worker, name), number)
        sent.add_metric((worker, name), statements)
    yield from (items, sent)


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value)


def _dollars(nano: int) -> float:
    """Metrics are floats; what is counted exactly is in the ledger."""
    return float(money.dollars(nano))
