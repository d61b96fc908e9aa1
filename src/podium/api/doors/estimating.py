"""`POST /v1/estimate`: what a call would cost, before it is made, and whether budgets would let it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.body import read_body
from podium.api.doors.native import decoded
from podium.api.front import HotRoute
from podium.api.openapi import Operation, Reply
from podium.api.passage import Limits, passage_of, principal_of
from podium.api.serve import send_json
from podium.api.services import Services
from podium.app.count import Counter
from podium.errors import InvalidRequest
from podium.identity import Principal
from podium.kit import money
from podium.ledger import budgets
from podium.ledger.budget import ScopeType, Status
from podium.ledger.tariff import UNKNOWN, cost
from podium.ledger.worth import Worth, worth
from podium.routing.choose import Chooser
from podium.vocabulary.cost import CountingMethod
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request, Sampling
from podium.vocabulary.usage import Usage
from podium.wires.wire import Wire


class _Given(Struct, frozen=True, forbid_unknown_fields=True):
    input: str | Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=10_000)]
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None


class EstimateGiven(BaseModel):
    """A call that might be made: a text, or messages as chat completions have them, to a model or the default one."""

    input: str | list[dict[str, Any]]
    model: str | None = Field(None, min_length=1, max_length=256)
    max_tokens: int | None = Field(None, ge=1, le=10_000_000)


class Estimate(BaseModel):
    """What it would cost if its answer were as long as it may be: dollars as a decimal string, null if nobody knows.

    `allowed` says whether the caller's budgets would let it be made now; `message` how they stand.
    """

    model: str
    estimated_cost: str | None
    input_tokens: int
    output_tokens: int
    counting_method: CountingMethod
    allowed: bool
    message: str


_given = msgspec.json.Decoder(_Given)


class Estimating:
    """The handler.

    Args:
        wire: in whose dialect messages are given.
        counter: counts them.
        choose: finds the model that would answer first.
    """

    def __init__(
        self, wire: Wire, counter: Counter, choose: Chooser, services: Services, *, limits: Limits
    ) -> None:
        self._wire = wire
        self._counter = counter
        self._choose = choose
        self._services = services
        self._limits = limits

    def app(self) -> ASGIApp:
        """`POST /v1/estimate`."""
        return self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = principal_of(scope)
        given = decoded(_given, await read_body(receive, self._limits))
        candidate = self._choose(given.model).candidates[0]
        profile, request = candidate.profile, self._request(given)
        count = await self._counter.careful(request, candidate, trace=passage_of(scope).id)
        price = profile.price or UNKNOWN
        needed = worth(request, profile, price, count.ceiling)
        most = cost(Usage(input=count.tokens, output=needed.cap), price)
        allowed, message = _judged(await self._bound(who), needed, most)
        if profile.price is None:
            message = f"No price is known for {profile.name}: no budget counts it."
        told = Estimate(
            model=profile.name,
            estimated_cost=None if profile.price is None else money.dollars(most),
            input_tokens=count.tokens,
            output_tokens=needed.cap,
            counting_method=count.method,
            allowed=allowed,
            message=message,
        )
        await send_json(send, 200, [], msgspec.json.encode(told.model_dump()))

    def _request(self, given: _Given) -> Request:
        if isinstance(given.input, str):
            said = Line(role="user", parts=(Text(given.input),))
            return Request(
                model=given.model or "", lines=(said,), sampling=Sampling(max_output=given.max_tokens)
            )
        members = {"model": given.model or "", "messages": given.input, "max_tokens": given.max_tokens}
        told = {name: value for name, value in members.items() if value is not None}
        try:
            return self._wire.read_request({}, msgspec.json.encode(told))
        except InvalidRequest as error:
            raise _renamed(error) from None

    async def _bound(self, who: Principal) -> list[Status]:
        services = self._services
        scopes: list[tuple[ScopeType, str]] = [("tenant", who.tenant), ("user", who.user), ("key", who.key)]
        return await budgets.find_bound(services.database, who.tenant, scopes, services.default_budgets)


def _renamed(error: InvalidRequest) -> InvalidRequest:
    """What the dialect calls messages is the input here."""
    param = (error.param or "").replace("messages", "input", 1)
    message = error.message.replace("`messages", "`input", 1)
    return InvalidRequest(message, param=param or None, hint=error.hint)


def _judged(found: list[Status], needed: Worth, most: int) -> tuple[bool, str]:
    """Whether a hold would be given, by the rule that holds go by, and what is to be said of it."""
    if not found:
        return True, "No budget limits this call."
    tightest = found[0]
    each, left = tightest.budget, money.dollars(max(tightest.remaining, 0))
    left_of = f"{left} dollars are left of the {each.scope_type}'s budget ({each.period})"
    if tightest.remaining < needed.least:
        return False, f"Budget limit exceeded: {left_of}, less than this call needs."
    if tightest.remaining < most:
        return True, f"Its answer may be cut short: {left_of}."
    return True, f"Within the budgets: {left_of}."


def estimate_route(estimating: Estimating) -> HotRoute:
    """The route."""
    operation = Operation(
        "estimate",
        "cost",
        "Estimate what a call would cost.",
        "Nothing is held, nothing is entered. The host is asked for a count if its endpoint has `count_tokens`.",
        body=EstimateGiven,
        replies={200: Reply("As asked.", {"application/json": Estimate})},
    )
    return HotRoute("POST", "/v1/estimate", estimating.app(), operation)
