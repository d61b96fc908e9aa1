"""A resource's route: the guard first, then the body within its limits, then FastAPI."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from typing_extensions import override

from podium.api.body import read_body, replayed
from podium.api.gate import Guard, within
from podium.api.passage import Access, passage_of


class Route(APIRoute):
    """For everybody with a key."""

    access: ClassVar[Access] = "member"
    reading: ClassVar[type[Request]] = Request
    """How bodies are read."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, guarded."""
        handle, access, reading = super().get_route_handler(), self.access, self.reading

        async def guarded(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            await guard.admit(passage_of(request.scope), access)
            body = await read_body(request.receive, guard.limits)
            with within(guard.limits.handler_seconds):
                return await handle(reading(request.scope, replayed(body, request.receive)))

        return guarded


class AdminRoute(Route):
    """For admins' keys."""

    access: ClassVar[Access] = "admin"


class OpenRoute(Route):
    """For anybody."""

    access: ClassVar[Access] = "open"
