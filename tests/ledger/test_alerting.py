"""How alerts are worded and delivered: to the operator's receiver until it takes them, and with what pauses."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

import podium
from podium.kit import clock, ids
from podium.ledger import alerting
from podium.ledger.alert import Alert, find_all, find_last, payload, sentence
from podium.ledger.alerting import Alerting
from podium.ledger.webhook import Webhook
from podium.store.database import Database
from tests.ledger.desk import NOON, Desk, payer
from tests.ledger.receiver import Receiver, receiving
from tests.ledger.tills import spent, wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALERT = Alert(
    id="alr_1",
    budget_id="bud_1",
    at=NOON,
    starts_at=NOON - timedelta(hours=12),
    ends_at=NOON + timedelta(hours=12),
    alert=805,
    spent=823_400_000,
    amount=1_000_000_000,
    tenant="ten_1",
    scope_type="user",
    scope_id="usr_1",
    period="day",
    delivered_at=None,
    tenant_name="acme",
    name="ann",
)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "Budget of user ann (day): 82 % of 1.00 dollars spent."),
        ({"spent": 1_200_000_000}, "Budget of user ann (day): 120 % of 1.00 dollars spent."),
        ({"amount": 0}, "Budget of user ann (day): 100 % of 0.00 dollars spent."),
        ({"amount": 1}, "Budget of user ann (day): 82340000000 % of 0.000000001 dollars spent."),
        (
            {"amount": 2_500_000_000, "period": "week"},
            "Budget of user ann (week): 32 % of 2.50 dollars spent.",
        ),
    ],
)
async def test_an_alert_is_worded_for_people(changed: dict[str, Any], words: str) -> None:
    assert sentence(replace(ALERT, **changed)) == words


async def test_an_alert_is_told_to_programs() -> None:
    told = {
        "type": "budget.threshold_reached",
        "timestamp": "2026-11-21T12:00:00.000000Z",
        "data": {
            "id": "alr_1",
            "budget_id": "bud_1",
            "tenant": "acme",
            "scope": {"type": "user", "id": "ann"},
            "period": "day",
            "starts_at": "2026-11-21T00:00:00.000000Z",
            "resets_at": "2026-11-22T00:00:00.000000Z",
            "alert_threshold": 0.805,
            "limit": "1",
            "spent": "0.8234",
            "message": "Budget of user ann (day): 82 % of 1.00 dollars spent.",
        },
    }
    assert msgspec.json.decode(payload(ALERT)) == told
    of_key = msgspec.json.decode(payload(replace(ALERT, scope_type="key", scope_id="key_1", ends_at=None)))
    assert (of_key["data"]["scope"], of_key["data"]["resets_at"]) == ({"type": "key", "id": "key_1"}, None)


async def warned(desk: Desk, **more: Any) -> str:
    """The budget of an alert that has just come to be."""
    who = payer()
    budget = await desk.budget(who, 100, **more)
    await desk.server.hold(wanted(f"att_{who.user}", 90, payer=who))
    await desk.server.settle(spent(f"att_{who.user}", 85))
    return budget


async def of(desk: Desk, budget: str) -> dict[str, Any]:
    """The one alert of a budget, as it is kept."""
    [row] = await desk.rows.rows(
        "SELECT *, extract(epoch FROM next_try_at - clock_timestamp())::float AS seconds"
        " FROM budget_alerts WHERE budget_id = $1",
        budget,
    )
    return row


async def wait_slept(desk: Desk, slept: list[float], times: int = 1) -> None:
    """Until so many rounds are over."""
    async with asyncio.timeout(10):
        while len(slept) < times:
            await desk.rows.rows("SELECT pg_sleep(0.01)")


@contextmanager
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What was slept for; none of it takes long."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def hurried(seconds: float) -> None:
        slept.append(seconds)
        await sleep(min(seconds, 0.01))  # sleep: the one that is made shorter

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", hurried)
        yield slept


@asynccontextmanager
async def running(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, webhook: Webhook | None
) -> AsyncGenerator[list[float], None]:
    """A deliverer; gives what it slept for."""
    one = Alerting(desk.database, webhook)
    with pauses(monkeypatch) as slept:
        one.open()
        assert "alerting" in {task.get_name() for task in asyncio.all_tasks()}
        yield slept
        await one.close()


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def quiet(shared: Desk) -> None:
    """Nothing of another test's is due."""
    await shared.rows.rows("UPDATE budget_alerts SET next_try_at = NULL")


