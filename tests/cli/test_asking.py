"""The commands that ask and are answered: models, explain, keys, doctor."""

import asyncio
import json
import subprocess
from typing import Any

import pytest

from podium.store.embedded.attach import embedded, status
from tests.cli.installation import PODIUM, Installation, installed
from tests.simulator.serving import simulator


def podium(installation: Installation, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in this installation's place."""
    return subprocess.run(
        [PODIUM, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=installation.place,
        env=installation.environment | {"PODIUM_DATA_DIR": str(installation.data_dir)} | more,
    )


def created(installation: Installation, *arguments: str) -> Any:
    done = podium(installation, "keys", "create", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flat(said: str) -> str:
    """What was said, without line breaks."""
    return " ".join(said.split())


def status_for(installation: Installation, key: str) -> int:
    return installation.ask("GET", "/v1/models", authorization=f"Bearer {key}").status


# ── models ───────────────────────────────────────────────────────────────────────────────────────────────


def test_models_shows_window_and_default(running: Installation) -> None:
    done = podium(running, "models")
    assert done.stdout == ("MODEL            WINDOW  ENDPOINT\nsimulator/echo  128,000  simulator  default\n")
    assert json.loads(podium(running, "models", "--json").stdout)[0]["id"] == "simulator/echo"


def test_a_command_without_a_server_says_how_to_start_one(installation: Installation) -> None:
    done = podium(installation, "models")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"podium: No server serves from the data directory {installation.data_dir}.\n"
    )
    assert "podium serve" in done.stderr


def test_the_data_directory_is_found_in_podium_toml(running: Installation) -> None:
    (running.place / "podium.toml").write_text(f'[server]\ndata_dir = "{running.data_dir}"\n')
    try:
        assert podium(running, "models", PODIUM_DATA_DIR="").returncode == 0
    finally:
        (running.place / "podium.toml").unlink()


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────


def say(installation: Installation, text: str) -> Any:
    conversation = installation.ask("POST", "/v1/conversations", {}).body["id"]
    return installation.ask("POST", f"/v1/conversations/{conversation}/turns", {"input": text}).body


def test_explain_tells_of_the_last_turn_in_80_columns(running: Installation) -> None:
    turn = say(running, "Why? [[reason because]]")
    said = podium(running, "explain").stdout
    assert max(map(len, said.splitlines())) <= 80
    assert said.startswith(f"Turn       {turn['id']}\n           completed in ")
    assert "Model      simulator/echo\n" in said
    assert "(2 of them reasoning)" in flat(said)
    assert "  choose   simulator/echo: no model was named" in said
    assert "  1        simulator/echo answered in " in said


def test_explain_tells_of_any_turn_and_as_json(running: Installation) -> None:
    say(running, "first [[fault close after=2]] [[tokens=9]]")
    turn = running.ask("GET", "/v1/turns?limit=1").body["data"][0]
    say(running, "second")
    said = podium(running, "explain", turn["id"]).stdout
    assert "interrupted in " in said
    assert "Error      simulator (127.0.0.1) closed the connection" in said
    assert "simulator/echo failed after " in said
    story = json.loads(podium(running, "explain", turn["id"], "--json").stdout)
    assert story["turn"]["status"] == "interrupted"
    assert story["attempts"][0]["failed"]["code"] == "upstream_truncated"


def test_explain_tells_of_a_turn_that_a_budget_refused(running: Installation) -> None:
    scope = {"type": "tenant", "id": "default"}
    made = running.ask("POST", "/v1/budgets", {"scope": scope, "limit": "0", "period": "day"}).body
    try:
        say(running, "hello")
        said = podium(running, "explain").stdout
    finally:
        running.ask("DELETE", f"/v1/budgets/{made['id']}")
    assert "Tokens     none\nCost       $0\n" in said
    assert "Budget limit exceeded: Daily budget limit exceeded." in flat(said)
    assert "No host was called." in said


def test_explain_says_when_there_is_no_such_turn(running: Installation) -> None:
    done = podium(running, "explain", "../keys")
    assert done.returncode == 1
    assert "There is no such turn. (not_found)" in done.stderr


def test_explain_says_when_there_was_no_turn_yet(running: Installation) -> None:
    key = created(running, "--tenant", "quiet", "--user", "nobody")["key"]
    done = podium(running, "explain", PODIUM_KEY=key)
    assert done.returncode == 1
    assert done.stderr.startswith("podium: There has been no turn yet.\n")


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_made_listed_and_revoked_beside_a_server(running: Installation) -> None:
    made = created(
        running, "--tenant", "acme", "--user", "ann", "--scope", "admin", "--expires", "2999-01-31"
    )
    assert {name: made[name] for name in ("tenant", "user", "scope", "tier")} == {
        "tenant": "acme",
        "user": "ann",
        "scope": "admin",
        "tier": "basic",
    }
    assert made["expires_at"].startswith("2999-01-3")
    assert status_for(running, made["key"]) == 200
    listed = podium(running, "keys", "list").stdout
    assert made["id"] in listed
    assert made["key"] not in listed
    assert podium(running, "keys", "revoke", made["id"]).stdout == f"{made['id']} is revoked.\n"
    assert status_for(running, made["key"]) == 401
    again = podium(running, "keys", "revoke", made["id"])
    assert (again.returncode, again.stderr) == (1, "podium: There is no such key. (not_found)\n")


def test_a_new_key_stands_alone_on_standard_output(running: Installation) -> None:
    done = podium(running, "keys", "create", "--tenant", "acme", "--user", "bob")
    assert done.returncode == 0
    assert status_for(running, done.stdout.strip()) == 200
    assert "Shown this once." in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--expires", "tomorrow", "'tomorrow' is no moment."),
        ("--expires", "2020-01-01", "would have expired already"),
        ("--tier", "golden", "Input should be 'free', 'basic'"),
        ("--tenant", "", "tenant"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(running: Installation, option: str, value: str, told: str) -> None:
    done = podium(running, "keys", "create", "--tenant", "acme", "--user", "ann", option, value)
    assert done.returncode == 1
    assert told in done.stderr


async def test_keys_can_be_made_before_the_first_start(installation: Installation) -> None:
    made = await asyncio.to_thread(created, installation, "--tenant", "acme", "--user", "ann")
    async with embedded(installation.data_dir):  # so that it is not started and stopped each time
        other = await asyncio.to_thread(created, installation, "--tenant", "acme", "--user", "bob")
        listed = await asyncio.to_thread(podium, installation, "keys", "list", "--json")
        assert [each["id"] for each in json.loads(listed.stdout)] == [other["id"], made["id"]]
        revoked = await asyncio.to_thread(podium, installation, "keys", "revoke", other["id"])
        assert revoked.returncode == 0
        await asyncio.to_thread(installation.serve)
    assert status_for(installation, made["key"]) == 200
    assert status_for(installation, other["key"]) == 401


# ── doctor ───────────────────────────────────────────────────────────────────────────────────────────────


def test_doctor_finds_nothing_wrong_and_says_where_settings_are_from(running: Installation) -> None:
    done = podium(running, "doctor", PODIUM_LOG_LEVEL="debug")
    assert done.returncode == 0, done.stdout
    assert ["data_dir", str(running.data_dir), "PODIUM_DATA_DIR"] in [
        line.split() for line in done.stdout.splitlines()
    ]
    assert ["log_level", "debug", "PODIUM_LOG_LEVEL"] in [line.split() for line in done.stdout.splitlines()]
    assert "ok    database      the embedded one answers: PostgreSQL " in done.stdout
    assert "ok    schema        is up to date\n" in done.stdout
    assert f"ok    server        {running.url} answers" in done.stdout
    assert done.stdout.endswith("\nNothing is wrong.\n")


def test_doctor_works_before_the_first_start(installation: Installation) -> None:
    done = podium(installation, "doctor")
    assert done.returncode == 0, done.stdout
    assert "it starts with the server" in done.stdout
    assert "ok config no podium.toml is here or in the data directory" in flat(done.stdout)
    assert not installation.data_dir.exists()


def test_doctor_says_which_file_it_has_read(installation: Installation) -> None:
    file = installation.place / "mine.toml"
    file.write_text("[server]\nport = 7000\n")
    done = podium(installation, "doctor", "--config", "mine.toml")
    assert done.returncode == 0, done.stdout
    assert f"ok config {file} was read, and is valid" in flat(done.stdout)
    assert ["port", "7000", "mine.toml:2"] in [line.split() for line in done.stdout.splitlines()]
    file.write_text("[server\n")
    done = podium(installation, "doctor", "--config", "mine.toml")
    assert done.returncode == 1
    assert "WRONG settings mine.toml:1: not valid TOML" in flat(done.stdout)


def test_doctor_says_what_to_do(running: Installation) -> None:
    key = running.data_dir / "admin.key"
    key.chmod(0o644)
    try:
        done = podium(
            running,
            "doctor",
            DATABASE_URL="postgresql://podium:hush@127.0.0.1:1/podium",
            REDIS_URL="redis://127.0.0.1:1",
            PODIUM_DEFAULT_MODEL="openai/gpt-5",
        )
    finally:
        key.chmod(0o600)
    assert done.returncode == 1
    assert f"chmod 600 {key}" in done.stdout
    assert "WRONG database " in done.stdout
    assert "WRONG redis " in done.stdout
    assert "WRONG default       openai/gpt-5 is the default, and nothing answers to it" in done.stdout
    assert "4 of " in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_doctor_tells_mistakes_in_podium_toml(installation: Installation) -> None:
    (installation.place / "podium.toml").write_text(
        '[endpoints.lab]\nwire = "openai_chat"\nbaseurl = "http://x"\n'
    )
    done = podium(installation, "doctor")
    assert done.returncode == 1
    assert 'podium.toml:3: unknown key "baseurl" in [endpoints.lab]; did you mean' in flat(done.stdout)


def test_doctor_tells_a_variable_that_nobody_reads(installation: Installation) -> None:
    done = podium(installation, "doctor", PODIUM_PROT="9000")
    assert done.returncode == 0, done.stdout
    assert "note settings PODIUM_PROT in the environment is no known setting" in flat(done.stdout)
    assert "did you mean PODIUM_PORT?" in flat(done.stdout)


async def test_doctor_calls_hosts_for_real(installation: Installation) -> None:
    async with simulator(api_key="right") as host:
        toml = "\n".join(
            f'[endpoints.{name}]\nwire = "openai_chat"\nbase_url = "{host.url}"\napi_key_env = "{name.upper()}"\n'
            f'[models."{name}/echo"]\n'
            for name in ("good", "bad")
        )
        (installation.place / "podium.toml").write_text(toml)
        done = await asyncio.to_thread(
            podium, installation, "doctor", "--call", GOOD="right", BAD="wrong-and-secret"
        )
        assert [call.status for call in host.oracle.calls].count(200) == 1
    assert done.returncode == 1
    assert "ok    good          echo answered in " in done.stdout
    assert "WRONG bad " in done.stdout
    assert "> The key is wrong or may not do this: set the one in api_key_env" in flat(done.stdout)
    assert "wrong-and-secret" not in done.stdout


def test_doctor_looks_into_the_database_of_database_url(installation: Installation, dsn: str) -> None:
    done = podium(installation, "doctor", DATABASE_URL=dsn)
    assert done.returncode == 0, done.stdout
    assert "ok    database      DATABASE_URL answers: PostgreSQL " in done.stdout
    assert " in use; one server with 1 worker(s) takes " in done.stdout


# ── a wrong environment ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["serve", "migrate", "doctor"])
@pytest.mark.parametrize(
    ("name", "url"),
    [("DATABASE_URL", "postgresql://podium:sec#sesame@h/d"), ("REDIS_URL", "redis://127.0.0.1:sesame")],
)
def test_an_address_that_can_never_be_right_is_told_in_a_line(
    installation: Installation, command: str, name: str, url: str
) -> None:
    done = podium(installation, command, **{name: url})
    said = flat(done.stdout + done.stderr)
    assert done.returncode == (1 if command == "doctor" else 2)
    assert f"{name} h" in said
    assert "percent-encode the password" in said
    assert "sesame" not in said
    assert "Traceback" not in said
    if command != "doctor":
        assert len(done.stderr.splitlines()) == 1


def test_a_member_of_the_databases_address_that_nobody_knows_is_told(running: Installation) -> None:
    dsn = status(running.data_dir).dsn
    assert dsn is not None
    for command in ("migrate", "doctor"):
        done = podium(running, command, DATABASE_URL=f"{dsn}&pgbouncer=true")
        said = flat(done.stdout + done.stderr)
        assert done.returncode == (1 if command == "doctor" else 2)
        assert "DATABASE_URL cannot be used: " in said
        assert "pgbouncer" in said
        assert "Traceback" not in said


def test_an_oracle_that_cannot_be_written_is_told(installation: Installation) -> None:
    done = podium(installation, "simulate", "--port", "0", "--oracle", "/no/dir/x")
    assert (done.returncode, done.stderr) == (
        2,
        "podium: --oracle /no/dir/x cannot be written: No such file or directory.\n",
    )


def test_a_key_that_no_header_can_hold_is_told_and_white_space_around_one_is_not_of_it(
    running: Installation,
) -> None:
    assert podium(running, "models", "--key", f" {running.key}\n").returncode == 0
    for given in ("sesame\nsesame", "sésame", "s" * 513):
        done = podium(running, "models", PODIUM_KEY=given)
        assert done.returncode == 2
        assert done.stderr.startswith("podium: The key of --key or PODIUM_KEY ")
        assert given not in done.stderr


def test_the_longest_key_that_an_operator_may_bring_opens_the_server() -> None:
    with installed(PODIUM_ADMIN_KEY=f"{'k' * 512}\n") as mine:
        mine.serve()
        assert podium(mine, "models").returncode == 0


def test_a_database_that_cannot_be_reached_is_told_with_what_to_look_at(installation: Installation) -> None:
    done = podium(installation, "migrate", DATABASE_URL="postgresql://podium:sesame@127.0.0.1:1/podium")
    assert done.returncode == 1
    assert done.stderr.startswith("podium: The database does not answer: ")
    assert done.stderr.endswith("        Is DATABASE_URL right, and does it run?\n")
    assert "sesame" not in done.stderr
