"""Log lines for machines."""

import json
import logging

from podium.cli.logs import Json


def test_a_line_of_json_says_what_when_and_what_else() -> None:
    record = logging.LogRecord("podium.turn", logging.WARNING, "", 0, "turn.%s", ("ended",), None)
    record.turn = "turn_1"
    said = json.loads(Json().format(record))
    assert said.pop("time").endswith("Z")
    assert said == {"level": "warning", "logger": "podium.turn", "event": "turn.ended", "turn": "turn_1"}
