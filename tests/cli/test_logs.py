"""Log lines, for machines and for people."""

import json
import logging

from podium.cli.logs import Json
from tests.cli.installation import installed


def test_a_line_of_json_says_what_when_and_what_else() -> None:
    record = logging.LogRecord("podium.turn", logging.WARNING, "", 0, "turn.%s", ("ended",), None)
    record.turn = "turn_1"
    said = json.loads(Json().format(record))
    assert said.pop("time").endswith("Z")
    assert said == {"level": "warning", "logger": "podium.turn", "event": "turn.ended", "turn": "turn_1"}


def test_what_a_turn_logs_carries_the_id_of_the_request_that_asked_for_it() -> None:
    with installed(PODIUM_LOG_LEVEL="debug") as installation:
        installation.serve()
        body = {"model": "simulator/echo", "messages": [{"role": "user", "content": "[[fault garbage]]"}]}
        answer = installation.ask("POST", "/v1/chat/completions", body, **{"x-request-id": "asked-by-a-test"})
        assert answer.status == 502
        lines = [line for line in installation.said.splitlines() if "providers.garbled" in line]
    assert lines
    assert all("request_id=asked-by-a-test" in line for line in lines)
