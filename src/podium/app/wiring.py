"""Plain construction, read top to bottom."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from podium.api.application import build as build_api
from podium.api.doors.models import ModelRoutes
from podium.api.doors.native import NativeDoor
from podium.api.doors.routes import native_routes, openai_routes
from podium.api.doors.turns import TurnRoutes
from podium.api.doors.wire import WireDoor
from podium.api.front import HotRoute
from podium.api.passage import Limits
from podium.api.services import Services
from podium.app.voice import Address, Voices
from podium.config.place import Place
from podium.config.settings import Settings
from podium.errors import OperatorError
from podium.identity import CHANNEL, Keyring, Keys, digest
from podium.journal.journal import Journal
from podium.journal.lease import Lease
from podium.journal.mirror import Mirrors
from podium.routing.choose import choose
from podium.store.database import Database
from podium.store.listen import Listening
from podium.store.redis import Wakeups
from podium.turn.open import Opening
from podium.turn.record import Recording
from podium.turn.recover import Recovery
from podium.turn.run import Steps
from podium.turn.turns import Turns
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire

_CONNECTIONS = 9  # open, record, journal, heartbeat, take-over, listening, and three readers at the least


def build(settings: Settings, place: Place, local: Address | None = None) -> ASGIApp:
    """The application of one server process; `local` finds the model in the house.

    Connections are opened by its lifespan, which raises OperatorError where the installation is wrong.
    """
    return _Server(settings, place, local).application()


class _Server:
    """Everything that one server process holds."""

    def __init__(self, settings: Settings, place: Place, local: Address | None) -> None:
        server = settings.server
        if server.database_url is None:
            raise OperatorError("A server process needs a database.", hint="Start it with `podium serve`.")
        self._settings = settings
        self._database = Database(server.database_url)
        lane = self._database.lane
        self._taking = lane()
        self._lease = Lease(
            lane(durable=False),
            home=place.home,
            boot=place.boot,
            slot=place.slot,
            seconds=server.lease_seconds,
        )
        self._mirrors = Mirrors(self._database)
        self._wakeups = Wakeups(server.redis_url, self._mirrors.wake) if server.redis_url else None
        self._journal = Journal(
            lane(durable=server.synchronous_commit),
            self._lease,
            self._mirrors,
            announce=self._wakeups.say if self._wakeups else None,
        )
        wires: dict[str, Wire] = {"openai_chat": OpenAIChat()}
        self._voices = Voices(wires, local)
        self._opening = Opening(lane(), self._lease, self._journal)
        self._recording = Recording(lane(), self._journal)
        self._turns = Turns(
            database=self._database,
            lane=self._taking,
            lease=self._lease,
            journal=self._journal,
            opening=self._opening,
            steps=Steps(
                choose=partial(choose, settings.catalogue),
                voice=self._voices.voice,
                record=self._recording,
                journal=self._journal,
                seconds=server.turn_seconds,
            ),
        )
        self._recovery = Recovery(
            lane=self._taking, lease=self._lease, journal=self._journal, turns=self._turns
        )
        self._keyring = Keyring(
            self._database, digest(settings.admin_key) if settings.admin_key is not None else None
        )
        self._listening = Listening(
            lane(), {"podium_stop": self._recovery.heard, CHANNEL: self._keyring.forget}
        )
        self._draining = False

    def application(self) -> ASGIApp:
        """The HTTP face of it."""
        server = self._settings.server
        limits = Limits(header_bytes=server.header_bytes, body_bytes=server.body_bytes)
        services = Services(
            database=self._database,
            keyring=self._keyring,
            keys=Keys(self._database, self._keyring),
            forget_turns=self._turns.forget,
            checks={"redis": self._wakeups.check} if self._wakeups else {},
            is_draining=lambda: self._draining,
        )
        return build_api(services, self._routes(limits), limits=limits, lifespan=self._lifespan)

    def _routes(self, limits: Limits) -> Sequence[HotRoute]:
        chat = WireDoor(OpenAIChat(), self._turns, limits, answer_prefix="chatcmpl")
        native = NativeDoor(self._turns, self._database, limits)
        return (
            *openai_routes(chat, ModelRoutes(self._settings.catalogue)),
            *native_routes(native, TurnRoutes(self._turns, self._database)),
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncGenerator[None, None]:
        async with contextlib.AsyncExitStack() as stack:
            await self._database.open()
            stack.push_async_callback(self._database.close)
            await self._check_connections()
            self._voices.open()
            stack.push_async_callback(self._voices.close)
            await self._lease.open()
            stack.push_async_callback(self._lease.close)
            for part in (self._mirrors, self._journal, self._opening, self._recording, self._keyring):
                stack.push_async_callback(part.close)
            if self._wakeups:
                self._wakeups.open()
                stack.push_async_callback(self._wakeups.close)
            self._listening.open()
            stack.push_async_callback(self._listening.close)
            await self._recovery.open()
            stack.push_async_callback(self._recovery.close)
            yield
            self._draining = True
            await self._turns.drain(self._settings.server.drain_seconds)

    async def _check_connections(self) -> None:
        row = await self._database.first(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int AS most"
        )
        needed = _CONNECTIONS * self._settings.server.workers
        if row is not None and row["most"] < needed:
            raise OperatorError(
                f"{self._settings.server.workers} server processes need {needed} database connections;"
                f" the database allows {row['most']}.",
                hint="Raise max_connections, or start fewer workers.",
            )
