"""What the tests of the doors' surface share: the simulator as a host of each wire, and a host that is not there."""

from dataclasses import replace

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Resilience
from podium.catalogue.profile import Profile
from podium.simulator import Simulator

WIRES = ("openai_chat", "anthropic", "gemini")


def hosts(host: Simulator) -> Catalogue:
    """Endpoints named like their wires, asked once and never given up on; a route, a listed model, a dead endpoint."""
    once = Resilience(attempts=1, breaker_failures=0)
    bases = {"openai_chat": host.url, "anthropic": host.root, "gemini": host.root}
    endpoints = [Endpoint(name=wire, wire=wire, base_url=bases[wire], resilience=once) for wire in WIRES]
    gone = host.refusing_url.removesuffix("/v1")
    dead = [replace(each, name=f"dead_{each.name}", base_url=gone) for each in endpoints]
    small = Profile(endpoint="openai_chat", model="small", context_window=128_000, output_limit=4_000)
    return Catalogue(
        endpoints={each.name: each for each in (*endpoints, *dead)},
        profiles={small.name: small},
        routes={
            "fast": ("openai_chat/small", "gemini/small"),
            "none": ("dead_openai_chat/a", "dead_gemini/b"),
        },
        default_model="openai_chat/small",
    )
