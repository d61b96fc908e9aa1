"""The OpenAPI document is complete and true, for every route that there is."""

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from tests.doors.podium import ADMIN_KEY, podium

CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance,status_code_conformance"


@pytest.mark.timeout(300)
async def test_no_request_that_can_be_thought_of_breaks_the_server(dsn: str, tmp_path: Path) -> None:
    async with podium(dsn) as server:
        tried = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "st"),
            *("run", f"{server.url}/openapi.json", "--header", f"Authorization: Bearer {ADMIN_KEY}"),
            *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "5"),
            *("--seed", "1", "--no-color", "--request-timeout", "20", "--generation-database", "none"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await tried.communicate()
    assert tried.returncode == 0, told.decode()[-20_000:]


async def test_every_operation_has_a_name_a_summary_and_its_errors(dsn: str) -> None:
    async with podium(dsn) as server, server.http.get(f"{server.url}/openapi.json") as answer:
        document = msgspec.json.decode(await answer.read())
    assert document["openapi"].startswith("3.")
    names = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            names.append(operation["operationId"])
            assert operation["summary"], (method, path)
            errors = [status for status in operation["responses"] if status[0] in "45d"]
            assert errors or path == "/livez", (method, path)
    assert len(names) == len(set(names)) > 15