async def test_those_that_are_due_are_delivered_as_many_at_once_as_may_be(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "_MOST", 2)
    budgets = [await warned(shared) for _ in range(4)]
    later = await warned(shared)
    postponed = "UPDATE budget_alerts SET next_try_at = now() + interval '1 hour' WHERE budget_id = $1"
    await shared.rows.rows(postponed, later)
    async with receiving() as receiver, running(shared, monkeypatch, receiver.webhook) as slept:
        await wait_slept(shared, slept, 3)
        for budget in budgets:
            row = await of(shared, budget)
            assert row["delivered_at"] is not None
            assert (row["tries"], row["next_try_at"]) == (1, None)
            [found] = await find_all(shared.database, budget, 9)
            assert found.delivered_at == row["delivered_at"]
    assert slept[:3] == [0, 0, 1.0]
    assert (await of(shared, later))["tries"] == 0
    assert len(receiver.deliveries) == 4
    for each in receiver.deliveries:
        each.check()
        headers = {name.lower(): value for name, value in each.headers.items()}
        assert headers["content-type"] == "application/json"
        assert headers["user-agent"] == f"podium/{podium.__version__}"
        assert "cookie" not in headers
        assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
        [alert] = await find_all(shared.database, each.json["data"]["budget_id"], 1)
        assert each.body == payload(alert)


@pytest.mark.parametrize(
    ("tries", "pause"), [(0, 2), (1, 4), (4, 32), (10, 2048), (11, 3600), (12, 3600), (500, 3600)]
)
@pytest.mark.parametrize("drawn", [0.0, 1.0])
async def test_the_pauses_grow_to_an_hour_and_are_shortened_by_chance(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, tries: int, pause: float, drawn: float
) -> None:
    monkeypatch.setattr(ids, "draw", lambda most: most * drawn)
    budget = await warned(shared)
    await shared.rows.rows("UPDATE budget_alerts SET tries = $2 WHERE budget_id = $1", budget, tries)
    async with receiving(500) as receiver, running(shared, monkeypatch, receiver.webhook) as slept:
        await wait_slept(shared, slept)
        row = await of(shared, budget)
    assert row["tries"] == tries + 1
    expected = pause * (1 + drawn) / 2
    assert expected - 10 < row["seconds"] <= expected


