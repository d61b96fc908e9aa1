"""Budgets: `/v1/budgets`. Admins write them; who is limited by one may read it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from podium.api.behalf import sessions_of, user_of
from podium.api.identifier import session_name
from podium.api.openapi import KEYED, ErrorAnswer, error_replies
from podium.api.passage import passage_of, principal_of
from podium.api.resources.amount import Dollars, ExactRoute, Threshold
from podium.api.resources.model import (
    MOST_SESSION_NAME,
    After,
    Deleted,
    Given,
    Limit,
    Name,
    Page,
    as_name,
    read_cursor,
    storable,
    storable_if_given,
    write_cursor,
)
from podium.api.resources.route import Route
from podium.api.resources.scopes import act_in, act_in_scope, catch_up, find_scope, names_in
from podium.api.services import Services, TheServices
from podium.errors import Conflict, Forbidden, InvalidRequest, Unknown
from podium.identity import Principal
from podium.identity.tenants import find_tenant
from podium.kit import clock, ids, money
from podium.ledger import budgets
from podium.ledger.alert import Alert, find_all, sentence
from podium.ledger.budget import Change, NewBudget, Period, ScopeType, Status
from podium.ledger.budgets import Reach, Wish
from podium.store.database import Database

router = APIRouter(prefix="/v1/budgets", route_class=ExactRoute, tags=["budgets"])
reading = APIRouter(prefix="/v1/budgets", route_class=Route, tags=["budgets"])

CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "It contradicts what is there."}
}


class ScopeGiven(Given):
    """What a budget is for. A tenant and a user by name or id, a user made when new; a key by its id.

    A session is a conversation by its id, or by the name that a client calls it, which may be yet to come.
    """

    type: ScopeType
    id: Annotated[str, Field(min_length=1, max_length=MOST_SESSION_NAME)]

    @field_validator("id")
    @classmethod
    def _named(cls, given: str, info: ValidationInfo) -> str:
        """A session may have any name; what else there is looks like what it is."""
        return storable(given) if info.data.get("type") == "session" else as_name(given)


class BudgetGiven(Given):
    """A budget to be made. `alert_threshold` is the share of the limit at which a warning goes out."""

    tenant: Name | None = Field(None, description="By name or id; the operator's to choose.")
    scope: ScopeGiven
    limit: Dollars
    period: Period
    timezone: Name = Field("UTC", description="In which days, weeks and months begin, as in Europe/Berlin.")
    alert_threshold: Threshold | None = Field(None, description="0.8 if it is not given.")


class BudgetChange(Given):
    """What is to be changed of a budget, at once and for its present period too."""

    limit: Dollars | None = None
    alert_threshold: Threshold | None = None


class ScopeShown(BaseModel):
    """What a budget is for: a tenant or user by name, anything else by id."""

    type: ScopeType
    id: str


class BudgetShown(BaseModel):
    """A budget and its present period. Amounts are decimal strings of dollars.

    `remaining` is `limit` less what was spent, is held for calls under way, and is in `suspense`: what calls of unknown
    usage may still turn out to have cost. `is_default` marks one that the operator's settings gave,
    `by_operator` one that the operator has set: of a whole tenant, that is not the tenant's to change.
    """

    id: str
    tenant: str
    scope: ScopeShown
    limit: str
    period: Period
    timezone: str
    alert_threshold: float
    spent: str
    held: str
    suspense: str
    remaining: str
    starts_at: str
    resets_at: str | None
    is_default: bool
    by_operator: bool
    created_at: str


class AlertShown(BaseModel):
    """That a budget reached its threshold, with `spent` as it was then. `delivered_at` is when the webhook took it."""

    id: str
    budget_id: str
    tenant: str
    scope: ScopeShown
    period: Period
    starts_at: str
    resets_at: str | None
    alert_threshold: float
    limit: str
    spent: str
    message: str
    at: str
    delivered_at: str | None


def reach_of(request: Request) -> Reach:
    """Whose things the caller may see: the operator everybody's, unless `x-podium-tenant` names a tenant."""
    who = principal_of(request.scope)
    if who.is_operator and passage_of(request.scope).tenant_name() is None:
        return Reach(None)
    return Reach(who.tenant, who.only_user)


async def shown(database: Database, found: Sequence[Status]) -> list[BudgetShown]:
    """Budgets as their readers know them."""
    names = await names_in(database, (each.budget for each in found))
    return [_shown(each, names) for each in found]


