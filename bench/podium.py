"""Podium as people run it, in a data directory of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from bench.process import OTHER_CORE, SERVER_CORE, children, find_child, pin
from podium.config.hosts import HOSTS

_PROGRAM = str(Path(sys.executable).with_name("podium"))
_READY_SECONDS = 60
_STOP_SECONDS = 60
_TOML = """\
default_model = "lab/words-20"

[endpoints.lab]
price = {{ input = "0.15", output = "0.60" }}
wire = "openai_chat"
base_url = "{host}/v1"

[endpoints.lab-anthropic]
price = {{ input = "0.15", output = "0.60" }}
wire = "anthropic"
base_url = "{host}"

[endpoints.lab-gemini]
price = {{ input = "0.15", output = "0.60" }}
wire = "gemini"
base_url = "{host}"

[models."lab/words-20"]
context_window = 128000

[models."lab/words-100"]
context_window = 4096

[models."lab/words-101"]
context_window = 128000
"""


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(url: str, process: subprocess.Popen[bytes], tick: float = 0.005) -> None:
    """Return when a URL answers 200. Raises RuntimeError if the process ends first, TimeoutError after a minute."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  # loopback
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(tick)
    raise TimeoutError(f"{url} did not answer")


def seconds_of_help() -> float:
    """How long a person waits for `podium --help`."""
    began = time.monotonic()
    subprocess.run([_PROGRAM, "--help"], capture_output=True, check=True)
    return time.monotonic() - began


class Podium:
    """`podium serve`: on the server's core the server process, on the other one its parent and the database."""

    def __init__(self, host: str) -> None:
        """`host`: the stand-in's root URL."""
        # Directly under /tmp: as root the database runs under an account of its own, which must be able to reach it.
        self.directory = Path(tempfile.mkdtemp(prefix="podium-bench-", dir="/tmp"))
        self.port = free_port()
        self._config = self.directory.with_suffix(".toml")
        self._config.write_text(_TOML.format(host=host))
        self._log = self.directory.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; the seconds until it was ready, with both cores at hand."""
        own = ("PODIUM_", "DATABASE_URL", "REDIS_", *(name for host in HOSTS for name in host.key_names))
        environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        where = ["--data-dir", str(self.directory), "--config", str(self._config), "--port", str(self.port)]
        os.sched_setaffinity(0, {SERVER_CORE, OTHER_CORE})
        began = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_PROGRAM, "serve", *where],
                env={**environment, "PODIUM_LOCAL": "0"},
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(f"http://127.0.0.1:{self.port}/readyz", self._process)
        except RuntimeError as error:
            raise RuntimeError(f"{error}; it said: {self._log.read_text()[-1000:]}") from error
        took = time.monotonic() - began
        self._limit()
        os.sched_setaffinity(0, {OTHER_CORE})
        pin([self.server], {SERVER_CORE})
        pin([self.parent, *children(self.postmaster), self.postmaster], {OTHER_CORE})
        return took

    def _limit(self) -> None:
        """Every call is counted by a budget, far from its limit; there is one already where it was started before."""
        ask = urllib.request.Request(  # loopback
            f"http://127.0.0.1:{self.port}/v1/budgets",
            json.dumps(
                {"scope": {"type": "tenant", "id": "default"}, "limit": 1e6, "period": "month"}
            ).encode(),
            {"authorization": f"Bearer {self.key}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(ask, timeout=_READY_SECONDS):  # noqa: S310  # loopback
                pass
        except urllib.error.HTTPError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    def stop(self) -> None:
        """Stop it, its database included."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STOP_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stop it and leave nothing behind."""
        self.stop()
        deadline = time.monotonic() + _STOP_SECONDS
        while self.directory.exists() and time.monotonic() < deadline:
            # Where the server could not start, its database may still be stopping, and writing.
            shutil.rmtree(self.directory, ignore_errors=True)
            time.sleep(0.1)
        self._config.unlink()
        self._log.unlink()

    @property
    def parent(self) -> int:
        """The process that was started."""
        if self._process is None:
            raise LookupError("Podium does not run")
        return self._process.pid

    @property
    def server(self) -> int:
        """The process that serves."""
        return find_child(self.parent, "podium.cli.server")

    @property
    def postmaster(self) -> int:
        """Postgres' first process."""
        return int((self.directory / "postgres/postmaster.pid").read_text().splitlines()[0])

    @property
    def key(self) -> str:
        """The admin key."""
        return (self.directory / "admin.key").read_text().strip()
