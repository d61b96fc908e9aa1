"""The HTTP face of a whole server: its doors, its resources, its life."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from podium.api.application import build
from podium.api.compat.routes import session_chat_routes, simple_chat_routes
from podium.api.compat.session_chat import SessionChat
from podium.api.compat.simple_chat import Defaults, SimpleChat
from podium.api.compat.summary import summary_routes
from podium.api.doors.counting import Counting
from podium.api.doors.dialects import anthropic_routes, gemini_routes, model_routes, openai_routes
from podium.api.doors.estimating import Estimating, estimate_route
from podium.api.doors.gemini import GeminiDoor
from podium.api.doors.models import ModelRoutes
from podium.api.doors.native import NativeDoor
from podium.api.doors.routes import native_routes
from podium.api.doors.speech import Refusing, refusing_astray
from podium.api.doors.turns import TurnRoutes
from podium.api.doors.wire import WireDoor
from podium.api.front import HotRoute
from podium.api.limit import LIMIT_HEADERS, Shedding
from podium.api.metrics import metrics_route
from podium.api.passage import Limits
from podium.api.root import root_route
from podium.api.services import Services
from podium.app import App
from podium.routing.choose import Chooser


def entrance(app: App) -> ASGIApp:
    """The ASGI application; its lifespan opens and closes `app`."""
    server = app.settings.server
    shed = Shedding(app.turns.find_room)
    limits = Limits(header_bytes=server.header_bytes, body_bytes=server.body_bytes, shed=shed)
    services = Services(
        database=app.database,
        keyring=app.keyring,
        keys=app.keys,
        forget_turns=app.turns.forget,
        checks={"redis": app.wakeups.check} if app.wakeups else {},
        is_draining=lambda: app.is_draining,
        endpoints=app.endpoints,
        default_budgets=app.default_budgets,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_http: FastAPI) -> AsyncGenerator[None, None]:
        async with app.opened():
            yield

    astray = refusing_astray(_refusing(app))
    face = build(services, _routes(app, services, limits), limits=limits, lifespan=lifespan, astray=astray)
    if not server.cors_origins:
        return face
    return CORSMiddleware(
        face,
        allow_origins=server.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=[
            "x-request-id",
            "x-podium-turn",
            "x-podium-dropped",
            "x-podium-counting-method",
            "x-podium-cost",
            "x-podium-budget-remaining",
            "x-podium-queue-depth",
            "x-podium-queue-wait",
            "idempotent-replayed",
            *LIMIT_HEADERS,
        ],
    )


def _refusing(app: App) -> Refusing:
    return {name: wire.write_error for name, wire in app.wires.items()}


def _routes(app: App, services: Services, limits: Limits) -> Sequence[HotRoute]:
    chat = WireDoor(app.wires["openai_chat"], app.turns, limits, answer_prefix="chatcmpl-")
    messages = WireDoor(app.wires["anthropic"], app.turns, limits, answer_prefix="msg_")
    models = ModelRoutes(app.settings.catalogue, _refusing(app))
    counting = Counting(
        app.wires["anthropic"], app.counter, limits, told=lambda tokens: {"input_tokens": tokens}
    )
    return (
        root_route(),
        metrics_route(app.metrics),
        *openai_routes(chat),
        *anthropic_routes(messages, counting),
        *gemini_routes(GeminiDoor(app.turns, app.counter, limits)),
        *model_routes(models),
        *_session_routes(app, services, limits),
        estimate_route(
            Estimating(
                app.wires["openai_chat"],
                app.counter,
                Chooser(app.settings.catalogue),
                services,
                limits=limits,
            )
        ),
        *native_routes(NativeDoor(app.turns, app.database, limits), TurnRoutes(app.turns, app.database)),
    )


def _session_routes(app: App, services: Services, limits: Limits) -> Sequence[HotRoute]:
    server = app.settings.server
    defaults = Defaults(server.max_tokens, server.thinking_budget, server.session_timeout)
    return (
        *session_chat_routes(SessionChat(app.turns, services, limits, seconds=defaults.session_seconds)),
        *simple_chat_routes(SimpleChat(app.turns, services, limits, defaults)),
        *summary_routes(app.database),
    )
