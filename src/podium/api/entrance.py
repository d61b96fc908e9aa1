"""The HTTP face of a whole server: its doors, its resources, its life."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from podium.api.application import build
from podium.api.doors.counting import Counting
from podium.api.doors.dialects import anthropic_routes, gemini_routes, openai_routes
from podium.api.doors.gemini import GeminiDoor
from podium.api.doors.models import ModelRoutes
from podium.api.doors.native import NativeDoor
from podium.api.doors.routes import native_routes
from podium.api.doors.turns import TurnRoutes
from podium.api.doors.wire import WireDoor
from podium.api.front import HotRoute
from podium.api.passage import Limits
from podium.api.services import Services
from podium.app import App


def entrance(app: App) -> ASGIApp:
    """The ASGI application; its lifespan opens and closes `app`."""
    server = app.settings.server
    limits = Limits(header_bytes=server.header_bytes, body_bytes=server.body_bytes)
    services = Services(
        database=app.database,
        keyring=app.keyring,
        keys=app.keys,
        forget_turns=app.turns.forget,
        checks={"redis": app.wakeups.check} if app.wakeups else {},
        is_draining=lambda: app.is_draining,
        endpoints=app.endpoints,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_http: FastAPI) -> AsyncGenerator[None, None]:
        async with app.opened():
            yield

    face = build(services, _routes(app, limits), limits=limits, lifespan=lifespan)
    if not server.cors_origins:
        return face
    return CORSMiddleware(
        face,
        allow_origins=server.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["x-request-id", "x-podium-turn", "x-podium-dropped", "idempotent-replayed"],
    )


def _routes(app: App, limits: Limits) -> Sequence[HotRoute]:
    chat = WireDoor(app.wires["openai_chat"], app.turns, limits, answer_prefix="chatcmpl-")
    messages = WireDoor(app.wires["anthropic"], app.turns, limits, answer_prefix="msg_")
    catalogue = app.settings.catalogue
    counting = Counting(
        app.wires["anthropic"], app.counter, limits, told=lambda tokens: {"input_tokens": tokens}
    )
    return (
        *openai_routes(chat, ModelRoutes(catalogue)),
        *anthropic_routes(messages, counting),
        *gemini_routes(GeminiDoor(app.turns, app.counter, limits)),
        *native_routes(NativeDoor(app.turns, app.database, limits), TurnRoutes(app.turns, app.database)),
    )