def _shown(status: Status, names: Mapping[str, str]) -> BudgetShown:
    each = status.budget
    is_named = each.scope_type in ("tenant", "user")
    scope = names.get(each.scope_id) if is_named else each.scope_id.removeprefix(f"{each.owner}/")
    return BudgetShown(
        id=each.id,
        tenant=names.get(each.tenant, each.tenant),
        scope=ScopeShown(type=each.scope_type, id=scope or each.scope_id),
        limit=money.dollars(each.amount),
        period=each.period,
        timezone=each.timezone,
        alert_threshold=each.alert / 1000,
        spent=money.dollars(status.spent),
        held=money.dollars(status.held),
        suspense=money.dollars(status.suspense),
        remaining=money.dollars(status.remaining),
        starts_at=clock.rfc3339(status.starts_at),
        resets_at=None if status.resets_at is None else clock.rfc3339(status.resets_at),
        is_default=each.is_default,
        by_operator=each.by_operator,
        created_at=clock.rfc3339(each.created_at),
    )


async def _one(database: Database, found: Status | None) -> BudgetShown:
    if found is None:
        raise Unknown("There is no such budget.")
    [told] = await shown(database, [found])
    return told


@router.post(
    "",
    responses={**error_replies("admin", takes="body", keyed=True), **CONFLICT},
    openapi_extra=KEYED,
    summary="Make a budget",
)
async def create(given: BudgetGiven, request: Request, services: TheServices) -> BudgetShown:
    """A scope has one budget for each period. What was spent before it was made does not count."""
    who = principal_of(request.scope)
    if given.scope.type == "tenant" and given.tenant is None and reach_of(request).tenant is None:
        who = await act_in_scope(services, who, given.scope.id)
    else:
        who = await act_in(services, who, given.tenant)
    if given.timezone != "UTC" and not await budgets.is_timezone(services.database, given.timezone):
        raise InvalidRequest(
            f"There is no time zone {given.timezone!r}.",
            param="timezone",
            hint="Write one as in Europe/Berlin.",
        )
    scope = await find_scope(services.database, who, given.scope.type, given.scope.id)
    new = NewBudget(
        tenant=who.tenant,
        scope_type=given.scope.type,
        scope_id=scope.id,
        owner=scope.owner,
        amount=given.limit,
        period=given.period,
        timezone=given.timezone,
        alert=given.alert_threshold,
        by_operator=who.is_operator,
    )
    made = await budgets.put(services.database, new)
    if made is None:
        raise await _taken(services.database, new)
    if new.scope_type == "session":
        await catch_up(services.database, who, given.scope.id, made.budget)
    return await _one(services.database, made)


async def _taken(database: Database, new: NewBudget) -> Conflict:
    found = await budgets.find_bound(database, new.tenant, [(new.scope_type, new.scope_id)])
    there = [each.budget.id for each in found if each.budget.period == new.period]
    return Conflict(
        f"Budget {there[0] if there else ''} limits this {new.scope_type} for this period already.",
        param="scope",
        hint="Change it: PATCH /v1/budgets/{id}.",
    )


@reading.get("", responses=error_replies("member", takes="id"), summary="List budgets")
async def list_budgets(  # noqa: PLR0913, PLR0917  # the parameters of a query
    request: Request,
    services: TheServices,
    limit: Limit = 20,
    after: After = None,
    tenant: Annotated[
        str | None, AfterValidator(storable_if_given), Query(max_length=128, description="By name or id.")
    ] = None,
    scope_type: ScopeType | None = None,
    scope_id: Annotated[
        str | None,
        AfterValidator(storable_if_given),
        Query(max_length=MOST_SESSION_NAME, description="By name or id."),
    ] = None,
    period: Period | None = None,
) -> Page[BudgetShown]:
    """A member's own (of the user, its keys and its conversations), an admin's tenant's, the operator's all.

    Default ones are listed once a call was made on them, and while the operator's settings give them.
    """
    who, reach = principal_of(request.scope), reach_of(request)
    if tenant is not None:
        who = await act_in(services, who, tenant)
        reach = Reach(who.tenant, who.only_user)
    named = await _ids_of(services.database, who, scope_id)
    wish = Wish(scope_type, named, period, services.default_budgets)
    found = await budgets.find_page(
        services.database, reach, wish, before=read_cursor("bud", after), limit=limit + 1
    )
    data = await shown(services.database, found[:limit])
    return Page(data=data, next=write_cursor(data[-1].id) if len(found) > limit else None)


