"""An installation as a person runs it: `podium serve` in a process of its own, with a data directory of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podium.cli.occupancy import find_occupant
from podium.config.hosts import HOSTS
from podium.config.variable import NAMES
from podium.store.embedded.attach import status

PODIUM = Path(sys.executable).parent / "podium"
LONG = 30.0

_FOREIGN = {
    *NAMES.values(),
    "REDIS_HOST",
    *(name for host in HOSTS for name in (*host.key_names, host.address_name) if name),
}


def wait_until(sees: Callable[[], Any], *, within: float = LONG, told: Callable[[], str] = str) -> Any:
    """What `sees` gives once it gives something."""
    deadline = time.monotonic() + within
    while not (seen := sees()):
        assert time.monotonic() < deadline, f"not within {within} s\n{told()}"
        time.sleep(0.02)
    return seen


def environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that Podium reads, and with `more`."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN} | more


@dataclass
class Answer:
    """An HTTP answer; its body as JSON."""

    status: int
    body: Any


@dataclass
class Installation:
    """A data directory and the server on it, if one runs."""

    place: Path
    environment: dict[str, str] = field(default_factory=lambda: environment(PODIUM_LOCAL="0"))
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def data_dir(self) -> Path:
        return self.place / "data"

    @property
    def said(self) -> str:
        """Everything that the last server said."""
        return (self.place / "said").read_text()

    @property
    def url(self) -> str:
        occupant = find_occupant(self.data_dir)
        assert occupant is not None
        return occupant.url

    @property
    def key(self) -> str:
        return self.environment.get("PODIUM_ADMIN_KEY") or (self.data_dir / "admin.key").read_text().strip()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, *arguments: str) -> None:
        """Start a server, and do not wait for it."""
        with (self.place / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [PODIUM, "serve", "--port", "0", "--data-dir", self.data_dir, *arguments],
                cwd=self.place,
                env=self.environment,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
            )

    def serve(self, *arguments: str) -> None:
        """Start a server, and wait until it is ready."""
        self.start(*arguments)
        self.wait_ready()

    def wait_ready(self) -> None:
        assert self.process is not None
        process = self.process
        wait_until(lambda: "is ready: " in self.said or process.poll() is not None, told=lambda: self.said)
        assert process.poll() is None, self.said

    def wait_end(self, within: float = LONG) -> int:
        """The exit status, once it has ended."""
        assert self.process is not None
        return self.process.wait(within)

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.wait_end()

    def servers(self) -> list[int]:
        """The server processes."""
        return [pid for pid, parent, command in processes() if parent == self.pid and "cli.server" in command]

    def family(self) -> set[int]:
        """Every process of this installation: the parent, its children, the database and its keeper."""
        found = {pid for pid, parent, _ in processes() if self.pid in {pid, parent}}
        seen = status(self.data_dir)
        return found | {pid for pid in (seen.postgres, seen.keeper) if pid is not None}

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Call the server as its operator."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.key}", "content-type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=LONG) as answer:
                return Answer(answer.status, json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, json.load(error))

    def end(self) -> None:
        """Whatever a test did, leave nothing of it running."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        wait_gone(
            lambda: [pid for pid in (status(self.data_dir).keeper, status(self.data_dir).postgres) if pid]
        )


def processes() -> list[tuple[int, int, str]]:
    """Every process: its number, its parent's, and its command line."""
    listed = subprocess.run(
        ["ps", "-axwwo", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True
    )
    found = [re.split(r"\s+", line.strip(), maxsplit=3) for line in listed.stdout.splitlines()]
    return [(int(each[0]), int(each[1]), each[3]) for each in found if not each[2].startswith("Z")]


def wait_gone(living: Callable[[], object], within: float = LONG) -> None:
    """Return when nothing is left."""
    wait_until(lambda: not living(), within=within, told=lambda: f"still there: {living()}")


def alive(pids: set[int]) -> set[int]:
    """Those that still run."""
    return pids & {pid for pid, _, _ in processes()}


@contextmanager
def installed(**more: str) -> Iterator[Installation]:
    """A new installation, without the local model unless asked for; nothing of it is left afterwards."""
    place = Path(tempfile.mkdtemp(prefix="podium-cli-", dir="/tmp"))
    place.chmod(0o755)  # the account that the database runs under, where tests run as root, passes through
    installation = Installation(place, environment(**{"PODIUM_LOCAL": "0", **more}))
    try:
        yield installation
    finally:
        installation.end()
        shutil.rmtree(place)
