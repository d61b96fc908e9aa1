"""Plain construction, read top to bottom."""

import contextlib
from collections.abc import AsyncGenerator
from functools import partial
from typing import TYPE_CHECKING

from podium.app.count import Counter
from podium.app.voice import Address, Voices
from podium.config.place import Place
from podium.config.server import Server
from podium.config.settings import Settings
from podium.context.signed import find_blocks
from podium.errors import OperatorError
from podium.identity import CHANNEL, Keyring, Keys, digest
from podium.identity.quota import Quota
from podium.journal.journal import Journal
from podium.journal.lease import Lease
from podium.journal.mirror import Mirrors
from podium.kit import money
from podium.ledger.alerting import Alerting
from podium.ledger.lost import Lost
from podium.ledger.rolling import Rolling
from podium.ledger.till import Till
from podium.observability.metrics import Metrics, Own
from podium.routing.choose import Chooser
from podium.store.database import Database, Lane
from podium.store.listen import Listening
from podium.turn.admit import Admission
from podium.turn.open import Opening
from podium.turn.record import Recording
from podium.turn.recover import Recovery
from podium.turn.run import Steps
from podium.turn.turns import Turns
from podium.turn.unkept import find_ends
from podium.wires.all import WIRES
from podium.wires.wire import Wire

if TYPE_CHECKING:
    from podium.identity.quota.shared import Shared
    from podium.store.redis import Wakeups


class App:
    """Everything that one server process holds, under the HTTP face; of use while `opened`."""

    def __init__(self, settings: Settings, place: Place, local: Address | None = None) -> None:
        """`local` gives the address of the model in the house, started if need be.

        Raises:
            OperatorError: no database is named.
        """
        server = settings.server
        if server.database_url is None:
            raise OperatorError("A server process needs a database.", hint="Start it with `podium serve`.")
        self.settings = settings
        self.wires: dict[str, Wire] = {wire.name: wire for wire in WIRES}
        self.database = Database(server.database_url)
        self.keyring = Keyring(
            self.database, digest(settings.admin_key) if settings.admin_key is not None else None
        )
        self.keys = Keys(self.database, self.keyring)
        self.is_draining = False

        lane = self.database.lane
        taking = lane()
        self._lease = Lease(
            lane(durable=False),
            home=place.home,
            boot=place.boot,
            slot=place.slot,
            seconds=server.lease_seconds,
        )
        self._mirrors = Mirrors(self.database, partial(find_ends, self.database))
        self.wakeups = _wakeups(server.redis_url, self._mirrors) if server.redis_url else None
        self._journal = Journal(
            lane(durable=server.synchronous_commit),
            self._lease,
            self._mirrors,
            announce=self.wakeups.say if self.wakeups else None,
        )
        self.default_budgets = _defaults(server)
        self.till = Till(lane(), lane(), self._lease, self.default_budgets)
        self._voices = Voices(
            self.wires, settings.catalogue.endpoints, local=local, share=server.workers, till=self.till
        )
        self.endpoints = self._voices.health
        self.counter = Counter(settings.catalogue, self._voices)
        self._opening = Opening(
            lane(), lane(durable=False), self._lease, self._journal, most_queued=settings.limits.most_queued
        )
        self._shared = _shared(server.redis_url) if server.redis_url else None
        self._recording = Recording(lane(), lane(durable=False), self._journal)
        self.turns = Turns(
            database=self.database,
            lane=taking,
            lease=self._lease,
            journal=self._journal,
            admission=self._admission(),
            steps=self._steps(),
        )
        self._recovery = self._watch(taking)
        self.metrics = Metrics(self.database, worker=place.slot, own=self._own)
        self._listening = Listening(
            lane(), {"podium_stop": self._recovery.heard, CHANNEL: self.keyring.forget}
        )

    def _admission(self) -> Admission:
        limits = self.settings.limits
        quota = Quota(limits, workers=self.settings.server.workers, shared=self._shared)
        return Admission(self._opening, quota, self.database, most=limits.most_turns)

    def _watch(self, lane: Lane) -> Recovery:
        lost = Lost(self.database, self.till)
        return Recovery(lane=lane, lease=self._lease, journal=self._journal, turns=self.turns, lost=lost)

    def _own(self) -> Own:
        batches: dict[str, tuple[int, int]] = {}
        for each in (*self._opening.batches, *self._recording.batches, *self.till.batches):
            items, statements = batches.get(each.name, (0, 0))
            batches[each.name] = (items + each.items, statements + each.statements)
        return Own(
            running=self.turns.running,
            waiting=self.turns.waiting,
            shed=self.turns.shed,
            redis=self._shared.is_well if self._shared else None,
            batches=batches,
        )

    def _steps(self) -> Steps:
        return Steps(
            choose=Chooser(self.settings.catalogue),
            find_blocks=partial(find_blocks, self.database),
            voice=self._voices.voice,
            record=self._recording,
            journal=self._journal,
            seconds=self.settings.server.turn_seconds,
        )

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator[None, None]:
        """Connect, recover what a dead process left, and serve; at the end take no new turns and see the old ones out.

        Raises:
            OperatorError: the installation is wrong.
            Unavailable: the database does not answer.
        """
        async with contextlib.AsyncExitStack() as stack:
            await self.database.open()
            stack.push_async_callback(self.database.close)
            await self._check_connections()
            self._voices.open()
            stack.push_async_callback(self._voices.close)
            await self._lease.open()
            stack.push_async_callback(self._lease.close)
            parts = (self._mirrors, self._journal, self._opening, self.till, self._recording, self.keyring)
            for part in parts:
                stack.push_async_callback(part.close)
            if self.wakeups:
                self.wakeups.open()
                stack.push_async_callback(self.wakeups.close)
            if self._shared:
                await self._shared.open()
                stack.push_async_callback(self._shared.close)
            self._listening.open()
            stack.push_async_callback(self._listening.close)
            for watch in (Rolling(self.database), Alerting(self.database, self.settings.webhook)):
                watch.open()
                stack.push_async_callback(watch.close)
            await self._recovery.open()
            stack.push_async_callback(self._recovery.close)
            yield
            self.is_draining = True
            await self.turns.drain(self.settings.server.drain_seconds)

    async def _check_connections(self) -> None:
        most = await self.database.value(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
        )
        workers = self.settings.server.workers
        needed = self.database.most_connections * workers
        if most < needed:
            raise OperatorError(
                f"{workers} server processes need {needed} database connections; the database allows {most}.",
                hint="Raise max_connections, or start fewer workers.",
            )


def _defaults(server: Server) -> tuple[int | None, ...]:
    said = (server.default_daily_budget, server.default_monthly_budget, server.default_user_budget)
    return tuple(None if dollars is None else money.nano(dollars) for dollars in said)


def _wakeups(url: str, mirrors: Mirrors) -> "Wakeups":
    from podium.store.redis import Wakeups  # optional: a sixth of the time to load, and most have no Redis

    return Wakeups(url, mirrors.wake)


def _shared(url: str) -> "Shared":
    from podium.identity.quota.shared import Shared  # optional: as above

    return Shared(url)
