"""Log lines, for machines and for people."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor

from podium.cli.logs import Brief, Json, Plain
from tests.cli.installation import Installation, installed, wait_until


def test_a_line_of_json_says_what_when_and_what_else() -> None:
    record = logging.LogRecord("podium.turn", logging.WARNING, "", 0, "turn.%s", ("ended",), None)
    record.turn = "turn_1"
    said = json.loads(Json().format(record))
    assert said.pop("time").endswith("Z")
    assert said == {"level": "warning", "logger": "podium.turn", "event": "turn.ended", "turn": "turn_1"}


def test_what_the_pool_of_connections_warns_of_is_a_line() -> None:
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except ConnectionRefusedError as error:
        failed = (type(error), error, error.__traceback__)
    record = logging.LogRecord(
        "asyncpg.pool", logging.WARNING, "", 0, "No connection; %s", ("again",), failed
    )
    record.request_id = "of-somebody-else"
    assert Brief().filter(record)
    assert Plain("%(message)s").format(record) == "No connection; again: [Errno 111] Connection refused"


def test_what_a_turn_logs_carries_the_id_of_the_request_that_asked_for_it() -> None:
    with installed(PODIUM_LOG_LEVEL="debug") as installation:
        installation.serve()
        body = {"model": "simulator/echo", "messages": [{"role": "user", "content": "[[fault garbage]]"}]}
        answer = installation.ask("POST", "/v1/chat/completions", body, **{"x-request-id": "asked-by-a-test"})
        assert answer.status == 502
        lines = [line for line in installation.said.splitlines() if "providers.garbled" in line]
    assert lines
    assert all("request_id=asked-by-a-test" in line for line in lines)


def test_what_a_turn_that_waited_logs_carries_the_id_of_its_own_request() -> None:
    def say(installation: Installation, text: str, request_id: str) -> int:
        body = {"message": text, "session_id": "s", "model": "simulator/echo"}
        return installation.ask("POST", "/chat", body, **{"x-request-id": request_id}).status

    with installed(PODIUM_LOG_LEVEL="debug") as installation, ThreadPoolExecutor() as pool:
        installation.serve()
        first = pool.submit(say, installation, "[[first=1.5]] hello", "asked-first")
        wait_until(lambda: installation.ask("GET", "/sessions/s/history", None).status == 200)
        second = pool.submit(say, installation, "[[fault garbage]]", "asked-second")
        assert (first.result(), second.result()) == (200, 502)
        lines = [line for line in installation.said.splitlines() if "providers.garbled" in line]
    assert lines
    assert all("request_id=asked-second" in line for line in lines)
