"""The ledger: `/v1/ledger`, what every attempt cost."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel

from podium.api.identifier import id_of
from podium.api.openapi import error_replies
from podium.api.passage import principal_of
from podium.api.resources.budgets import reach_of
from podium.api.resources.model import DAY, Day, Page, storable_if_given
from podium.api.resources.route import Route
from podium.api.services import TheServices
from podium.errors import InvalidRequest, Unknown
from podium.identity.tenants import names_of as names_of_tenants
from podium.identity.users import find_users, names_of
from podium.kit import clock, ids, money
from podium.ledger import entries
from podium.ledger.budgets import Reach
from podium.ledger.entries import Entry, Place, Version, Wish
from podium.store.database import Database
from podium.vocabulary.event import UsageSource

router = APIRouter(prefix="/v1/ledger", route_class=Route, tags=["ledger"])

_BUCKETS = ("input", "cached_input", "cache_write", "output", "reasoning", "audio")
_CURSOR = 1 + 16 + 32

Word = Annotated[str | None, Query(max_length=256), AfterValidator(storable_if_given)]


class UsageShown(BaseModel):
    """Tokens. No token is in two counts."""

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    audio: int


class EntryShown(BaseModel):
    """What one attempt cost, in dollars as a decimal string, all that became known later included.

    `tariff` are the prices by which it was reckoned: dollars per million tokens, and `request` a call.
    """

    id: str
    at: str
    turn_id: str | None
    attempt_id: str
    conversation_id: str | None
    tenant: str
    user: str
    key_id: str
    model: str
    provider_response_id: str | None
    usage: UsageShown
    usage_source: UsageSource
    amount: str
    tariff: dict[str, Any] | None


class VersionShown(BaseModel):
    """What was known at a time; `amount` is the difference that it made, `reason` null for the entry itself."""

    at: str
    amount: str
    usage: UsageShown
    usage_source: UsageSource
    reason: str | None


class EntryTold(EntryShown):
    """An entry with what it was for, how it went, and everything that was ever known of it."""

    purpose: str
    succeeded: bool
    milliseconds: int
    history: list[VersionShown]


@router.get(
    "",
    response_model=Page[EntryShown],
    responses=error_replies("member", takes="nothing"),
    summary="Read the ledger",
)
async def list_entries(  # noqa: PLR0913, PLR0917  # the parameters of a query
    request: Request,
    services: TheServices,
    after: Annotated[
        str | None, Query(max_length=200, description="`next` of the page before, or the id of an entry.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 20,
    user: Word = None,
    conversation: Word = None,
    model: Word = None,
    since: Annotated[Day | None, Query(alias="from", description=DAY)] = None,
    until: Annotated[Day | None, Query(alias="to", description=DAY)] = None,
) -> Response:
    """A member's own, an admin's tenant's, the operator's all; oldest first, from `from` until before `to`.

    An entry appears as soon as nothing can come before it any more: who goes on after the last one read misses none.
    """
    reach = reach_of(request)
    place = await _place(services.database, reach, after)
    users = (
        None if user is None else await find_users(services.database, reach.tenant, user, id_of("usr", user))
    )
    session = conversation and (id_of("conv", conversation) or conversation)
    wish = Wish(users, session, model, since, until)
    found = await entries.find_page(services.database, reach, wish, after=place, limit=limit + 1)
    data = await shown(services.database, found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    return _json({"data": data, "next": None if last is None else _cursor(last)})


@router.get(
    "/{id}",
    response_model=EntryTold,
    responses=error_replies("member", takes="id"),
    summary="Read an entry of the ledger",
)
async def get(id: str, request: Request, services: TheServices) -> Response:  # noqa: A002  # the path's word
    """With its history: as it was entered, then each correction."""
    principal_of(request.scope)
    found = await entries.find(services.database, reach_of(request), id) if ids.is_id("att", id) else None
    if found is None:
        raise Unknown("There is no such entry.")
    entry, versions = found
    [told] = await shown(services.database, [entry])
    more = {"purpose": entry.purpose, "succeeded": entry.succeeded, "milliseconds": entry.milliseconds}
    return _json({**told, **more, "history": [_version(each) for each in versions]})


async def shown(database: Database, found: Sequence[Entry]) -> list[dict[str, Any]]:
    """Entries as JSON tells them."""
    users = await names_of(database, {each.user_id for each in found})
    tenants = await names_of_tenants(database, {each.tenant for each in found})
    return [
        _shown(each, tenants.get(each.tenant, each.tenant), users.get(each.user_id, each.user_id))
        for each in found
    ]


def _shown(each: Entry, tenant: str, user: str) -> dict[str, Any]:
    return {
        "id": each.id,
        "at": clock.rfc3339(each.at),
        "turn_id": each.turn_id,
        "attempt_id": each.id,
        "conversation_id": each.conversation_id,
        "tenant": tenant,
        "user": user,
        "key_id": each.key_id,
        "model": each.model,
        "provider_response_id": each.response_id,
        "usage": _usage(each.usage),
        "usage_source": each.usage_source,
        "amount": money.dollars(each.amount),
        "tariff": None if each.tariff is None else msgspec.Raw(each.tariff.encode()),
    }


def _version(each: Version) -> dict[str, Any]:
    return {
        "at": clock.rfc3339(each.at),
        "amount": money.dollars(each.amount),
        "usage": _usage(each.usage),
        "usage_source": each.usage_source,
        "reason": each.reason,
    }


def _usage(tokens: Sequence[int]) -> dict[str, int]:
    return dict(zip(_BUCKETS, tokens, strict=True))


def _cursor(last: Entry) -> str:
    return f"c{last.xid:016x}{last.id.rpartition('_')[2]}"


async def _place(database: Database, reach: Reach, after: str | None) -> Place | None:
    """Where the page before ended: its `next`, or the id of its last entry.

    Raises:
        InvalidRequest: it is neither.
    """
    if after is None:
        return None
    if (
        len(after) == _CURSOR
        and after[0] == "c"
        and set(after[1:]) <= set("0123456789abcdef")
        and after[1] < "8"
    ):
        return Place(int(after[1:17], 16), f"att_{after[17:]}")
    found = await entries.find_place(database, reach, after) if ids.is_id("att", after) else None
    if found is None:
        raise InvalidRequest("This is neither the `next` of a page nor an entry's id.", param="after")
    return found


def _json(value: object) -> Response:
    """Stored JSON goes out as it is: no number is rounded."""
    return Response(msgspec.json.encode(value), media_type="application/json")
