"""Everything that a measurement needs, running: the stand-in, the relay, Podium, and a client for each."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import IO

from bench.client import Client
from bench.load import Meter, Target
from bench.podium import Podium, free_port, wait_for
from bench.process import SERVER_CORE, pin

MODEL = "lab/words-20"


@dataclass(frozen=True)
class Plan:
    """How long and how hard. Seconds, and calls a second."""

    seed: int
    rounds: int
    seconds: float
    rate: float
    samples: int
    """Calls for a median of latency."""
    starts: int
    """Starts of the server for a median."""
    snapshot: float = 30.0
    """Seconds for which somebody keeps a snapshot of the ledger's database open."""
    entries: int = 1_000_000
    """That the ledger has in the end."""

    @classmethod
    def full(cls, seed: int) -> "Plan":
        """The plan of the published table."""
        return cls(seed=seed, rounds=5, seconds=4.0, rate=300.0, samples=400, starts=3)

    @property
    def long(self) -> "Plan":
        """The same with ten minutes and ten million entries."""
        return replace(self, snapshot=600.0, entries=10_000_000)

    @classmethod
    def quick(cls, seed: int) -> "Plan":
        """About a minute in all."""
        return cls(
            seed=seed, rounds=3, seconds=1.0, rate=300.0, samples=80, starts=1, snapshot=5.0, entries=100_000
        )


@dataclass(frozen=True)
class Lab:
    """The servers under load, and the stand-in itself as `direct`."""

    plan: Plan
    server: Podium
    direct: Client
    relay: Target
    podium: Target

    async def conversations(self, count: int) -> list[str]:
        """The ids of new conversations."""
        request = self.podium.client.request("POST", "/v1/conversations", {})

        async def create() -> str:
            exchange = await self.podium.client.send(request)
            if exchange.status >= 300:
                raise RuntimeError(f"no conversation: {exchange.status} {exchange.body[:500]!r}")
            return str(json.loads(exchange.body)["id"])

        return list(await asyncio.gather(*(create() for _ in range(count))))

    async def fill(
        self, conversations: list[str], messages: int, model: str = MODEL, text: str = "Hello."
    ) -> None:
        """Give each conversation so many messages, half of them answers."""

        async def talk(conversation: str) -> None:
            for _ in range(messages // 2):
                (await self.podium.client.send(self.turn(conversation, model, text))).expect_ok()

        await asyncio.gather(*(talk(conversation) for conversation in conversations))

    def turn(
        self, conversation: str, model: str = MODEL, text: str = "Hello.", *, stream: bool = False
    ) -> bytes:
        """A call that starts a turn."""
        body = {"input": text, "model": model, "stream": stream}
        return self.podium.client.request("POST", f"/v1/conversations/{conversation}/turns", body)


def completion(client: Client, model: str, *, stream: bool = False) -> bytes:
    """A stateless call."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say something about foxes."},
    ]
    body = {"model": model, "messages": messages, **({"stream": True} if stream else {})}
    return client.request("POST", "/v1/chat/completions", body)


@contextlib.contextmanager
def running(
    command: list[str], url: str, core: int | None = None, *, output: IO[bytes] | None = None
) -> Generator[int, None, None]:
    """A process that answers at `url`, kept on a core; its id. What it prints goes to `output`, else to ours."""
    process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(url, process)
        if core is not None:
            pin([process.pid], {core})
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def upstream() -> Generator[int, None, None]:
    """The stand-in; its port."""
    port = free_port()
    with running([sys.executable, "-m", "bench.standin", str(port)], f"http://127.0.0.1:{port}/"):
        yield port


@contextlib.contextmanager
def relay(upstream_port: int) -> Generator[Target, None, None]:
    """The floor."""
    port = free_port()
    command = [sys.executable, "-m", "bench.relay", str(port), f"http://127.0.0.1:{upstream_port}/v1"]
    with running(command, f"http://127.0.0.1:{port}/ready", SERVER_CORE) as pid:
        yield Target("relay", Client(port, {}), pid)


def target_of(podium: Podium) -> Target:
    """Podium as it runs now."""
    client = Client(podium.port, {"authorization": f"Bearer {podium.key}"})
    return Target("podium", client, podium.server, postmaster=podium.postmaster)


async def rested(target: Target, seconds: float) -> Target:
    """The same with what it takes while nobody calls."""
    meter = Meter(target)
    await asyncio.sleep(seconds)
    run = meter.stop(1)
    return replace(target, idle=run.cpu / run.wall, idle_postgres=run.postgres / run.wall)
