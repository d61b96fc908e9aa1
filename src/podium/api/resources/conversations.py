"""Conversations as things: make, list, read, change, delete, and what was said in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, Field

from podium import conversation
from podium.api.forgetting import forget
from podium.api.openapi import error_replies
from podium.api.passage import principal_of
from podium.api.resources.model import (
    After,
    Deleted,
    Given,
    Limit,
    Metadata,
    Page,
    Storable,
    read_cursor,
    storable,
    write_cursor,
    written,
)
from podium.api.resources.route import Route
from podium.api.services import Services, TheServices
from podium.conversation import Change, Conversation, Message, Span
from podium.errors import InvalidRequest, Unknown
from podium.kit import clock
from podium.turn import queries
from podium.turn.queries import Queued

router = APIRouter(prefix="/v1/conversations", route_class=Route, tags=["conversations"])

Title = Annotated[Storable, Field(max_length=500)]
Model = Annotated[Storable, Field(min_length=1, max_length=256)]
Search = Annotated[
    str | None,
    Query(max_length=200, description="Text to look for in titles and messages, in any case."),
    AfterValidator(lambda text: text if text is None else storable(text)),
]


class ConversationGiven(Given):
    """A conversation to be made, or the members of one to be changed. `model` answers where a turn names none."""

    title: Title | None = None
    model: Model | None = None
    metadata: Metadata | None = Field(default_factory=dict)


class QueueShown(BaseModel):
    """The turns that wait in a conversation: how many, and for how many seconds the first of them has."""

    depth: int
    waited_seconds: float


class ConversationShown(BaseModel):
    """A conversation. `messages` is the number of its messages; `turn_id` is the turn that speaks in it now."""

    id: str
    title: str | None
    model: str | None
    metadata: dict[str, Any]
    user: str
    messages: int
    turn_id: str | None
    queue: QueueShown
    created_at: datetime
    updated_at: datetime


class Item(BaseModel):
    """A message. `parts` are text, images, tool calls and the like, each with its `type`."""

    id: str
    position: int
    speaker: str
    role: str
    parts: list[dict[str, Any]]
    turn_id: str | None
    created_at: datetime


async def _shown(services: Services, found: Sequence[Conversation]) -> list[dict[str, Any]]:
    queues = await queries.queues(services.database, [each.id for each in found]) if found else {}
    return [_told(each, queues.get(each.id, Queued(0, 0.0))) for each in found]


def _told(each: Conversation, queued: Queued) -> dict[str, Any]:
    return {
        "id": each.id,
        "title": each.title,
        "model": each.model,
        "metadata": msgspec.Raw(each.metadata.encode()),
        "user": each.user,
        "messages": each.messages,
        "turn_id": each.running,
        "queue": {"depth": queued.depth, "waited_seconds": round(queued.seconds, 3)},
        "created_at": clock.rfc3339(each.created_at),
        "updated_at": clock.rfc3339(each.updated_at),
    }


def _item(each: Message) -> dict[str, Any]:
    return {
        "id": each.id,
        "position": each.position,
        "speaker": each.speaker,
        "role": each.role,
        "parts": msgspec.Raw(each.parts.encode()),
        "turn_id": each.turn_id,
        "created_at": clock.rfc3339(each.created_at),
    }


def _json(value: object) -> Response:
    """Stored JSON goes out as it is: no number is rounded, no member reordered."""
    return Response(msgspec.json.encode(value), media_type="application/json")


async def _known(services: Services, found: Conversation | None) -> Response:
    if found is None:
        raise Unknown("There is no such conversation.")
    [shown] = await _shown(services, [found])
    return _json(shown)


@router.post(
    "",
    response_model=ConversationShown,
    responses=error_replies("member", takes="body"),
    summary="Begin a conversation",
)
async def create(
    request: Request,
    services: TheServices,
    given: Annotated[ConversationGiven | None, Body()] = None,
) -> Response:
    """It is empty until a turn is taken in it."""
    given = given or ConversationGiven()
    made = await conversation.create(
        services.database,
        principal_of(request.scope),
        title=given.title,
        model=given.model,
        metadata=written(given.metadata or {}),
    )
    return _json(_told(made, Queued(0, 0.0)))


@router.get(
    "",
    response_model=Page[ConversationShown],
    responses=error_replies("member", takes="nothing"),
    summary="List conversations",
)
async def list_conversations(
    request: Request,
    services: TheServices,
    limit: Limit = 20,
    after: After = None,
    search: Search = None,
) -> Response:
    """One's own, an admin's tenant's; last made first. Pages neither skip nor repeat while conversations go on."""
    found = await conversation.find_page(
        services.database,
        principal_of(request.scope),
        search=search or None,
        before=read_cursor("conv", after),
        limit=limit + 1,
    )
    shown = await _shown(services, found[:limit])
    return _json({"data": shown, "next": write_cursor(shown[-1]["id"]) if len(found) > limit else None})


@router.get(
    "/{id}",
    response_model=ConversationShown,
    responses=error_replies("member", takes="id"),
    summary="Read a conversation",
)
async def get(id: str, request: Request, services: TheServices) -> Response:  # noqa: A002  # the path's word
    """What it is called and where it stands; its messages are its items."""
    found = await conversation.find(services.database, principal_of(request.scope), id)
    return await _known(services, found)


@router.patch(
    "/{id}",
    response_model=ConversationShown,
    responses=error_replies("member", takes="body"),
    summary="Change a conversation",
)
async def update(
    id: str,  # noqa: A002  # the path's word
    given: ConversationGiven,
    request: Request,
    services: TheServices,
) -> Response:
    """Changes the members that are given; null takes one away, metadata is replaced as a whole."""
    change = Change(
        frozenset(given.model_fields_set),
        title=given.title,
        model=given.model,
        metadata=written(given.metadata or {}),
    )
    found = await conversation.update(services.database, principal_of(request.scope), id, change)
    return await _known(services, found)


@router.delete("/{id}", responses=error_replies("member", takes="id"), summary="Delete a conversation")
async def delete(id: str, request: Request, services: TheServices) -> Deleted:  # noqa: A002  # the path's word
    """With all its messages and turns; a turn that runs in it is stopped first."""
    if not await forget(services, principal_of(request.scope), id):
        raise Unknown("There is no such conversation.")
    return Deleted(id=id)


@router.get(
    "/{id}/items",
    response_model=Page[Item],
    responses=error_replies("member", takes="id"),
    summary="Read what was said",
)
async def list_items(
    id: str,  # noqa: A002  # the path's word
    request: Request,
    services: TheServices,
    limit: Limit = 20,
    after: After = None,
    order: Literal["asc", "desc"] = "asc",
) -> Response:
    """The messages in their order, or the last ones first."""
    found = await conversation.list_messages(
        services.database,
        principal_of(request.scope),
        id,
        Span(after=_position(after), limit=limit + 1, newest_first=order == "desc"),
    )
    if found is None:
        raise Unknown("There is no such conversation.")
    shown = [_item(each) for each in found[:limit]]
    return _json({"data": shown, "next": str(shown[-1]["position"]) if len(found) > limit else None})


def _position(after: str | None) -> int | None:
    """Where the page before ended.

    Raises:
        InvalidRequest: not one of our cursors.
    """
    if after is None:
        return None
    if not after.isascii() or not after.isdigit() or len(after) > 9:
        raise InvalidRequest("This is not the `next` of a page.", param="after")
    return int(after)