async def _ids_of(database: Database, who: Principal, word: str | None) -> tuple[str, ...] | None:
    """Everything within reach that a word may name."""
    if word is None:
        return None
    user = await user_of(database, who, word)
    sessions = await sessions_of(database, who, word)
    tenant = await find_tenant(database, word) if who.is_operator or word == who.tenant_name else None
    awaited = await budgets.find_waiting(database, who.tenant, session_name(word), who.only_user)
    named = [each.id for each in (tenant, user, *sessions) if each is not None]
    return (word, *named, *(scope for scope, _ in awaited))


@reading.get("/{id}", responses=error_replies("member", takes="id"), summary="Read a budget")
async def get(id: str, request: Request, services: TheServices) -> BudgetShown:  # noqa: A002  # the path's word
    """What it allows, and what of it is left in the present period."""
    return await _one(services.database, await _within_reach(services, request, id))


async def _check_hand(services: Services, request: Request, budget_id: str) -> None:
    """Make sure that the caller may change this budget.

    Raises:
        Unknown: there is none, or it is another's.
        Forbidden: the operator set it for the whole tenant.
    """
    found = await _within_reach(services, request, budget_id)
    if found is None:
        raise Unknown("There is no such budget.")
    each = found.budget
    if each.scope_type == "tenant" and each.by_operator and not principal_of(request.scope).is_operator:
        raise Forbidden(
            "The operator set this budget for the whole tenant.",
            hint="Ask the operator to change it. A tighter one of yours, for another period, may stand beside it.",
        )


async def _within_reach(services: Services, request: Request, budget_id: str) -> Status | None:
    if not ids.is_id("bud", budget_id):
        return None
    return await budgets.find(services.database, reach_of(request), budget_id, services.default_budgets)


@reading.get("/{id}/alerts", responses=error_replies("member", takes="id"), summary="List a budget's alerts")
async def list_alerts(
    id: str,  # noqa: A002  # the path's word
    request: Request,
    services: TheServices,
    limit: Limit = 20,
) -> Page[AlertShown]:
    """One a period and threshold, the last ones first; those before `limit` are not told."""
    if await _within_reach(services, request, id) is None:
        raise Unknown("There is no such budget.")
    found = await find_all(services.database, id, limit)
    return Page(data=[_alert_shown(each) for each in found], next=None)


def _alert_shown(alert: Alert) -> AlertShown:
    return AlertShown(
        id=alert.id,
        budget_id=alert.budget_id,
        tenant=alert.tenant_name,
        scope=ScopeShown(type=alert.scope_type, id=alert.shown_id),
        period=alert.period,
        starts_at=clock.rfc3339(alert.starts_at),
        resets_at=None if alert.ends_at is None else clock.rfc3339(alert.ends_at),
        alert_threshold=alert.alert / 1000,
        limit=money.dollars(alert.amount),
        spent=money.dollars(alert.spent),
        message=sentence(alert),
        at=clock.rfc3339(alert.at),
        delivered_at=None if alert.delivered_at is None else clock.rfc3339(alert.delivered_at),
    )


@router.patch("/{id}", responses=error_replies("admin", takes="body"), summary="Change a budget")
async def update(
    id: str,  # noqa: A002  # the path's word
    given: BudgetChange,
    request: Request,
    services: TheServices,
) -> BudgetShown:
    """Counts from now on, in the present period too: a lower limit stops new calls, those under way go on."""
    await _check_hand(services, request, id)
    found = await budgets.change(
        services.database,
        reach_of(request),
        id,
        Change(given.limit, given.alert_threshold, principal_of(request.scope).is_operator),
        defaults=services.default_budgets,
    )
    return await _one(services.database, found)


@router.delete("/{id}", responses=error_replies("admin", takes="id"), summary="Delete a budget")
async def delete(id: str, request: Request, services: TheServices) -> Deleted:  # noqa: A002  # the path's word
    """It limits nothing any more; what was spent stays in the ledger."""
    await _check_hand(services, request, id)
    if not await budgets.delete(services.database, reach_of(request), id):
        raise Unknown("There is no such budget.")
    return Deleted(id=id)
