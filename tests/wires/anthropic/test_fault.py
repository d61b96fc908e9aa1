"""Errors in this dialect's shape."""

import json

from podium.errors import Inexpressible, InvalidRequest
from podium.wires.anthropic.fault import write_error


def _message(error: InvalidRequest | Inexpressible) -> str:
    told: str = json.loads(write_error(400, error))["error"]["message"]
    return told


def test_a_refusal_names_the_member_before_its_message() -> None:
    refused = Inexpressible("The tool 'web_fetch' is run by another kind of host.", param="tools[0]")
    assert _message(refused) == "tools[0]: The tool 'web_fetch' is run by another kind of host."


def test_a_word_that_is_a_members_name_too_does_not_name_it() -> None:
    refused = Inexpressible("The container belongs to another kind of host.", param="container")
    assert _message(refused) == "container: The container belongs to another kind of host."


def test_a_message_that_names_the_member_already_stands_as_it_is() -> None:
    refused = InvalidRequest("`messages` must not be empty.", param="messages")
    assert _message(refused) == "`messages` must not be empty."
