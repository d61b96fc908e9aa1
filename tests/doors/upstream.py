"""A Podium before three hosts, one for each wire, in every state in which a test may want them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Patience, Resilience
from podium.simulator import Simulator
from tests.doors.clients import WIRES
from tests.doors.podium import Podium

KEY = "sk-key-of-the-host-0123456789"
HASTY = Patience(connect=1.0, first_byte=1.0, idle=1.0, total=3.0)
"""For hosts that are never heard of again; whoever must answer is given more time."""
NARROW = Patience(event_bytes=50_000, body_bytes=200_000)


def three_hosts(host: Simulator) -> Catalogue:
    """The simulator by each wire's name, and with a word before it what the word says.

    `once-`: asked once, its breaker off. `hasty-`: little patience. `narrow-`: takes little. `spare-`: another that is
    well. `dead-`, `nameless-`: nobody is there. Routes to the spare one: `safe-`, `past-` the dead one, `beyond-` the
    hasty one.
    """
    endpoints = {each.name: each for wire in WIRES for each in _endpoints(wire, host)}
    routes = {f"safe-{wire}": (f"{wire}/flaky", f"spare-{wire}/steady") for wire in WIRES}
    routes |= {f"past-{wire}": (f"dead-{wire}/any", f"spare-{wire}/steady") for wire in WIRES}
    routes |= {f"beyond-{wire}": (f"hasty-{wire}/any", f"spare-{wire}/steady") for wire in WIRES}
    return Catalogue(endpoints=endpoints, routes=routes, allow_unpriced=True)


def _endpoints(wire: str, host: Simulator) -> Iterator[Endpoint]:
    below = "/v1" if wire == "openai_chat" else ""
    well = Endpoint(wire, wire, host.root + below, api_key=KEY)
    once = Resilience(attempts=1, breaker_failures=0)
    yield well
    yield replace(well, name=f"spare-{wire}")
    yield replace(well, name=f"once-{wire}", resilience=once)
    yield replace(well, name=f"hasty-{wire}", patience=HASTY)
    yield replace(well, name=f"narrow-{wire}", patience=NARROW, resilience=once)
    yield replace(well, name=f"dead-{wire}", base_url=host.refusing_url.removesuffix("/v1") + below)
    yield replace(well, name=f"nameless-{wire}", base_url="http://no-such-host.invalid" + below)


async def turn(house: Podium, text: str, model: str) -> tuple[Any, Any]:
    """A turn in a new conversation, heard to its end: its report, and its whole story."""
    path = f"/v1/conversations/{await house.conversation()}/turns"
    body = {"input": text, "model": model, "stream": False}
    async with house.http.post(house.url + path, json=body) as answer:
        told = await answer.json()
    turn_id = told["id"] if "id" in told else told["error"]["turn_id"]
    story = await house.call("GET", f"/v1/turns/{turn_id}/explain")
    return story["turn"], story


async def follow(house: Podium, *rules: dict[str, str]) -> None:
    """Let the simulator play by these rules from now on."""
    async with (
        aiohttp.ClientSession() as http,
        http.put(f"{house.host.root}/script", json={"rules": rules}) as done,
    ):
        assert done.ok, await done.text()


async def breakers(house: Podium) -> Any:
    return (await house.call("GET", "/health/circuit-breakers"))["circuit_breakers"]


async def services(house: Podium) -> Any:
    return (await house.call("GET", "/health/services"))["services"]
