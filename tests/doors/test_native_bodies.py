"""The bodies of Podium's own dialect: what may be left out, and what is said of mistakes."""

from typing import Any

import pytest

from tests.doors.podium import Podium

TURNS = "/v1/conversations/{}/turns"
OPTIONAL = (
    *("model", "stream", "on_busy", "on_disconnect", "instructions"),
    *("max_output_tokens", "temperature", "top_p", "stop", "seed"),
)


async def test_null_is_as_good_as_left_out(server: Podium) -> None:
    conversation = await server.conversation()
    path = TURNS.format(conversation)
    told = await server.call("POST", path, json={"input": "hello", **dict.fromkeys(OPTIONAL)})
    assert (told["status"], told["output_text"]) == ("completed", "You said: hello")
    broken = {"input": "[[tokens=9]] [[fault close after=2]]"}
    async with server.http.post(server.url + path, json=broken) as answer:
        turn = answer.headers["x-podium-turn"]
    nothing = dict.fromkeys(("model", "stream", "on_disconnect"))
    told = await server.call("POST", f"/v1/turns/{turn}/continue", json=nothing)
    assert told["status"] == "completed"


MISTAKES = [
    (b"{}", "input", "input"),
    (b'{"input": "x", "unknown": 1}', "unknown", "unknown"),
    (b'{"input": [{"type": "text"}]}', "input[0].text", "text"),
    (b'{"input": "lone \\ud800 x"}', None, "half of a surrogate pair"),
    (b'{"input": "\\uDC00"}', None, "half of a surrogate pair"),
    (b'{"input": "x', None, "not JSON"),
    (b"\xff", None, "not UTF-8"),
    (b'{"input": [{"a": ' + b"[" * 100_000, None, "nested too deeply"),
    (b"[]", None, "must be a JSON object"),
]


async def test_a_mistake_is_told_by_the_member_that_has_it(server: Podium) -> None:
    url = server.url + TURNS.format(await server.conversation())
    for body, param, word in MISTAKES:
        async with server.http.post(url, data=body) as answer:
            error = (await answer.json())["error"]
            assert (answer.status, error["param"]) == (400, param), (body[:40], error)
            assert word in error["message"], (body[:40], error)


@pytest.mark.parametrize("wishes", [None, dict.fromkeys(("conversation", "on_busy", "on_disconnect"))])
async def test_null_is_as_good_as_no_wish(server: Podium, wishes: dict[str, Any] | None) -> None:
    said = [{"role": "user", "content": "hello"}]
    told = await server.call("POST", "/v1/chat/completions", json={"messages": said, "x_podium": wishes})
    assert told["choices"][0]["message"]["content"] == "You said: hello"
