"""`podium ledger`, beside a server and without one."""

import csv
import io
import json
import subprocess
from typing import Any

import asyncpg
import pytest

from podium.cli.ledger import _BUCKETS, _COLUMNS, _Csv
from podium.store.embedded import address
from podium.store.embedded.directory import at
from tests.cli.installation import PODIUM, Installation


def run(installation: Installation, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PODIUM, "ledger", *arguments, "--data-dir", installation.data_dir],
        capture_output=True,
        text=True,
        env=installation.environment,
        cwd=installation.place,
        timeout=60,
        check=False,
    )


def chat(installation: Installation) -> None:
    body = {"model": "simulator/echo", "messages": [{"role": "user", "content": 'Say "hello", =1+1'}]}
    answer = installation.ask("POST", "/v1/chat/completions", body)
    assert answer.status == 200, answer.body


def lines(installation: Installation) -> list[dict[str, Any]]:
    told = run(installation, "export", "--format", "jsonl")
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_the_ledger_is_exported_and_verified_beside_a_server_and_without_one(
    installation: Installation,
) -> None:
    installation.serve()
    budget = {"scope": {"type": "tenant", "id": "default"}, "limit": "5", "period": "month"}
    assert installation.ask("POST", "/v1/budgets", budget).status == 200
    for _ in range(2):
        chat(installation)
    listed = installation.ask("GET", "/v1/ledger").body["data"]
    assert len(listed) == 2
    assert lines(installation) == listed
    told = run(installation, "verify")
    assert (told.returncode, told.stdout) == (0, "3 balances, none of them wrong.\n"), told.stderr
    [first, second] = csv.DictReader(io.StringIO(run(installation, "export").stdout))
    assert [first["id"], second["id"]] == [each["id"] for each in listed]
    assert (first["amount"], first["user"], first["tenant"]) == (listed[0]["amount"], "operator", "default")
    assert int(first["input"]) == listed[0]["usage"]["input"]
    assert json.loads(first["tariff"]) == listed[0]["tariff"]
    assert run(installation, "export", "--from", "2999-01-01").stdout.count("\n") == 1
    assert "is no moment" in run(installation, "export", "--to", "soon").stderr
    assert installation.stop() == 0
    assert lines(installation) == listed
    assert run(installation, "verify").returncode == 0


def test_a_name_that_looks_like_a_formula_is_text_in_a_spreadsheet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = {**dict.fromkeys(_COLUMNS, "x"), "usage": dict.fromkeys(_BUCKETS, 1), "tariff": None}
    for user in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", "a=1"):
        _Csv()([{**row, "user": user, "amount": "0.5"}])
        [told] = csv.DictReader(io.StringIO(capsys.readouterr().out))
        assert told["user"] == (user if user[0] in "pa" else f"'{user}")
        assert (told["amount"], told["input"]) == ("0.5", "1")


async def test_a_wrong_balance_is_told_and_ends_the_command_with_1(installation: Installation) -> None:
    installation.serve()
    budget = {"scope": {"type": "tenant", "id": "default"}, "limit": "5", "period": "month"}
    made = installation.ask("POST", "/v1/budgets", budget).body
    connection = await asyncpg.connect(address.dsn(at(installation.data_dir)))
    await connection.execute("UPDATE budget_periods SET spent = spent + 1500")
    await connection.close()
    told = run(installation, "verify")
    assert told.returncode == 1
    assert (
        f"budget {made['id']}, period from {made['starts_at']}: spent is 0.0000015, its rows come to 0"
        in told.stdout
    )
    assert told.stdout.endswith("1 of 3 balances wrong.\n")


@pytest.mark.parametrize("command", ["export", "verify"])
def test_an_empty_ledger_is_nothing_special(installation: Installation, command: str) -> None:
    installation.serve()
    told = run(installation, command)
    assert told.returncode == 0, told.stderr
    assert len(told.stdout.splitlines()) == 1
