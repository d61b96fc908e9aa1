"""Open WebUI's requests, as it sends them to an OpenAI connection, before hosts of each wire.

Its backend lists the models, then streams chats with their parameters, pictures and functions, and asks for titles,
tags and follow-ups without streaming. Its own members (`chat_id`, `session_id`, `files`, `features`, an object as
`user` and more, sent to pipelines and by older versions) are hints; who the user is, it may tell in headers.
"""

import json
from typing import Any

import pytest

from tests.doors.pairs.setting import PNG, PNG64
from tests.doors.podium import Podium

pytestmark = pytest.mark.asyncio(loop_scope="package")

HEADERS = {
    "x-openwebui-user-name": "Ann%20Lee",
    "x-openwebui-user-id": "5c2e",
    "x-openwebui-user-email": "ann@example.com",
    "x-openwebui-user-role": "user",
    "x-openwebui-chat-id": "0a1b",
    "accept": "*/*",
}
OWN = {
    "chat_id": "0a1b",
    "session_id": "kW2c",
    "id": "9d3e",
    "files": [{"type": "file", "id": "f1", "name": "notes.txt", "status": "uploaded"}],
    "features": {"image_generation": False, "code_interpreter": False, "web_search": False, "memory": False},
    "variables": {"{{USER_NAME}}": "Ann", "{{CURRENT_DATE}}": "2026-11-21"},
    "model_item": {"id": "any", "object": "model", "owned_by": "openai", "info": {"meta": {}}},
    "tool_servers": [],
    "tool_ids": None,
    "filter_ids": [],
    "background_tasks": {"title_generation": True, "tags_generation": True},
    "metadata": {"task": "title_generation", "chat_id": "0a1b"},
    "user": {"name": "Ann", "id": "5c2e", "email": "ann@example.com", "role": "user"},
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


async def sent(house: Podium, members: dict[str, Any]) -> Any:
    """The answer's JSON; of a stream its chunks, which must end with `[DONE]`."""
    path = f"{house.url}/v1/chat/completions"
    async with house.http.post(path, json=members, headers=HEADERS) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        if not members["stream"]:
            return json.loads(text)
        lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        assert lines[-1] == "[DONE]"
        return [json.loads(line) for line in lines[:-1]]


def text_of(chunks: list[Any]) -> str:
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks if each["choices"])


async def test_the_models_are_listed_for_its_menu(house: Podium) -> None:
    async with house.http.get(f"{house.url}/v1/models", headers=HEADERS) as answer:
        told = await answer.json()
    assert (answer.status, told["object"]) == (200, "list")
    assert all(each["object"] == "model" and each["id"] for each in told["data"])


async def test_a_chat_streams_with_its_usage(house: Podium, wire: str) -> None:
    chunks = await sent(
        house,
        {
            "stream": True,
            "model": f"{wire}/any",
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": "Good day."},
                {"role": "user", "content": "[[recall]]"},
            ],
            "stream_options": {"include_usage": True},
        },
    )
    assert text_of(chunks) == "system: Be kind.\nuser: hello\nassistant: Good day.\nuser: [[recall]]"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert len({each["id"] for each in chunks}) == 1


async def test_its_own_members_and_parameters_do_no_harm(house: Podium, wire: str) -> None:
    chunks = await sent(
        house,
        {
            "stream": True,
            "model": f"{wire}/any",
            "messages": [{"role": "user", "content": "hello"}],
            "temperature": 0.7,
            "top_p": 0.9,
            "top_k": 40,
            "min_p": 0.05,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.1,
            "repeat_penalty": 1.1,
            "seed": 7,
            "stop": ["STOP"],
            "max_tokens": 500,
            "reasoning_effort": "medium",
            "logit_bias": {},
            **OWN,
        },
    )
    assert text_of(chunks) == "You said: hello"


async def test_pictures_of_a_chat_are_seen(house: Podium, wire: str) -> None:
    url = f"data:image/png;base64,{PNG64}"
    parts = [{"type": "text", "text": "[[recall]]"}, {"type": "image_url", "image_url": {"url": url}}]
    messages = [{"role": "user", "content": parts}]
    chunks = await sent(house, {"stream": True, "model": f"{wire}/any", "messages": messages})
    assert text_of(chunks) == f"user: [[recall]] [image image/png, {len(PNG)} bytes]"


async def test_its_functions_go_round_while_streaming(house: Podium, wire: str) -> None:
    """Its backend runs them, and appends the call as it collected it, with an index and empty content."""
    messages: list[Any] = [{"role": "user", "content": '[[call get_weather {"city": "Oslo"}]]'}]
    asked = {"stream": True, "model": f"{wire}/any", "messages": messages, "tools": [WEATHER]}
    chunks = await sent(house, asked)
    collected: dict[int, dict[str, Any]] = {}
    for delta in (d for c in chunks for o in c["choices"] for d in o["delta"].get("tool_calls") or ()):
        call = collected.setdefault(delta["index"], delta)
        if call is not delta:
            call["function"]["arguments"] += delta["function"]["arguments"]
    [call] = collected.values()
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
    messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
    messages.append({"role": "tool", "tool_call_id": call["id"], "content": "4 degrees"})
    assert text_of(await sent(house, asked)) == "The tools said: 4 degrees"


async def test_thinking_is_shown_to_it_and_may_come_back(house: Podium, wire: str) -> None:
    """It shows `reasoning_content`, and sends it back within the text, folded away in `<details>`."""
    asked = {
        "stream": True,
        "model": f"{wire}/any",
        "messages": [{"role": "user", "content": "[[reason Hm.]]"}],
    }
    chunks = await sent(house, asked)
    thought = [c["choices"][0]["delta"].get("reasoning_content") or "" for c in chunks if c["choices"]]
    assert "".join(thought) == "Hm."
    kept = {"role": "assistant", "content": "Well.", "reasoning_content": "Hm."}
    asked["messages"] = [{"role": "user", "content": "hello"}, kept, {"role": "user", "content": "and now?"}]
    assert text_of(await sent(house, asked)) == "You said: and now?"


async def test_titles_and_tags_are_made_without_streaming(house: Podium, wire: str) -> None:
    members: dict[str, Any] = {
        "model": f"{wire}/any",
        "messages": [{"role": "user", "content": '### Task: a title. [[say {"title": "Hello"}]]'}],
        "stream": False,
        "metadata": {"task": "title_generation", "chat_id": "0a1b", "task_body": {"model": "any"}},
    }
    for cap in ("max_tokens", "max_completion_tokens"):
        told = await sent(house, {**members, cap: 1000})
        assert told["object"] == "chat.completion"
        assert json.loads(told["choices"][0]["message"]["content"]) == {"title": "Hello"}
