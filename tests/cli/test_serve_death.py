"""What is left when processes of an installation die or are stopped, and how it goes on."""

import http.client
import json
import os
import signal
import subprocess
import threading
import urllib.request
from functools import partial

import pytest

from podium.store.embedded.attach import status
from tests.cli.installation import PODIUM, Installation, alive, wait_gone, wait_until

SLOW = "[[tokens=60 rate=30]]"  # two seconds of an answer
SLOWER = "[[tokens=2000 rate=30]]"


class Listening:
    """A streamed answer that is being read in a thread."""

    def __init__(self, installation: Installation, said: str) -> None:
        self.lines: list[str] = []
        self.broke = False
        body = {"messages": [{"role": "user", "content": said}], "stream": True}
        request = urllib.request.Request(
            f"{installation.url}/v1/chat/completions",
            data=json.dumps(body).encode(),
            headers={"authorization": f"Bearer {installation.key}", "content-type": "application/json"},
        )
        self._thread = threading.Thread(target=self._read, args=(request,), daemon=True)
        self._thread.start()
        wait_until(lambda: '"content"' in "".join(self.lines))

    def _read(self, request: urllib.request.Request) -> None:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                for line in answer:
                    self.lines.append(line.decode().strip())
        except (OSError, http.client.HTTPException):
            self.broke = True

    def wait_end(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_ctrl_c_leaves_no_process(installation: Installation) -> None:
    installation.serve()
    family = installation.family()
    assert len(family) >= 4, "parent, server, keeper, Postgres"
    assert installation.stop() == 0
    assert not alive(family)
    assert "Stopping" in installation.said


def test_a_signal_while_it_starts_leaves_no_process(installation: Installation) -> None:
    installation.start()
    wait_until(installation.servers)
    family = installation.family()
    assert installation.process is not None
    installation.process.send_signal(signal.SIGTERM)
    assert installation.wait_end() in {0, -signal.SIGTERM}, installation.said
    wait_gone(lambda: alive(family))


def test_a_second_start_keeps_what_there_was(installation: Installation) -> None:
    installation.serve()
    key = installation.key
    made = installation.ask("POST", "/v1/conversations", {"title": "kept"})
    assert made.status in {200, 201}
    installation.stop()
    installation.serve()
    found = installation.ask("GET", f"/v1/conversations/{made.body['id']}")
    assert (found.status, found.body["title"]) == (200, "kept")
    assert installation.key == key
    assert f"kept in {installation.data_dir / 'admin.key'}" in installation.said
    assert key not in installation.said, "the key is shown when it is made, and not again"


def test_a_killed_parent_leaves_no_server_and_a_restart_works_at_once(installation: Installation) -> None:
    installation.serve("--workers", "2")
    servers = set(installation.servers())
    assert len(servers) == 2
    os.kill(installation.pid, signal.SIGKILL)
    installation.wait_end()
    installation.serve("--workers", "2")
    assert not alive(servers)
    assert installation.ask("GET", "/v1/models").status == 200


def test_a_stopped_server_process_does_not_outlive_a_killed_parent(installation: Installation) -> None:
    installation.serve()
    [server] = installation.servers()
    os.kill(server, signal.SIGSTOP)
    os.kill(installation.pid, signal.SIGKILL)
    installation.wait_end()
    wait_gone(lambda: alive({server}), within=5)


def test_a_killed_server_process_is_replaced(installation: Installation) -> None:
    installation.serve()
    [first] = installation.servers()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: set(installation.servers()) - {first})
    assert installation.ask("GET", "/v1/models").status == 200, "who came meanwhile waited at the socket"
    wait_until(lambda: "Server process 0 was killed by SIGKILL; the next one starts" in installation.said)


@pytest.mark.parametrize("is_kept", [True, False])
def test_explain_tells_of_a_dead_servers_call_no_more_than_is_known(
    installation: Installation, *, is_kept: bool
) -> None:
    installation.serve()
    path, body = "/v1/chat/completions", {"messages": [{"role": "user", "content": SLOWER}], "stream": True}
    if is_kept:
        made = installation.ask("POST", "/v1/conversations", {})
        path, body = f"/v1/conversations/{made.body['id']}/turns", {"input": SLOWER, "stream": True}
    request = urllib.request.Request(
        installation.url + path,
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {installation.key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        next(line for line in answer if b"text.delta" in line or b'"content"' in line)
        os.kill(installation.servers()[0], signal.SIGKILL)
    wait_until(
        lambda: installation.ask("GET", "/v1/turns?limit=1").body["data"][0]["status"] == "interrupted"
    )
    explain = [str(PODIUM), "explain", "--data-dir", str(installation.data_dir)]
    done = subprocess.run(explain, capture_output=True, text=True, check=True, env=installation.environment)
    said = " ".join(done.stdout.split())
    told = "simulator/echo failed after a time that nobody knows: The server that made this call went away. ("
    assert told in said
    assert is_kept or "Cost not known: its host did not tell what it used" in said


def test_a_killed_keeper_is_replaced_and_the_database_stops_with_the_server(
    installation: Installation,
) -> None:
    installation.serve()
    keeper = status(installation.data_dir).keeper
    assert keeper is not None
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: status(installation.data_dir).keeper not in {keeper, None})
    family = installation.family()
    assert installation.stop() == 0
    assert not alive(family)


def test_the_first_ctrl_c_lets_a_running_answer_end(installation: Installation) -> None:
    installation.serve()
    listening = Listening(installation, SLOW)
    assert installation.stop() == 0
    listening.wait_end()
    assert not listening.broke
    assert "data: [DONE]" in listening.lines


def test_an_answer_that_takes_too_long_is_stopped_and_its_listener_told(installation: Installation) -> None:
    installation.environment["PODIUM_DRAIN_SECONDS"] = "1"
    installation.serve()
    listening = Listening(installation, SLOWER)
    assert installation.stop() == 0
    listening.wait_end()
    assert not listening.broke
    assert any(line.startswith('data: {"error"') for line in listening.lines), listening.lines[-3:]
    assert "SIGKILL" not in installation.said


def test_the_second_ctrl_c_stops_at_once(installation: Installation) -> None:
    installation.serve()
    family = installation.family()
    listening = Listening(installation, SLOWER)
    assert installation.process is not None
    installation.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in installation.said)
    installation.process.send_signal(signal.SIGINT)
    assert installation.wait_end(within=10) == 0
    listening.wait_end()
    assert "data: [DONE]" not in listening.lines
    wait_gone(lambda: alive(family))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_process_that_dies_again_and_again_is_told_and_not_left(
    installation: Installation, workers: int
) -> None:
    installation.serve("--workers", str(workers))
    for _ in range(2):
        wait_until(lambda: len(installation.servers()) == workers)
        victims = set(installation.servers())
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        wait_gone(partial(alive, victims))
    wait_until(lambda: len(installation.servers()) == workers)
    assert wait_until(lambda: installation.ask("GET", "/v1/models").status == 200)
