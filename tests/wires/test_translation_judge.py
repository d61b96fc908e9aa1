"""The judge of translations notices whatever is taken away or changed."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import described
from podium.config.families import FAMILIES
from tests.wires.translated.accepted import refused
from tests.wires.translated.compare import changes
from tests.wires.translation import FORMS, MODELS, WIRES

Json = dict[str, Any]

ASKED: Json = {
    "model": "c",
    "max_tokens": 900,
    "system": "Be kind",
    "temperature": 0.5,
    "stop_sequences": ["END"],
    "tools": [
        {"name": "f", "description": "does", "input_schema": {"type": "object", "properties": {"a": {}}}},
        {"name": "g", "input_schema": {"type": "object", "required": ["b"]}},
    ],
    "tool_choice": {"type": "tool", "name": "f"},
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "one"},
                {"type": "text", "text": "two"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "well"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {"b": 2}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "b", "content": "2"},
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "text", "text": "go on"},
            ],
        },
    ],
}
SAYS_NOTHING = {
    "openai_chat": {"model", "stream", "properties"},
    "anthropic": {"model", "stream", "properties"},
    "gemini": {"properties", "id", "role"},
}
"""Members without which a request means the same: `properties` of nothing, ids of which the names tell enough."""

SCHEMAS = (("parameters", "type"), ("parametersJsonSchema", "type"), ("input_schema", "type"))
"""Where the type goes without saying."""


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from _paths(each, (*path, key))


def _spoilt(value: Json, path: tuple[Any, ...], *, changed: bool) -> Json:
    spoilt = copy.deepcopy(value)
    holder: Any = spoilt
    for key in path[:-1]:
        holder = holder[key]
    was = holder[path[-1]]
    if not changed:
        del holder[path[-1]]
    elif isinstance(was, str):
        holder[path[-1]] = was + "x"
    else:
        holder[path[-1]] = was + 1
    return spoilt


def _written(body: Json, source: str, target: str) -> tuple[Json, tuple[str, ...]]:
    request = WIRES[source].read_request({}, json.dumps(body).encode())
    profile = described("host", MODELS[target], FAMILIES)
    endpoint = Endpoint(name="host", wire=target, base_url="http://host.invalid")
    outgoing = WIRES[target].write_request(request, profile, endpoint)
    return json.loads(outgoing.body), outgoing.dropped


@pytest.mark.parametrize("target", ["openai_chat", "anthropic", "gemini"])
@pytest.mark.parametrize("changed", [False, True])
def test_nothing_that_is_taken_away_or_changed_goes_unnoticed(target: str, changed: bool) -> None:
    source, asked = "anthropic", ASKED
    if target == "anthropic":
        source, (asked, _) = "openai_chat", _written(ASKED, "anthropic", "openai_chat")
    written, dropped = _written(asked, source, target)
    form = FORMS[source](asked)
    assert changes(form, FORMS[target](written, ours=True), target, dropped) == ([], [])
    unnoticed = []
    for path in _paths(written):
        value: Any = written
        for key in path:
            value = value[key]
        if (
            path[-2:] in SCHEMAS
            or path[-1] in SAYS_NOTHING[target]
            or (changed and not isinstance(value, str | int | float))
        ):
            continue
        spoilt = _spoilt(written, path, changed=changed)
        if not _noticed(form, spoilt, target):
            unnoticed.append(path)
    assert not unnoticed


def _noticed(form: Any, spoilt: Json, target: str) -> bool:
    try:
        taken = not refused(target, spoilt)
        return not taken or bool(changes(form, FORMS[target](spoilt, ours=True), target, ())[1])
    except (KeyError, ValueError, UserWarning):  # it is not even of the dialect
        return True
