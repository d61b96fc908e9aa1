"""Keys: `POST`, `GET` and `DELETE /v1/keys`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from podium.api.openapi import error_replies
from podium.api.passage import passage_of, principal_of
from podium.api.resources.model import (
    MOMENT,
    After,
    Deleted,
    Given,
    Limit,
    Moment,
    Name,
    Page,
    read_cursor,
    write_cursor,
)
from podium.api.resources.route import AdminRoute
from podium.api.services import TheServices
from podium.errors import Forbidden, Unknown
from podium.identity import Key, Keys, NewKey, Principal, Scope, Tier
from podium.identity.principal import TIERS
from podium.kit import clock

router = APIRouter(prefix="/v1/keys", route_class=AdminRoute, tags=["keys"])


class KeyGiven(Given):
    """A key to be made. The tenant and the user are made too when their names are new."""

    tenant: Name
    user: Name
    scope: Scope
    tier: Tier | None = Field(None, description="Without one, the user's holds.")
    user_tier: Tier | None = Field(
        None, description="Becomes the user's own, for all their keys without one."
    )
    expires_at: Moment | None = Field(None, description=MOMENT)


class KeyShown(BaseModel):
    """A key without its secret, of which `prefix` is the beginning."""

    id: str
    prefix: str
    tenant: str
    user: str
    scope: Scope
    tier: Tier
    created_at: str
    expires_at: str | None


class KeyIssued(KeyShown):
    """A new key; `key` is shown this once."""

    key: str


def _shown(key: Key) -> dict[str, str | None]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "tenant": key.tenant,
        "user": key.user,
        "scope": key.scope,
        "tier": key.tier,
        "created_at": clock.rfc3339(key.created_at),
        "expires_at": clock.rfc3339(key.expires_at) if key.expires_at else None,
    }


def _reach(request: Request) -> str | None:
    """The id of the tenant whose keys are meant; None, the operator's alone, for those of all."""
    who = principal_of(request.scope)
    return None if who.is_operator and passage_of(request.scope).tenant_name() is None else who.tenant


async def _check_grant(who: Principal, wanted: NewKey, keys: Keys) -> None:
    """An admin gives no more than they have: keys of their own tenant, up to their own tier."""
    if who.is_operator:
        return
    if wanted.tenant != who.tenant_name:
        raise Unknown("There is no such tenant.", param="tenant")
    for name, tier in (("user_tier", wanted.user_tier), ("tier", await keys.tier_of(wanted))):
        if tier is not None and TIERS.index(tier) > TIERS.index(who.tier):
            raise Forbidden(f"A key of tier {who.tier} cannot make one of tier {tier}.", param=name)


@router.post("", responses=error_replies("admin", takes="body"), summary="Make a key")
async def create(given: KeyGiven, request: Request, services: TheServices) -> KeyIssued:
    """The secret is in this answer and nowhere else. The operator makes keys for any tenant, an admin for their own."""
    wanted = NewKey(
        tenant=given.tenant,
        user=given.user,
        scope=given.scope,
        tier=given.tier,
        user_tier=given.user_tier,
        expires_at=given.expires_at,
    )
    await _check_grant(principal_of(request.scope), wanted, services.keys)
    issued = await services.keys.create(wanted)
    return KeyIssued.model_validate({**_shown(issued.key), "key": issued.secret})


@router.get("", responses=error_replies("admin", takes="nothing"), summary="List keys")
async def list_keys(
    request: Request,
    services: TheServices,
    limit: Limit = 20,
    after: Annotated[After, Query()] = None,
) -> Page[KeyShown]:
    """Newest first, without secrets. The operator sees every tenant's unless `x-podium-tenant` names one."""
    before = read_cursor("key", after)
    found = await services.keys.list(_reach(request), before=before, limit=limit + 1)
    shown = [KeyShown.model_validate(_shown(key)) for key in found[:limit]]
    return Page(data=shown, next=write_cursor(shown[-1].id) if len(found) > limit else None)


@router.delete("/{id}", responses=error_replies("admin", takes="id"), summary="Revoke a key")
async def revoke(id: str, request: Request, services: TheServices) -> Deleted:  # noqa: A002  # the path's word
    """It is refused at once on this server and within five seconds on every other."""
    await services.keys.revoke(id, _reach(request))
    return Deleted(id=id)
