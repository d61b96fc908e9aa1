"""Budgets and costs at the paths that applications which think in sessions know."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, Field

from podium.api.behalf import acting_for, find_session, user_of
from podium.api.identifier import session_name
from podium.api.openapi import KEYED, error_replies
from podium.api.passage import principal_of
from podium.api.resources.amount import Dollars, ExactRoute, Threshold
from podium.api.resources.budgets import CONFLICT, reach_of
from podium.api.resources.model import MOST_SESSION_NAME, Given, Name, as_name, storable
from podium.api.resources.route import Route
from podium.api.resources.scopes import catch_up, find_scope, names_in
from podium.api.services import TheServices
from podium.conversation import Found
from podium.errors import Conflict
from podium.identity import Principal
from podium.identity.users import names_of
from podium.kit import clock, ids, money
from podium.ledger import analytics, budgets
from podium.ledger.analytics import Sum
from podium.ledger.budget import NewBudget, Period, ScopeType, Status, warning
from podium.store.database import Database

router = APIRouter(route_class=ExactRoute, tags=["cost"])
reading = APIRouter(route_class=Route, tags=["cost"])


def _bare(text: str) -> str:
    """What a path names: who ends it with a slash means the same."""
    return text.removesuffix("/") or text


def _session(text: str) -> str:
    if len(text) > MOST_SESSION_NAME:
        raise ValueError(f"must not be longer than {MOST_SESSION_NAME} characters")
    return storable(text)


SessionId = Annotated[str, Path(min_length=1), AfterValidator(_bare), AfterValidator(_session)]
UserId = Annotated[str, Path(min_length=1), AfterValidator(_bare), AfterValidator(as_name)]

ResetPeriod = Literal["daily", "weekly", "monthly", "never"]

_PERIODS: Mapping[ResetPeriod, Period] = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "never": "total",
}


class _LimitGiven(Given):
    budget_limit: Dollars
    alert_threshold: Threshold | None = Field(
        None, description="Without one, that which was set stays; 0.8 if none was."
    )


class SessionLimit(_LimitGiven):
    """What a session may cost in all."""


class UserLimit(_LimitGiven):
    """What a user may cost in a period."""

    reset_period: ResetPeriod = "monthly"


class LimitShown(BaseModel):
    """A limit and what is left of it, in dollars as decimal strings. A default that no call was made on has no id.

    `held` is all that is set aside: for calls under way, and for what others may still turn out to cost.
    """

    id: str | None
    budget_limit: str
    spent: str
    held: str
    remaining: str
    alert_threshold: float
    reset_period: ResetPeriod
    resets_at: str | None


class StatusShown(BaseModel):
    """The limits of a session and of its user, null without any; of several the one of which the least is left.

    `allowed` says whether something is left of these, of the tenant's and of the caller's key's; `warnings` which of
    all these are past their thresholds.
    """

    session: LimitShown | None
    user: LimitShown | None
    allowed: bool
    warnings: list[str]


class TotalShown(BaseModel):
    """All calls of some days. `success_rate` is in percent."""

    total_calls: int
    total_cost: str
    total_tokens: int
    success_rate: float


class DayShown(TotalShown):
    """The calls of one day, in UTC."""

    date: str


class PartShown(TotalShown):
    """The calls of one model, user, key, persona or feature."""

    name: str


class Savings(BaseModel):
    """What was not spent, thanks to the cache and to routing."""

    cache: str = "0"
    routing: str = "0"
    total: str = "0"


class AnalyticsShown(BaseModel):
    """What was spent on what, the dearest hundred of each part. A feature is what a call was made for."""

    total_stats: TotalShown
    daily_breakdown: list[DayShown]
    model_breakdown: list[PartShown]
    user_breakdown: list[PartShown]
    key_breakdown: list[PartShown]
    persona_breakdown: list[PartShown]
    feature_breakdown: list[PartShown]
    savings: Savings


@router.post(
    "/budgets/session/{session_id:any}",
    responses={**error_replies("admin", takes="body", keyed=True), **CONFLICT},
    openapi_extra=KEYED,
    summary="Limit a session",
)
async def limit_session(
    session_id: SessionId,
    given: SessionLimit,
    request: Request,
    services: TheServices,
    user_id: Annotated[
        Name | None, Query(description="Whose session it is, or is to be; a user that is new is made.")
    ] = None,
) -> LimitShown:
    """For good, and before its first message too: then it counts for whoever first speaks in it. Again: changes it."""
    who = principal_of(request.scope)
    named = await acting_for(services.database, who, user_id, make=True)
    made = await _put(services.database, named, ("session", session_id), given, "total")
    await catch_up(services.database, named, session_id, made.budget)
    return _limit(made)


@router.post(
    "/budgets/user/{user_id:path}",
    responses={**error_replies("admin", takes="body", keyed=True), **CONFLICT},
    openapi_extra=KEYED,
    summary="Limit a user",
)
async def limit_user(
    user_id: UserId, given: UserLimit, request: Request, services: TheServices
) -> LimitShown:
    """A user has one limit for each period; again: changes it. A user that is new is made."""
    who = principal_of(request.scope)
    made = await _put(services.database, who, ("user", user_id), given, _PERIODS[given.reset_period])
    return _limit(made)


async def _put(
    database: Database, who: Principal, scope: tuple[ScopeType, str], given: _LimitGiven, period: Period
) -> Status:
    kind, word = scope
    found = await find_scope(database, who, kind, word)
    new = NewBudget(
        tenant=who.tenant,
        scope_type=kind,
        scope_id=found.id,
        owner=found.owner,
        amount=given.budget_limit,
        period=period,
        alert=given.alert_threshold,
    )
    made = await budgets.put(database, new, replace=True)
    if made is None:
        raise Conflict("The budget is being changed by others.", hint="Try again.")
    return made


@reading.get(
    "/budgets/status/{session_id:any}",
    responses={**error_replies("member", takes="id"), **CONFLICT},
    summary="Read what is left for a session and its user",
)
async def get_status(
    session_id: SessionId,
    request: Request,
    services: TheServices,
    user_id: Annotated[
        Name | None, Query(description="By name or id; for admins any of the tenant, new ones too.")
    ] = None,
) -> StatusShown:
    """Of the session's user, or of the user who is named; of a session that is new, of whoever asks.

    Where the user who is named has no session of that name and none is limited for them, it is the one that the caller
    means by it.
    """
    database, caller = services.database, principal_of(request.scope)
    who = await _asking(database, caller, user_id)
    session = await find_session(database, who, session_id)
    user = who.user if session is None or user_id is not None else session.user
    scopes: list[tuple[ScopeType, str]] = [("user", user), ("tenant", who.tenant), ("key", who.key)]
    if session is None:
        awaited = await budgets.find_waiting(database, who.tenant, session_name(session_id), who.only_user)
        scopes += [("session", scope) for scope, _ in awaited]
        session = None if awaited else await _callers(database, caller, session_id)
    if session is not None:
        scopes.append(("session", session.id))
    found = _claimed(await budgets.find_bound(database, who.tenant, scopes, services.default_budgets))
    return StatusShown(
        session=_tightest(found, "session"),
        user=_tightest(found, "user"),
        allowed=all(each.remaining > 0 for each in found),
        warnings=await _warnings(database, found, session_id),
    )


def _claimed(found: list[Status]) -> list[Status]:
    """Without those that wait for anybody's session where one waits for this user's, which will count instead."""
    sessions = [each.budget for each in found if each.budget.scope_type == "session"]
    own = {each.period for each in sessions if each.owner is not None}
    gone = {each.id for each in sessions if each.owner is None and each.period in own}
    return [each for each in found if each.budget.id not in gone]


async def _callers(database: Database, caller: Principal, word: str) -> Found | None:
    """The session that the caller, for whomever they ask, means by this word, if it is one and only."""
    with suppress(Conflict):
        return await find_session(database, caller, word)
    return None


async def _asking(database: Database, who: Principal, user: str | None) -> Principal:
    """This principal as the user whom it names; one who is new to an admin has nothing yet, and is not made."""
    if user is None or not who.is_admin or ids.is_id("usr", user):
        return await acting_for(database, who, user)
    found = await user_of(database, who, user)
    return replace(who, user=ids.new("usr") if found is None else found.id, scope="member")


async def _warnings(database: Database, found: list[Status], session: str) -> list[str]:
    """What to say of those past their thresholds, tenants and users by name, the session as it was asked for."""
    late = [each for each in found if each.is_alert]
    names = dict(await names_in(database, (each.budget for each in late)))
    names |= {each.budget.scope_id: session for each in late if each.budget.scope_type == "session"}
    return [
        warning(
            f"{each.budget.scope_type} {names.get(each.budget.scope_id, each.budget.scope_id)}",
            each.budget.period,
            spent=each.spent,
            amount=each.budget.amount,
        )
        for each in late
    ]


@reading.get("/cost-tracking/analytics/", include_in_schema=False)
@reading.get(
    "/cost-tracking/analytics",
    responses=error_replies("member", takes="nothing"),
    summary="See what was spent",
)
async def get_analytics(
    request: Request,
    services: TheServices,
    days: Annotated[int, Query(ge=1, le=366, description="Today, in UTC, is the last of them.")] = 7,
) -> AnalyticsShown:
    """Of a member what is theirs, of an admin the tenant's, of the operator all."""
    spent = await analytics.spending(services.database, reach_of(request), days)
    users = await names_of(services.database, spent.parts["user_id"])
    return AnalyticsShown(
        total_stats=_sum(spent.total),
        daily_breakdown=[
            DayShown(date=day.isoformat(), **_sum(each).model_dump()) for day, each in spent.days.items()
        ],
        model_breakdown=_parts(spent.parts["model"]),
        user_breakdown=_parts(spent.parts["user_id"], users),
        key_breakdown=_parts(spent.parts["key_id"]),
        persona_breakdown=[],
        feature_breakdown=_parts(spent.parts["purpose"]),
        savings=Savings(),
    )


