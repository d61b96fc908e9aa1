"""`podium serve` as a person meets it: the banner, and being told plainly what is wrong."""

import os
import re
import socket
import stat
import subprocess
from base64 import b64encode

from podium.store.embedded.attach import status
from tests.cli.installation import PODIUM, Installation, environment, installed, wait_until


def pasted(said: str, **more: str) -> str:
    """What the banner's curl line answers in a shell."""
    [line] = re.findall(r"^  (curl .*)$", said, re.MULTILINE)
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True, env=environment(**more)
    )
    return done.stdout


def test_help_loads_nothing_of_the_server() -> None:
    told = subprocess.run(
        [PODIUM, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
    )
    loaded = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    ours = {name for name in loaded if name.startswith("podium.")}
    assert "podium.cli.command" in ours
    assert {name for name in ours if not name.startswith("podium.cli")} == set()
    assert loaded.isdisjoint({"asyncio", "asyncpg", "aiohttp", "msgspec", "rich", "starlette", "uvicorn"})


def test_the_banners_curl_line_works_when_pasted(running: Installation) -> None:
    answer = pasted(running.said)
    assert '"object":"chat.completion"' in answer
    assert "Say hello" in answer, "the simulator repeats what it is told"


def test_the_banner_says_where_and_with_which_key_and_model(running: Installation) -> None:
    assert f"is ready: {running.url}\n" in running.said
    assert f"{running.key}  (shown this once, kept in {running.data_dir / 'admin.key'})" in running.said
    assert "simulator/echo answers" in running.said
    assert "OPENAI_API_KEY=sk-..." in running.said


def test_the_made_key_is_for_its_owners_eyes_alone(running: Installation) -> None:
    mode = (running.data_dir / "admin.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_taken_port_is_told_plainly(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        installation.start("--port", str(port))
        assert installation.wait_end() == 2
    assert installation.said == (
        f"podium: Port {port} on 127.0.0.1 is taken: another program listens there.\n"
        f"        Choose another: podium serve --port {port + 1} (or PODIUM_PORT).\n"
    )


def test_a_second_server_on_the_same_data_directory_is_told_plainly(running: Installation) -> None:
    second = subprocess.run(
        [PODIUM, "serve", "--port", "0", "--data-dir", running.data_dir],
        capture_output=True,
        text=True,
        check=False,
        env=running.environment,
    )
    assert second.returncode == 2
    assert second.stderr == (
        f"podium: Another server (process {running.pid}) at {running.url} already serves from the data directory"
        f" {running.data_dir}.\n"
        "        Use that one, stop it, or give this one another directory with --data-dir.\n"
    )
    assert running.ask("GET", "/v1/models").status == 200, "the first one goes on"


def test_all_mistakes_in_the_file_are_told_with_their_places(installation: Installation) -> None:
    (installation.place / "podium.toml").write_text(
        '[endpoints.lab]\nwire = "openai_chat"\nbaseurl = "http://127.0.0.1:9000/v1"\n\n[server]\nport = "80"\n'
    )
    installation.start()
    assert installation.wait_end() == 2
    assert installation.said == (
        'podium.toml:3: unknown key "baseurl" in [endpoints.lab]; did you mean "base_url"?\n'
        'podium.toml:6: "port" in [server] should be a whole number, not "80"\n'
    )


def test_a_warning_does_not_keep_it_from_serving(installation: Installation) -> None:
    (installation.place / "podium.toml").write_text('[routes]\nfast = ["lab/small"]\n')
    installation.serve()
    assert 'podium.toml:2: "lab/small" in the route "fast" has no configured endpoint and is skipped' in (
        installation.said
    )


def test_a_directory_that_holds_other_things_is_left_alone(installation: Installation) -> None:
    installation.data_dir.mkdir()
    (installation.data_dir / "thesis.txt").write_text("mine")
    installation.start()
    assert installation.wait_end() == 2
    assert "is not Podium's: it holds thesis.txt" in installation.said
    assert [each.name for each in installation.data_dir.iterdir()] == ["thesis.txt"]


def test_the_operators_own_key_opens_it_and_is_not_written_down() -> None:
    """Nor is what messages to the operator's receiver are signed with: any bytes, rarely a text."""
    receiver = {
        "PODIUM_WEBHOOK_URL": "http://127.0.0.1:9/sesame",
        "PODIUM_WEBHOOK_SECRET": f"whsec_{b64encode(bytes(range(200, 232))).decode()}",
    }
    with installed(PODIUM_ADMIN_KEY="sesame-of-the-operator", **receiver) as mine:
        mine.serve()
        assert receiver["PODIUM_WEBHOOK_SECRET"] not in mine.said
        assert "chat.completion" in pasted(mine.said, PODIUM_ADMIN_KEY="sesame-of-the-operator")
        assert "sesame" not in mine.said
        assert not (mine.data_dir / "admin.key").exists()


def test_several_server_processes_serve_from_one_socket(installation: Installation) -> None:
    installation.serve("--workers", "2")
    assert len(installation.servers()) == 2
    assert installation.ask("GET", "/v1/models").status == 200
    assert installation.stop() == 0


def test_a_named_database_is_used_and_no_other_is_made(
    running: Installation, installation: Installation
) -> None:
    dsn = status(running.data_dir).dsn
    assert dsn is not None
    installation.environment["DATABASE_URL"] = dsn
    installation.serve()
    made = installation.ask("POST", "/v1/conversations", {"title": "seen by both"}).body["id"]
    found = running.ask("GET", f"/v1/conversations/{made}")
    assert (found.status, found.body["title"]) == (200, "seen by both")
    assert not (installation.data_dir / "postgres").exists()
    assert installation.stop() == 0
    del installation.environment["DATABASE_URL"]
    installation.serve()
    assert installation.ask("GET", f"/v1/conversations/{made}").status == 404, "a database of its own"


def test_a_database_that_is_not_there_is_told(installation: Installation) -> None:
    installation.environment["DATABASE_URL"] = "postgresql://podium:sesame@127.0.0.1:1/podium"
    installation.start()
    wait_until(lambda: installation.said.count("The database does not answer") > 1)
    assert installation.process is not None
    installation.process.terminate()
    assert installation.wait_end() == 0
    assert installation.said.count("Is DATABASE_URL right, and does it run?") == 1
    assert re.search(r"[^.]\. Trying again\.\n", installation.said)
    assert "sesame" not in installation.said


def test_where_a_simulator_elsewhere_is_to_answer_the_banner_says_that_it_must_run() -> None:
    with installed(PODIUM_SIMULATOR_URL="http://127.0.0.1:9/v1") as mine:
        mine.serve()
        told = "It is asked at http://127.0.0.1:9/v1, where `podium simulate` must run.\n"
        assert told in mine.said
    with installed() as mine:
        mine.serve()
        assert "podium simulate" not in mine.said
