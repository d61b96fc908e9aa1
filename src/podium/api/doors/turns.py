"""Turns as things: read, listen again, stop, explain."""

import asyncio
import contextlib
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.doors.native import EventFrames, encode_report
from podium.api.passage import principal_of
from podium.api.resources.model import read_cursor, write_cursor
from podium.api.serve import Listening, send_json, send_stream
from podium.errors import Gone, InvalidRequest
from podium.identity import Principal
from podium.store.database import Database
from podium.turn import queries
from podium.turn.turns import Turns
from podium.vocabulary.event import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    Decided,
    TurnReport,
)

_CANCEL_SECONDS = 5.0
_DEFAULT_LIMIT, _MOST = 20, 100


class Explanation(Struct, frozen=True):
    """The whole story of a turn: itself, the choices made for it, the calls made for it."""

    turn: TurnReport
    decisions: tuple[Decided, ...]
    attempts: tuple["Attempt", ...]


class Attempt(Struct, frozen=True):
    """One HTTP call to a host, from beginning to end; `ended` and `failed` are null while it runs."""

    started: AttemptStarted
    ended: AttemptEnded | None = None
    failed: AttemptFailed | None = None


class TurnPage(Struct, frozen=True):
    """Turns, newest first; `next` is null on the last page."""

    data: tuple[TurnReport, ...]
    next: str | None


class TurnRoutes:
    """Everything under `/v1/turns` but starting one."""

    def __init__(self, turns: Turns, database: Database) -> None:
        self._turns = turns
        self._database = database

    def listing(self) -> ASGIApp:
        """`GET /v1/turns`."""
        return self._listing

    def one(self) -> ASGIApp:
        """`GET /v1/turns/{id}`."""
        return self._one

    def events(self) -> ASGIApp:
        """`GET /v1/turns/{id}/events`."""
        return self._events

    def cancel(self) -> ASGIApp:
        """`POST /v1/turns/{id}/cancel`."""
        return self._cancel

    def explain(self) -> ASGIApp:
        """`GET /v1/turns/{id}/explain`."""
        return self._explain

    async def _listing(self, scope: Scope, _receive: Receive, send: Send) -> None:
        who, query = principal_of(scope), _Query(scope)
        limit = query.number("limit", low=1, high=_MOST, default=_DEFAULT_LIMIT)
        found = await queries.page(
            self._database,
            tenant=who.tenant,
            user=who.only_user,
            conversation=query.text("conversation"),
            after=read_cursor("turn", query.text("after")),
            limit=limit + 1,
        )
        more = len(found) > limit
        page = TurnPage(tuple(found[:limit]), write_cursor(found[limit - 1].id) if more else None)
        await send_json(send, 200, [], msgspec.json.encode(page))

    async def _one(self, scope: Scope, _receive: Receive, send: Send) -> None:
        seen = await self._get(principal_of(scope), scope)
        await send_json(send, 200, [], encode_report(seen.report))

    async def _events(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = await self._get(principal_of(scope), scope)
        if not seen.kept:
            raise Gone(
                "The events of this turn are not kept.",
                hint="In a conversation, or with an Idempotency-Key, they are kept for a while.",
            )
        after = _last_event(scope)
        if after is None:
            after = _Query(scope).number("after", low=0, high=2**31 - 1, default=0)
        follow = self._turns.follow(seen.report.id, after)
        headers = [(b"x-podium-turn", seen.report.id.encode())]
        async with Listening(receive, _nothing), contextlib.aclosing(follow) as stretches:
            with self._turns.attended(seen.report.id):
                await send_stream(send, headers, [], stretches, EventFrames())

    async def _cancel(self, scope: Scope, _receive: Receive, send: Send) -> None:
        who = principal_of(scope)
        seen = await self._get(who, scope)
        turn_id = seen.report.id
        await self._turns.stop(turn_id, tenant=who.tenant, user=who.only_user)
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(_CANCEL_SECONDS),
                contextlib.aclosing(self._turns.follow(turn_id)) as follow,
            ):
                async for _ in follow:
                    pass
        seen = await self._get(who, scope)
        await send_json(send, 200, [], encode_report(seen.report))

    async def _explain(self, scope: Scope, _receive: Receive, send: Send) -> None:
        seen = await self._get(principal_of(scope), scope)
        entries = await queries.facts(self._database, seen.report.id)
        events = [entry.event for entry in entries]
        ended = {event.attempt: event for event in events if isinstance(event, AttemptEnded)}
        failed = {event.attempt: event for event in events if isinstance(event, AttemptFailed)}
        story = Explanation(
            turn=seen.report,
            decisions=tuple(event for event in events if isinstance(event, Decided)),
            attempts=tuple(
                Attempt(event, ended.get(event.attempt), failed.get(event.attempt))
                for event in events
                if isinstance(event, AttemptStarted)
            ),
        )
        await send_json(send, 200, [], msgspec.json.encode(story))

    async def _get(self, who: Principal, scope: Scope) -> queries.Seen:
        return await self._turns.get(scope["path_params"]["id"], tenant=who.tenant, user=who.only_user)


class _Query:
    """The query's members, each read by its kind."""

    def __init__(self, scope: Scope) -> None:
        self._members: dict[str, list[str]] = parse_qs(
            scope["query_string"].decode("latin-1"), keep_blank_values=True
        )

    def text(self, name: str) -> str | None:
        """The last value, or None."""
        values = self._members.get(name)
        if not values:
            return None
        if "\0" in values[-1] or len(values[-1]) > _MOST:
            raise InvalidRequest(f"This is not a value for {name}.", param=name)
        return values[-1]

    def number(self, name: str, *, low: int, high: int, default: int) -> int:
        """A whole number within bounds.

        Raises:
            InvalidRequest: it is not; names the member.
        """
        return _whole(self.text(name), name, low=low, high=high, default=default)


def _whole(text: str | None, name: str, *, low: int, high: int, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high):
        raise InvalidRequest(f"{name} must be a whole number from {low} to {high}.", param=name)
    return int(text)


def _last_event(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return _whole(value.decode("latin-1"), "Last-Event-ID", low=0, high=2**31 - 1, default=0)
    return None


async def _nothing() -> None:
    """A listener who leaves changes nothing."""
