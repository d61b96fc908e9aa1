"""What a session has cost: `GET /sessions/{id}/cost-summary`."""

from collections.abc import Sequence

import msgspec
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from podium.api.compat.refusal import refusing
from podium.api.compat.session import asker, find_session
from podium.api.front import HotRoute
from podium.api.openapi import Operation, Parameter, Reply
from podium.api.serve import send_json
from podium.kit import money
from podium.ledger import analytics
from podium.store.database import Database


class CostSummary(BaseModel):
    """All calls of a session, tries that failed included. The cost is a decimal string of dollars."""

    total_calls: int
    total_cost: str
    total_tokens: int
    avg_response_time_ms: int


def summary_routes(database: Database) -> Sequence[HotRoute]:
    """The route, with and without a last slash, among those of simple chat: names of sessions may hold slashes."""

    async def serve(scope: Scope, _receive: Receive, send: Send) -> None:
        who = await asker(database, scope)
        found = await find_session(database, who, scope["path_params"]["id"])
        used = await analytics.session(database, found.id)
        told = CostSummary(
            total_calls=used.sum.calls,
            total_cost=money.dollars(used.sum.amount),
            total_tokens=used.sum.tokens,
            avg_response_time_ms=used.milliseconds,
        )
        await send_json(send, 200, [], msgspec.json.encode(told.model_dump()))

    operation = Operation(
        "get_cost_summary",
        "cost",
        "What a session has cost.",
        parameters=(
            Parameter("id", "path", "The session's name, or its UUID.", required=True),
            Parameter("user_id", "query", "Whose session it is, for admins."),
        ),
        replies={200: Reply("As asked.", {"application/json": CostSummary})},
    )
    route = HotRoute("GET", "/sessions/{id:path}/cost-summary", serve, operation, refusing=refusing)
    return (route, route.alias())
