"""Another server in Podium's place, from an environment of its own under build/peers: `PEERS=litellm`."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from bench.client import Client
from bench.figures.stateless import keep_stateless_busy
from bench.figures.stream import RATE, stream_stateless
from bench.lab import Lab, Plan, rested, running
from bench.load import Run, Target
from bench.podium import free_port
from bench.process import SERVER_CORE, resident_mb
from bench.table import Figure, of_runs, of_values

_ROOT = Path("build/peers")
_STREAMS = 10  # as many as such a server bears on one core
_KEY = "sk-" + "0123456789abcdef" * 4  # it refuses to start without one
_LITELLM = """\
general_settings:
  master_key: "{key}"
model_list:
  - model_name: "lab/*"
    litellm_params:
      model: "openai/*"
      api_base: "{base_url}"
      api_key: "none"
"""


class Unavailable(Exception):
    """A peer cannot be installed here; says why."""


@contextlib.contextmanager
def _litellm(base_url: str) -> Generator[Target, None, None]:
    programs = _installed("litellm", "litellm[proxy]")
    config = _ROOT / "litellm.yaml"
    config.write_text(_LITELLM.format(base_url=base_url, key=_KEY))
    port = free_port()
    offline = [
        "env",
        "LITELLM_LOCAL_MODEL_COST_MAP=True",
    ]  # else it waits for a network that may not be there
    command = [
        *offline,
        str(programs / "litellm"),
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    url = f"http://127.0.0.1:{port}/health/liveliness"
    with (_ROOT / "litellm.log").open("wb") as log, running(command, url, SERVER_CORE, output=log) as pid:
        yield Target("litellm", Client(port, {"authorization": f"Bearer {_KEY}"}), pid)


PEERS: dict[str, Callable[[str], contextlib.AbstractContextManager[Target]]] = {"litellm": _litellm}


async def measure(lab: Lab, name: str, base_url: str) -> list[Figure]:
    """A peer's stateless calls, chunks and memory, beside the relay's.

    Raises:
        Unavailable: it cannot be installed or does not start.
    """
    lab = replace(lab, plan=Plan.quick(lab.plan.seed))  # peers take their time
    calls: dict[str, list[Run]] = {"relay": [], name: []}
    chunks: dict[str, list[Run]] = {"relay": [], name: []}
    with PEERS[name](base_url) as started:
        peer = await rested(started, 3)
        idle = resident_mb(peer.pid)
        for _ in range(lab.plan.rounds):
            for target in (lab.relay, peer):
                calls[target.name].append(await keep_stateless_busy(lab, target))
                chunks[target.name].append(await stream_stateless(lab, target, _STREAMS, missing=1))
    note = f"{_STREAMS} streams, {RATE} chunks/s each"
    return [
        of_runs(f"{name}: stateless call", calls[name], calls["relay"], note="64 callers at once"),
        of_runs(f"{name}: streamed chunk", chunks[name], chunks["relay"], note=note),
        of_values(f"{name}: idle RSS", "MB", [idle]),
    ]


def _installed(name: str, requirement: str) -> Path:
    """The programs of its environment, which is made when absent."""
    programs = _ROOT.resolve() / name / "bin"
    if (programs / name).exists():
        return programs
    _ROOT.mkdir(parents=True, exist_ok=True)
    print(f"Installing {requirement} into {_ROOT / name}", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", _ROOT / name], check=True)
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", requirement], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        raise Unavailable(f"{requirement} could not be installed: {error}") from error
    return programs