async def test_what_is_claimed_is_another_processs_to_try_after_a_minute(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = await warned(shared)
    async with receiving(0) as receiver, running(shared, monkeypatch, receiver.webhook):
        async with asyncio.timeout(10):
            while not receiver.deliveries:
                await shared.rows.rows("SELECT pg_sleep(0.01)")
        row = await of(shared, budget)
        assert row["tries"] == 1
        assert 50 < row["seconds"] <= 60
        assert row["delivered_at"] is None


@pytest.mark.parametrize(("age", "is_given_up"), [(0, False), (1, True)])
async def test_it_is_given_up_after_a_day(
    shared: Desk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    age: int,
    *,
    is_given_up: bool,
) -> None:
    """`age` in microseconds beyond it."""
    budget = await warned(shared)
    at = (await of(shared, budget))["at"]
    monkeypatch.setattr(clock, "now", lambda: at + timedelta(days=1, microseconds=age))
    async with receiving(500) as receiver, running(shared, monkeypatch, receiver.webhook) as slept:
        await wait_slept(shared, slept)
        row = await of(shared, budget)
    assert (row["delivered_at"], row["next_try_at"] is None) == (None, is_given_up)
    word = "budget.alert_given_up" if is_given_up else "budget.alert_not_delivered"
    told = [record.__dict__ for record in caplog.records if record.message == word]
    assert [(each["alert"], each["failure"], each["tries"]) for each in told] == [
        (row["id"], "status 500", 1)
    ]


async def test_a_receiver_that_is_silent_or_not_there_is_tried_again(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alerting, "_PATIENCE", 0.2)
    for url in ("http://127.0.0.1:1", None):
        caplog.clear()
        budget = await warned(shared)
        async with receiving(0) as receiver:
            webhook = Receiver(url=url).webhook if url else receiver.webhook
            async with running(shared, monkeypatch, webhook) as slept:
                await wait_slept(shared, slept)
                assert (await of(shared, budget))["seconds"] < 50
        told = [
            record.__dict__ for record in caplog.records if record.message == "budget.alert_not_delivered"
        ]
        assert [each["failure"] for each in told] == ["ClientConnectorError" if url else "TimeoutError"]


async def test_a_redirect_is_a_failure(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = await warned(shared)
    async with receiving(302) as receiver, running(shared, monkeypatch, receiver.webhook) as slept:
        await wait_slept(shared, slept)
        row = await of(shared, budget)
    assert [delivery.path for delivery in receiver.deliveries] == ["/hook"]
    assert (row["tries"], row["delivered_at"], row["next_try_at"] is None) == (1, None, False)


async def test_it_is_logged_with_its_first_try(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    first, again = await warned(shared), await warned(shared)
    await shared.rows.rows("UPDATE budget_alerts SET tries = 1 WHERE budget_id = $1", again)
    async with running(shared, monkeypatch, None) as slept:
        await wait_slept(shared, slept)
        row = await of(shared, first)
    assert (row["tries"], row["next_try_at"], row["delivered_at"]) == (1, None, None)
    told = [record.__dict__ for record in caplog.records if record.message == "budget.threshold"]
    assert [each["budget"] for each in told] == [first]
    assert (told[0]["alert"], told[0]["spent"], told[0]["limit"]) == (row["id"], "0.000000085", "0.0000001")


async def test_while_the_database_is_away_it_waits(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alerting, "_MOST", 0)
    one = Alerting(Database("postgresql:///nowhere"), None)
    with pauses(monkeypatch) as slept:
        one.open()
        await wait_slept(shared, slept)
        await one.close()
    assert slept[0] == 0, "none was claimed, which is as many as may be"
    assert "budget.alerts_postponed" in [record.message for record in caplog.records]
    await Alerting(shared.database, None).close()


async def test_an_alert_that_cannot_be_noted_as_delivered_stops_no_other(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await warned(shared)
    own = Database(shared.database.dsn, readers=1)
    await own.open()
    async with receiving(0) as receiver:
        one = Alerting(own, receiver.webhook)
        with pauses(monkeypatch) as slept:
            one.open()
            async with asyncio.timeout(10):
                while not receiver.deliveries:
                    await shared.rows.rows("SELECT pg_sleep(0.01)")
                await own.close()
            receiver.freed.set()
            await wait_slept(shared, slept)
            await one.close()
    assert "budget.alerts_postponed" in [record.message for record in caplog.records]


async def test_the_last_alert_of_each_budget_is_found(shared: Desk) -> None:
    one, two = await warned(shared), await warned(shared)
    copy = """
    INSERT INTO budget_alerts (id, budget_id, starts_at, at, alert, spent, amount, tenant, scope_type, scope_id, period)
    SELECT id || 'x', budget_id, starts_at, at + interval '1 second', alert, 99, amount, tenant, scope_type, scope_id,
           period FROM budget_alerts WHERE budget_id = $1
    """
    await shared.rows.rows(copy, one)
    lane = shared.database.lane()
    found = await find_last(lane, [one, two, "bud_none"])
    await lane.close()
    assert {budget: alert.spent for budget, alert in found.items()} == {one: 99, two: 85}
    assert [alert.spent for alert in await find_all(shared.database, one, 9)] == [99, 85]
    assert [alert.spent for alert in await find_all(shared.database, one, 1)] == [99]
