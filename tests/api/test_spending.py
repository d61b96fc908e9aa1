"""What a real call costs is seen at every place that tells of money."""

from typing import Any

from tests.doors.podium import Podium, podium

SAID = {"message": "Hello there", "session_id": "s-1", "user_id": "ann", "model": "lab/small"}


async def chat(server: Podium) -> tuple[int, Any]:
    async with server.http.post(f"{server.url}/chat", json=SAID) as answer:
        return answer.status, await answer.json()


async def test_a_call_is_told_alike_by_answer_ledger_budgets_summary_and_analytics(dsn: str) -> None:
    async with podium(dsn) as server:
        limit = {"budget_limit": 1}
        await server.call("POST", "/budgets/session/s-1", json=limit)
        await server.call("POST", "/budgets/user/ann", json={**limit, "reset_period": "daily"})
        status, answer = await chat(server)
        assert status == 200, answer
        cost = answer["cost_info"]["total_cost"]
        [entry] = (await server.call("GET", "/v1/ledger"))["data"]
        assert (entry["amount"], entry["user"], entry["usage_source"]) == (cost, "ann", "provider")
        [served] = server.host.oracle.calls
        assert (entry["usage"]["input"], entry["usage"]["output"]) == (
            served.usage.input,
            served.usage.output,
        )
        left = await server.call("GET", "/budgets/status/s-1?user_id=ann")
        assert [left[scope]["spent"] for scope in ("session", "user")] == [cost, cost]
        assert [left[scope]["held"] for scope in ("session", "user")] == ["0", "0"]
        summary = await server.call("GET", "/sessions/s-1/cost-summary?user_id=ann")
        assert (summary["total_calls"], summary["total_cost"]) == (1, cost)
        assert summary["total_tokens"] == served.usage.input + served.usage.output
        told = await server.call("GET", "/cost-tracking/analytics")
        assert (told["total_stats"]["total_calls"], told["total_stats"]["total_cost"]) == (1, cost)
        assert [each["name"] for each in told["user_breakdown"]] == ["ann"]


async def test_a_budget_that_preceded_its_session_refuses_the_first_message(dsn: str) -> None:
    async with podium(dsn) as server:
        await server.call("POST", "/budgets/session/s-1", json={"budget_limit": "0.000001"})
        status, answer = await chat(server)
        assert status == 429
        assert answer["error"]["code"] == "insufficient_quota"
        assert "Session budget limit exceeded" in answer["detail"]
        assert not server.host.oracle.calls
        assert (await server.call("GET", "/v1/ledger"))["data"] == []
        await server.call("POST", "/budgets/session/s-1?user_id=ann", json={"budget_limit": 1})
        assert (await chat(server))[0] == 200
