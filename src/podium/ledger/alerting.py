"""Deliver what budgets have to warn of: each alert is logged, and told to the operator's webhook at least once.

An alert is a row, written when the threshold was passed. Whoever claims it tries; if that process dies, another one
finds the row due again. Only the operator's own address is called, and no redirect is followed.
"""

import asyncio
import contextlib
import logging

import aiohttp
import asyncpg
from aiohttp import hdrs

import podium
from podium.errors import PodiumError
from podium.kit import clock, ids, money
from podium.ledger.alert import COLUMNS, Alert, payload, read
from podium.ledger.webhook import Webhook, signed
from podium.store.database import Database

_log = logging.getLogger(__name__)

_TAKEN = range(200, 300)
_PAUSE = 1.0
_MOST = 20  # at once
_PATIENCE = 15.0  # seconds for one try; the claim lasts longer
_CLAIM = 60.0
_PAUSES = (*(2.0**each for each in range(1, 12)), 3600.0)  # seconds between tries; the last one from then on
_GIVEN_UP = 24 * 3600.0

_CLAIMED = f"""
UPDATE budget_alerts a SET tries = a.tries + 1, next_try_at = clock_timestamp() + make_interval(secs => $2)
  FROM (SELECT d.id FROM budget_alerts d WHERE d.next_try_at <= clock_timestamp()
         ORDER BY d.next_try_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
 WHERE a.id = due.id
RETURNING a.tries, {COLUMNS}
"""  # noqa: S608  # constants
_DELIVERED = "UPDATE budget_alerts SET next_try_at = NULL, delivered_at = clock_timestamp() WHERE id = $1"
_DROPPED = "UPDATE budget_alerts SET next_try_at = NULL WHERE id = $1"
_AGAIN = "UPDATE budget_alerts SET next_try_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1"


class Alerting:
    """The deliverer of one process.

    Args:
        webhook: the operator's receiver; without one alerts are logged and nothing else, also not later.
    """

    def __init__(self, database: Database, webhook: Webhook | None) -> None:
        self._database = database
        self._webhook = webhook
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._watch(), name="alerting")

    async def close(self) -> None:
        """Stop; what is not delivered yet will be by others, or after the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={hdrs.USER_AGENT: f"podium/{podium.__version__}"},
            timeout=aiohttp.ClientTimeout(total=_PATIENCE),
        ) as client:
            while True:
                claimed = await self._deliver(client)
                await asyncio.sleep(0 if claimed == _MOST else _PAUSE)

    async def _deliver(self, client: aiohttp.ClientSession) -> int:
        """Try those that are due; gives how many."""
        try:
            rows = await self._database.fetch(_CLAIMED, _MOST, _CLAIM)
        except (PodiumError, asyncpg.PostgresError) as error:
            _log.warning("budget.alerts_postponed", extra={"error": str(error)})
            return 0
        for told in await asyncio.gather(*(self._tell(client, row) for row in rows), return_exceptions=True):
            if isinstance(told, PodiumError | asyncpg.PostgresError):
                _log.warning("budget.alerts_postponed", extra={"error": str(told)})
            elif told is not None:
                raise told
        return len(rows)

    async def _tell(self, client: aiohttp.ClientSession, row: asyncpg.Record) -> None:
        alert, tries = read(row), row["tries"]
        if tries == 1:
            _note(alert)
        if self._webhook is None:
            await self._database.fetch(_DROPPED, alert.id)
            return
        failure = await _post(client, self._webhook, alert)
        if failure is None:
            await self._database.fetch(_DELIVERED, alert.id)
            return
        told = {"alert": alert.id, "failure": failure, "tries": tries}
        if (clock.now() - alert.at).total_seconds() > _GIVEN_UP:
            _log.error("budget.alert_given_up", extra=told)
            await self._database.fetch(_DROPPED, alert.id)
            return
        _log.warning("budget.alert_not_delivered", extra=told)
        pause = _PAUSES[min(tries, len(_PAUSES)) - 1]
        await self._database.fetch(_AGAIN, alert.id, pause / 2 + ids.draw(pause / 2))


async def _post(client: aiohttp.ClientSession, webhook: Webhook, alert: Alert) -> str | None:
    """Why the receiver has not taken it; None if it has. The address is never part of it: it may hold a secret."""
    body = payload(alert)
    headers = {hdrs.CONTENT_TYPE: "application/json", **signed(webhook.key, alert.id, clock.unix(), body)}
    try:
        async with client.post(webhook.url, data=body, headers=headers, allow_redirects=False) as answer:
            return None if answer.status in _TAKEN else f"status {answer.status}"
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return type(error).__name__


def _note(alert: Alert) -> None:
    _log.warning(
        "budget.threshold",
        extra={
            "alert": alert.id,
            "budget": alert.budget_id,
            "tenant": alert.tenant,
            "scope": f"{alert.scope_type} {alert.scope_id}",
            "period": alert.period,
            "threshold": alert.alert / 1000,
            "limit": money.dollars(alert.amount),
            "spent": money.dollars(alert.spent),
        },
    )
