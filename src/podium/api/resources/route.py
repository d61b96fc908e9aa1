"""A resource's route: the guard first, then the body within its limits, then FastAPI."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, ClassVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.convertors import PathConvertor, register_url_convertor
from typing_extensions import override

from podium.api.body import read_body, replayed
from podium.api.gate import Guard, within
from podium.api.once import REPLAYED, once_of
from podium.api.passage import Access, passage_of, principal_of
from podium.api.services import lend, services_of
from podium.store.database import Database
from podium.store.once import done_once


class Anything(PathConvertor):
    """`{name:any}` in a path: what a name may hold, slashes and line breaks too."""

    regex = "(?s:.*)"


register_url_convertor("any", Anything())

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """For everybody with a key."""

    access: ClassVar[Access] = "member"
    reading: ClassVar[type[Request]] = Request
    """How bodies are read."""

    @override
    def get_route_handler(self) -> Handle:
        """FastAPI's handler, guarded."""
        handle, access, reading = super().get_route_handler(), self.access, self.reading

        async def guarded(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            await guard.admit(passage_of(request.scope), access)
            body = await read_body(request.receive, guard.limits)
            with within(guard.limits.handler_seconds):
                return await self.run(handle, reading(request.scope, replayed(body, request.receive)), body)

        return guarded

    async def run(self, handle: Handle, request: Request, _body: bytes) -> Response:
        """Let the handler answer."""
        return await handle(request)


class AdminRoute(Route):
    """For admins' keys."""

    access: ClassVar[Access] = "admin"


class OnceRoute(AdminRoute):
    """For admins' keys; a `POST` with an idempotency key is done once, and answered alike for a day."""

    @override
    async def run(self, handle: Handle, request: Request, body: bytes) -> Response:
        """Let the handler answer, or give the answer that it gave before."""
        said = body + b"?" + request.scope["query_string"]
        once = once_of(request.scope, principal_of(request.scope), said) if request.method == "POST" else None
        if once is None:
            return await handle(request)
        services = await services_of(request)

        async def work(here: Database) -> bytes:
            lend(request, replace(services, database=here))
            return bytes((await handle(request)).body)

        done = await done_once(services.database, once.scope, once.hash, work)
        headers = {REPLAYED.decode(): "true"} if done.again else None
        return Response(done.answer, headers=headers, media_type="application/json")


class OpenRoute(Route):
    """For anybody."""

    access: ClassVar[Access] = "open"