def _sum(each: Sum) -> TotalShown:
    return TotalShown(
        total_calls=each.calls,
        total_cost=money.dollars(each.amount),
        total_tokens=each.tokens,
        success_rate=round(100 * each.succeeded / each.calls, 2) if each.calls else 0.0,
    )


def _parts(sums: Mapping[str, Sum], names: Mapping[str, str] = MappingProxyType({})) -> list[PartShown]:
    return [PartShown(name=names.get(name, name), **_sum(each).model_dump()) for name, each in sums.items()]


def _limit(status: Status) -> LimitShown:
    names: dict[Period, ResetPeriod] = {period: name for name, period in _PERIODS.items()}
    return LimitShown(
        id=None if status.budget.id == ids.nobody("bud") else status.budget.id,
        budget_limit=money.dollars(status.budget.amount),
        spent=money.dollars(status.spent),
        held=money.dollars(status.held + status.suspense),
        remaining=money.dollars(status.remaining),
        alert_threshold=status.budget.alert / 1000,
        reset_period=names[status.budget.period],
        resets_at=None if status.resets_at is None else clock.rfc3339(status.resets_at),
    )


def _tightest(found: list[Status], kind: ScopeType) -> LimitShown | None:
    return next((_limit(each) for each in found if each.budget.scope_type == kind), None)
