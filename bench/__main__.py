"""`python -m bench`: measure, print a table, keep it as JSON."""

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import uvloop

from bench import peer
from bench.client import Client
from bench.figures import latency, ledger, length, soak, stateless, stream, turn, wires
from bench.lab import Lab, Plan, relay, rested, target_of, upstream
from bench.podium import Podium, seconds_of_help
from bench.process import OTHER_CORE, resident_mb
from bench.profile import KINDS, profile
from bench.table import Asked, Figure, as_json, of_values, show

_PARTS: dict[str, Callable[[Lab], Awaitable[list[Figure]]]] = {
    "stateless": stateless.measure,
    "turn": turn.measure,
    "stream": stream.measure,
    "wires": wires.measure,
    "latency": latency.measure,
    "length": length.measure,
    "ledger": ledger.measure,
    "soak": soak.measure,
}
_WITHOUT_BEING_ASKED = ("stateless", "turn", "stream", "wires", "latency", "length")
_PACKAGES = ("podium-llm", "uvicorn", "starlette", "aiohttp", "asyncpg", "uvloop", "httptools", "msgspec")
_REST_SECONDS = 3


def main() -> int:
    """Read the command line, measure, print; 1 if a figure is over its limit, void or has errors, else 0."""
    asked = _arguments()
    plan = Plan.quick(asked.seed) if asked.quick else Plan.full(asked.seed)
    plan = plan.long if asked.long else plan
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is stopped then, too
    os.sched_setaffinity(0, {OTHER_CORE})  # and whatever is started, unless it is moved
    with upstream() as port:
        podium = Podium(f"http://127.0.0.1:{port}")
        try:
            if asked.profile:
                uvloop.run(_profile(podium, port, plan, asked.profile))
                return 0
            parts = asked.only or (["soak"] if asked.soak else _WITHOUT_BEING_ASKED)
            figures = uvloop.run(_measure(podium, port, plan, parts))
        finally:
            podium.remove()
    about = _about(asked.seed)
    print(f"\n{about}\n\n{show(figures)}\n")
    _keep(asked.json, about, figures)
    return int(any(figure.verdict in {"over", "void", "errors"} for figure in figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure what a running Podium costs."
    )
    parser.add_argument("--quick", action="store_true", help="about a minute; the figures are rougher")
    parser.add_argument(
        "--soak", action="store_true", help="200 streams and 50 chats for a minute, nothing else"
    )
    parser.add_argument(
        "--long", action="store_true", help="ledger: a snapshot of ten minutes, ten million entries"
    )
    parser.add_argument("--only", choices=_PARTS, action="append", help="this part; may be given again")
    parser.add_argument(
        "--profile", choices=KINDS, action="append", help="no figures: where the server's time goes"
    )
    parser.add_argument("--seed", type=int, default=1, help="of every drawn time")
    parser.add_argument(
        "--json", type=Path, default=Path("build/bench.json"), help="where the figures are kept"
    )
    return parser.parse_args()


async def _measure(podium: Podium, port: int, plan: Plan, parts: Sequence[str]) -> list[Figure]:
    with relay(port) as floor:
        figures = _idle(podium, plan)
        resting = (rested(each, _REST_SECONDS) for each in (floor, target_of(podium)))
        lab = Lab(plan, podium, Client(port, {}), *await asyncio.gather(*resting))
        for part in parts:
            print(f"{part} …", flush=True)
            figures += await _PARTS[part](lab)
        figures.append(of_values("RSS of the server process at the end", "MB", [resident_mb(podium.server)]))
        for name in os.environ.get("PEERS", "").replace(",", " ").split():
            print(f"{name} …", flush=True)
            figures += await _peer(lab, name, f"http://127.0.0.1:{port}/v1")
    return figures


def _idle(podium: Podium, plan: Plan) -> list[Figure]:
    """Start Podium on a new database, then again on the existing one."""
    fresh = podium.start()
    again = []
    for _ in range(plan.starts):
        podium.stop()
        again.append(podium.start())
    helping = [seconds_of_help() for _ in range(plan.starts)]
    return [
        of_values("podium --help", "s", helping, Asked(limit=0.3), note="both cores at hand"),
        of_values("ready on an existing database", "s", again, Asked(limit=2.5), note="both cores at hand"),
        of_values("ready on a new database", "s", [fresh], note="both cores at hand"),
        of_values("idle RSS of the server process", "MB", [resident_mb(podium.server)], Asked(limit=120)),
        of_values("idle RSS of its parent", "MB", [resident_mb(podium.parent)]),
    ]


async def _peer(lab: Lab, name: str, base_url: str) -> list[Figure]:
    if name not in peer.PEERS:
        print(f"PEERS: {name} is not known; known are {', '.join(peer.PEERS)}")
        return []
    try:
        return await peer.measure(lab, name, base_url)
    except (peer.Unavailable, RuntimeError, TimeoutError) as error:
        print(f"Without {name}: {error}")
        return []


async def _profile(podium: Podium, port: int, plan: Plan, kinds: Sequence[str]) -> None:
    podium.start()
    target = target_of(podium)
    lab = Lab(plan, podium, Client(port, {}), target, target)
    for kind in kinds:
        print(f"\n## {kind}\n{await profile(lab, kind)}", flush=True)


def _about(seed: int) -> str:
    """What ran, and where."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, seed {seed}, {os.cpu_count()} cores, load average"
        f" {os.getloadavg()[0]:.1f}, {platform.system()} {platform.machine()}, Python {platform.python_version()},"
        f" {packages}.\n"
        "The server process alone on core 0; on core 1 the generator, the stand-in, Postgres and the server's parent."
    )


def _keep(path: Path, about: str, figures: Sequence[Figure]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"about": about, "figures": [as_json(figure) for figure in figures]}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
