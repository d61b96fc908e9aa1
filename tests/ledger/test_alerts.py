"""Budgets that reach their threshold: told once, in the turn, in the log and to the operator's webhook."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from podium.catalogue.profile import Price
from tests.ledger.book import NANO, Book, book
from tests.ledger.receiver import SECRET, Receiver, receiving
from tests.turn.home import Home, homes
from tests.turn.mortal import wait_for

CENT = Price(input=0, output=10_000_000_000)  # a token of output


async def turn(home: Home, conversation: str) -> tuple[Mapping[str, str], Any]:
    """A turn that costs a cent: the headers of its answer, and its cost_info."""
    async with home._http.post(
        f"{home._url()}/v1/conversations/{conversation}/turns",
        json={"input": "[[tokens=1]]", "max_output_tokens": 1},
        headers=home._headers,
    ) as answer:
        told = await answer.json()
        assert answer.status in (200, 201), told
        return answer.headers, told["cost_info"]


async def chat(home: Home) -> int:
    body = {"messages": [{"role": "user", "content": "[[tokens=1]]"}], "max_tokens": 1}
    return (await home.ask("POST", "/v1/chat/completions", body))[0]


async def alerts(rows: Book) -> list[dict[str, Any]]:
    return await rows.rows("SELECT * FROM budget_alerts ORDER BY at")


async def alerts_when(rows: Book, condition: str) -> list[dict[str, Any]]:
    """The alerts once each meets a condition in SQL."""
    async with asyncio.timeout(30):
        while await rows.rows(f"SELECT FROM budget_alerts WHERE ({condition}) IS NOT TRUE"):
            await rows.rows("SELECT pg_sleep(0.05)")
    return await alerts(rows)


async def passed(home: Home, rows: Book, *, at: int = 1) -> str:
    """A budget of so many cents that has just been spent whole."""
    budget = await rows.budget(at * NANO // 100)
    for _ in range(at):
        assert await chat(home) == 200
    return budget


async def test_a_threshold_is_told_once_and_delivered_until_it_is_taken(dsn: str) -> None:
    async with (
        receiving(500) as receiver,
        homes(dsn, price=CENT, webhook=receiver.webhook) as [home],
        book(dsn) as rows,
    ):
        budget = await rows.budget(NANO // 10, period="day")
        conversation = await home.conversation()
        told = [await turn(home, conversation) for _ in range(10)]
        warnings = [cost["budget_warnings"] for _, cost in told]
        assert warnings == [
            [],
            [],
            [],
            [],
            [],
            [],
            [],
            ["Budget of user operator (day): 80 % of 0.10 dollars spent."],
            [],
            [],
        ]
        left = [headers["x-podium-budget-remaining"] for headers, _ in told]
        assert left == ["0.09", "0.08", "0.07", "0.06", "0.05", "0.04", "0.03", "0.02", "0.01", "0"]
        assert [cost["budget_remaining"] for _, cost in told] == left
        [alert] = await alerts_when(rows, "delivered_at IS NOT NULL")
        assert (alert["budget_id"], alert["tries"], alert["next_try_at"]) == (budget, 2, None)
        first, second = receiver.deliveries
        assert first.id == second.id == alert["id"]
        assert first.path == "/hook"
        assert first.body == second.body
        first.check()
        second.check()
        assert second.json["type"] == "budget.threshold_reached"
        assert second.json["data"] == {
            "id": alert["id"],
            "budget_id": budget,
            "tenant": "default",
            "scope": {"type": "user", "id": "operator"},
            "period": "day",
            "starts_at": second.json["data"]["starts_at"],
            "resets_at": second.json["data"]["resets_at"],
            "alert_threshold": 0.8,
            "limit": "0.1",
            "spent": "0.08",
            "message": "Budget of user operator (day): 80 % of 0.10 dollars spent.",
        }
        await rows.check()
        [told] = (await home.good("GET", f"/v1/budgets/{budget}/alerts"))["data"]
        assert told.pop("delivered_at") is not None
        assert told.pop("at") == second.json["timestamp"]
        assert told == second.json["data"]


async def test_alerts_are_shown_to_those_who_may_see_the_budget(dsn: str) -> None:
    async with homes(dsn, price=CENT) as [home], book(dsn) as rows:
        budget = await passed(home, rows)
        made = {"tenant": "default", "user": "ann", "scope": "member"}
        ann = {
            "authorization": f"Bearer {(await home.good('POST', '/v1/keys', made))['key']}",
        }
        path = f"/v1/budgets/{budget}/alerts"
        assert (await home.ask("GET", path))[0] == 200
        assert (await home.ask("GET", path, headers=ann))[0] == 404
        assert (await home.ask("GET", "/v1/budgets/bud_none/alerts"))[0] == 404


async def test_many_callers_at_two_servers_pass_a_threshold_once(dsn: str) -> None:
    async with (
        receiving() as receiver,
        homes(dsn, 2, price=CENT, webhook=receiver.webhook) as both,
        book(dsn) as rows,
    ):
        await rows.budget(40 * NANO // 100)
        await asyncio.gather(*(chat(both[number % 2]) for number in range(40)))
        [alert] = await alerts_when(rows, "delivered_at IS NOT NULL")
        assert [delivery.id for delivery in receiver.deliveries] == [alert["id"]]


async def test_every_budget_that_passes_is_told_and_none_without_budgets(dsn: str) -> None:
    async with homes(dsn, price=CENT) as [home], book(dsn) as rows:
        conversation = await home.conversation()
        headers, cost = await turn(home, conversation)
        assert "x-podium-budget-remaining" not in headers
        assert (cost["budget_warnings"], cost["budget_remaining"]) == ([], None)
        await rows.budget(NANO // 100)
        await rows.budget(NANO // 100, scope="session", of=conversation)
        await rows.budget(NANO, scope="tenant")
        headers, cost = await turn(home, conversation)
        assert sorted(cost["budget_warnings"]) == [
            f"Budget of session {conversation} (total): 100 % of 0.01 dollars spent.",
            "Budget of user operator (total): 100 % of 0.01 dollars spent.",
        ]
        assert headers["x-podium-budget-remaining"] == "0"


async def test_a_raised_limit_is_another_threshold(dsn: str) -> None:
    async with homes(dsn, price=CENT) as [home], book(dsn) as rows:
        budget = await passed(home, rows)
        await home.good("PATCH", f"/v1/budgets/{budget}", {"limit": "0.10"})
        for _ in range(9):
            assert await chat(home) == 200
        assert [alert["amount"] for alert in await alerts(rows)] == [NANO // 100, NANO // 10]


async def test_what_a_dead_process_had_claimed_is_delivered_by_another(dsn: str) -> None:
    async with (
        receiving(0) as receiver,
        homes(dsn, 2, price=CENT, webhook=receiver.webhook) as [home, _],
        book(dsn) as rows,
    ):
        await passed(home, rows)
        await wait_for(lambda: receiver.deliveries)
        assert [alert["delivered_at"] for alert in await alerts(rows)] == [None]
        await rows.rows("UPDATE budget_alerts SET next_try_at = clock_timestamp()")  # the claim has run out
        [alert] = await alerts_when(rows, "delivered_at IS NOT NULL")
        assert [delivery.id for delivery in receiver.deliveries] == [alert["id"]] * 2


async def test_a_redirect_is_not_followed(dsn: str) -> None:
    async with (
        receiving(302, 307) as receiver,
        homes(dsn, price=CENT, webhook=receiver.webhook) as [home],
        book(dsn) as rows,
    ):
        await passed(home, rows)
        [alert] = await alerts_when(rows, "delivered_at IS NOT NULL")
        assert alert["tries"] == 3
        assert {delivery.path for delivery in receiver.deliveries} == {"/hook"}


async def test_after_a_day_it_is_given_up(dsn: str) -> None:
    async with (
        receiving(*[500] * 9) as receiver,
        homes(dsn, price=CENT, webhook=receiver.webhook) as [home],
        book(dsn) as rows,
    ):
        await passed(home, rows)
        await wait_for(lambda: receiver.deliveries)
        await rows.rows("UPDATE budget_alerts SET at = at - interval '25 hours'")
        [alert] = await alerts_when(rows, "next_try_at IS NULL")
        assert alert["delivered_at"] is None


async def test_it_is_logged_once_and_no_secret_with_it(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    dead = Receiver(url="http://127.0.0.1:1").webhook
    async with homes(dsn, 2, price=CENT, webhook=dead) as [home, _], book(dsn) as rows:
        budget = await passed(home, rows)
        await alerts_when(rows, "tries > 1")
        [logged] = [record for record in caplog.records if record.message == "budget.threshold"]
        assert (logged.__dict__["budget"], logged.__dict__["spent"]) == (budget, "0.01")
        assert any(record.message == "budget.alert_not_delivered" for record in caplog.records)
        told = "".join(str(record.__dict__) for record in caplog.records if "podium" in record.name)
        assert "hush" not in told
        assert SECRET.removeprefix("whsec_") not in told


async def test_without_a_webhook_it_is_logged_alone(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    async with homes(dsn, price=CENT) as [home], book(dsn) as rows:
        await passed(home, rows)
        [alert] = await alerts_when(rows, "next_try_at IS NULL")
        assert (alert["tries"], alert["delivered_at"]) == (1, None)
        assert [record.message for record in caplog.records].count("budget.threshold") == 1
