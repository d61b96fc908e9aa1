"""A whole Podium in the test's own event loop: its database, its simulator, its HTTP face over real TCP."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from podium.api.entrance import entrance
from podium.app import App
from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Resilience
from podium.catalogue.profile import Price, Profile
from podium.config.place import Place
from podium.config.server import Server
from podium.config.settings import Settings
from podium.identity.quota import Limits
from podium.kit import ids
from podium.simulator import Simulator
from tests.serving import serving
from tests.simulator.serving import simulator

ADMIN_KEY = "podium_test_admin_key"


@dataclass(frozen=True)
class Podium:
    """A running server and the simulator that answers through it."""

    url: str
    host: Simulator
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, **more: Any) -> Any:
        """One request with the operator's key; the JSON of a good answer."""
        async with self.http.request(method, self.url + path, **more) as answer:
            told = await answer.json()
            assert answer.ok, told
            return told

    async def conversation(self) -> str:
        """A new conversation's id."""
        made: str = (await self.call("POST", "/v1/conversations", json={}))["id"]
        return made


def catalogue_of(host: Simulator) -> Catalogue:
    """The simulator as endpoint `lab` and, without retries, as `once`; a dead endpoint, and routes over both."""
    lab = Endpoint(name="lab", wire="openai_chat", base_url=host.url, api_key="sk-lab")
    once = replace(lab, name="once", resilience=Resilience(attempts=1))
    dead = Endpoint(name="dead", wire="openai_chat", base_url=host.refusing_url or "http://127.0.0.1:1/v1")
    price = Price(input=150_000, output=600_000, cached_input=75_000)
    return Catalogue(
        endpoints={"lab": lab, "once": once, "dead": dead},
        profiles={"lab/small": Profile(endpoint="lab", model="small", context_window=128_000, price=price)},
        routes={"fast": ("dead/any", "lab/small")},
        default_model="lab/small",
        allow_unpriced=True,
    )


@asynccontextmanager
async def podium(
    dsn: str,
    *,
    catalogue: Callable[[Simulator], Catalogue] = catalogue_of,
    limits: Limits = Limits(),  # noqa: B008  # a frozen value
    **server: Any,
) -> AsyncGenerator[Podium, None]:
    """Serve with a simulator behind it."""
    async with simulator() as host:
        settings = Settings(
            server=Server(database_url=dsn, **{"drain_seconds": 1, **server}),
            data_dir=Path("/nowhere"),
            admin_key=ADMIN_KEY,
            catalogue=catalogue(host),
            limits=limits,
        )
        place = Place(home=ids.new("home"), boot=ids.new("boot"), slot=0)
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        async with (
            serving(entrance(App(settings, place))) as url,
            aiohttp.ClientSession(headers=headers) as http,
        ):
            yield Podium(url, host, http)
