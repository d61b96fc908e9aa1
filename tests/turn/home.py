"""Servers in the test's own event loop, on one database, with one simulator; and clients that keep all they hear.

async with homes(dsn, 2, lease_seconds=2) as (here, there): …
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from podium.api.entrance import entrance
from podium.app import App
from podium.catalogue.catalogue import Catalogue
from podium.catalogue.profile import Price
from podium.config.place import Place
from podium.config.server import Server
from podium.config.settings import Settings
from podium.identity.quota import Limits
from podium.kit import ids
from podium.ledger.webhook import Webhook
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY, catalogue_of
from tests.serving import serving
from tests.simulator.serving import simulator
from tests.turn.mortal import Client, session


class Home(Client):
    """One of the servers."""

    host: Simulator
    app: App


@asynccontextmanager
async def homes(
    dsn: str,
    number: int = 1,
    *,
    price: Price | None = None,
    webhook: Webhook | None = None,
    limits: Limits = Limits(),  # noqa: B008  # a frozen value
    **server: Any,
) -> AsyncGenerator[list[Home], None]:
    """So many servers on one database, each of an installation of its own; `price` is the model's, if not the usual."""
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(simulator())
        http = await stack.enter_async_context(session())
        made = []
        for _ in range(number):
            settings = Settings(
                server=Server(database_url=dsn, **{"drain_seconds": 1, **server}),
                data_dir=Path("/nowhere"),
                admin_key=ADMIN_KEY,
                catalogue=_priced(catalogue_of(host), price),
                webhook=webhook,
                limits=limits,
            )
            place = Place(home=ids.new("home"), boot=ids.new("boot"), slot=0)
            app = App(settings, place)
            url = await stack.enter_async_context(serving(entrance(app)))
            home = Home(http, lambda url=url: url, ADMIN_KEY)  # type: ignore[misc]  # mypy cannot infer a lambda's default
            home.host, home.app = host, app
            stack.push_async_callback(home.close)
            made.append(home)
        yield made


def _priced(catalogue: Catalogue, price: Price | None) -> Catalogue:
    if price is None:
        return catalogue
    small = replace(catalogue.profiles["lab/small"], price=price)
    return replace(catalogue, profiles={**catalogue.profiles, "lab/small": small})
