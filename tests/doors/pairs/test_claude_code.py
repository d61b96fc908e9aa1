"""Claude Code's requests, as its command line sends them to a gateway, before hosts of each wire.

Its shape (`POST /v1/messages?beta=true`, headers, system blocks with the billing line, reminders, cache breakpoints,
adaptive thinking, context management) is what the 2.1 versions send when ANTHROPIC_BASE_URL names another host.
"""

import json
from typing import Any

import pytest

from tests.doors.pairs.setting import PNG64, WIRES
from tests.doors.podium import ADMIN_KEY, Podium

pytestmark = pytest.mark.asyncio(loop_scope="package")

HEADERS = {
    "accept": "application/json",
    "anthropic-beta": (
        "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,"
        "prompt-caching-scope-2026-01-05,effort-2025-11-24"
    ),
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "user-agent": "claude-cli/2.1.161 (external, cli)",
    "x-app": "cli",
    "x-claude-code-session-id": "fe79bd85-e0f6-4811-b886-8af6dc007e6d",
    "x-stainless-arch": "x64",
    "x-stainless-lang": "js",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "0.94.0",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "node",
    "x-stainless-runtime-version": "v24.3.0",
    "x-stainless-timeout": "600",
}
EPHEMERAL = {"type": "ephemeral", "ttl": "1h"}
USER = json.dumps({"device_id": "b42919dc", "account_uuid": "", "session_id": "fe79bd85"})
SYSTEM = [
    {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.161.560; cc_entrypoint=cli; cch=0;"},
    {"type": "text", "text": "You are Claude Code.", "cache_control": EPHEMERAL},
    {"type": "text", "text": "# Environment\nLinux", "cache_control": EPHEMERAL},
]
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """A tool as it declares its own."""
    schema = {
        "$schema": DRAFT,
        "type": "object",
        "properties": properties,
        "required": list(properties)[:1],
        "additionalProperties": False,
    }
    return {"name": name, "description": f"Runs {name}.", "input_schema": schema}


TOOLS = [
    tool("Bash", command={"type": "string"}, timeout={"type": "number", "minimum": 0}),
    tool("Read", file_path={"type": "string"}, offset={"type": "integer", "exclusiveMinimum": 0}),
    tool(
        "AskUserQuestion",
        questions={
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "question": {"type": "string"},
                    "kind": {"anyOf": [{"const": "one"}, {"type": "null"}]},
                },
                "propertyNames": {"type": "string"},
            },
        },
    ),
    *(tool(f"mcp__server__tool_{number}", text={"type": "string"}) for number in range(40)),
]
REMINDER = {"type": "text", "text": "<system-reminder>\nAs you answer, be kind.\n</system-reminder>\n"}


def first(text: str) -> list[Any]:
    """The first message of a session."""
    said = {"type": "text", "text": text, "cache_control": EPHEMERAL}
    return [{"role": "user", "content": [REMINDER, said]}]


def body(wire: str, messages: list[Any], **more: Any) -> dict[str, Any]:
    """The body of a main request."""
    return {
        "model": f"{wire}/any",
        "messages": messages,
        "system": SYSTEM,
        "tools": TOOLS,
        "metadata": {"user_id": USER},
        "max_tokens": 32_000,
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
        "stream": True,
        **more,
    }


async def sent(house: Podium, members: dict[str, Any], path: str = "/v1/messages") -> tuple[Any, Any]:
    """The answer's JSON, or its events; and its headers."""
    headers = {**HEADERS, "authorization": f"Bearer {ADMIN_KEY}"}
    async with house.http.post(f"{house.url}{path}?beta=true", json=members, headers=headers) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        if answer.content_type == "text/event-stream":
            lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
            return [json.loads(line) for line in lines], answer.headers
        return json.loads(text), answer.headers


def text_of(events: list[Any]) -> str:
    return "".join(
        each["delta"]["text"]
        for each in events
        if each["type"] == "content_block_delta" and each["delta"]["type"] == "text_delta"
    )


def calls_of(events: list[Any]) -> list[tuple[str, str, Any]]:
    """Ids, names and arguments of the calls that a stream made."""
    starts = {e["index"]: e["content_block"] for e in events if e["type"] == "content_block_start"}
    typed = dict.fromkeys(starts, "")
    for each in events:
        if each["type"] == "content_block_delta" and each["delta"]["type"] == "input_json_delta":
            typed[each["index"]] += each["delta"]["partial_json"]
    return [
        (block["id"], block["name"], json.loads(typed[index] or "{}"))
        for index, block in starts.items()
        if block["type"] == "tool_use"
    ]


async def test_a_session_begins(house: Podium, wire: str) -> None:
    events, headers = await sent(house, body(wire, first("[[recall]]")))
    told = text_of(events)
    assert "You are Claude Code." in told
    assert "be kind." in told
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    [end] = [each for each in events if each["type"] == "message_delta"]
    assert end["delta"]["stop_reason"] == "end_turn"
    assert end["usage"]["output_tokens"] > 0
    dropped = headers.get("x-podium-dropped", "")
    if wire == "anthropic":
        assert not dropped
    else:
        assert {"metadata", "context_management"} <= set(dropped.split(", "))


async def test_it_works_with_tools_thinking_and_what_went_wrong(house: Podium, wire: str) -> None:
    plan = (
        '[[reason Hm.]] [[say Let me look.]] [[call Bash {"command": "ls"}]] [[call Read {"file_path": "a"}]]'
    )
    messages = first(f"{plan} [[next]] [[call Bash {{}}]] [[next]] [[say All done.]]")
    events, _ = await sent(house, body(wire, messages))
    starts = [each["content_block"]["type"] for each in events if each["type"] == "content_block_start"]
    assert starts[:2] == ["thinking", "text"]
    calls = calls_of(events)
    assert [(name, given) for _, name, given in calls] == [
        ("Bash", {"command": "ls"}),
        ("Read", {"file_path": "a"}),
    ]
    used = [{"type": "tool_use", "id": id_, "name": name, "input": given} for id_, name, given in calls]
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG64}}
    results = [
        {"type": "tool_result", "tool_use_id": calls[0][0], "content": "no such file", "is_error": True},
        {"type": "tool_result", "tool_use_id": calls[1][0], "content": [picture], "cache_control": EPHEMERAL},
    ]
    messages += [
        {"role": "assistant", "content": [{"type": "text", "text": "Let me look."}, *used]},
        {"role": "user", "content": results},
    ]
    events, _ = await sent(house, body(wire, messages))
    if (
        wire != "openai_chat"
    ):  # there the picture stands in a message of the user's, and the rules are not the last said
        assert [name for _, name, _ in calls_of(events)] == ["Bash"]
    assert events[-1]["type"] == "message_stop"


@pytest.mark.parametrize("former", WIRES)
async def test_a_session_that_began_with_another_host_goes_on(house: Podium, wire: str, former: str) -> None:
    """With the former's thinking, an empty result, an interruption, a system text in mid-session."""
    messages = first(f'[[reason Hm.]] [[say Well.]] [[call Bash {{"command": "{former} {wire}"}}]]')
    began, _ = await sent(house, body(former, messages, stream=False))
    [call] = [each for each in began["content"] if each["type"] == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": ""}
    interrupted = {"type": "text", "text": "[Request interrupted by user]"}
    messages += [
        {"role": "assistant", "content": began["content"]},
        {"role": "user", "content": [result, interrupted, {"type": "text", "text": "[[recall]]"}]},
    ]
    events, _ = await sent(house, body(wire, messages))
    told = text_of(events)
    assert told.index("assistant: Well.") < told.index("[Request interrupted by user]")
    later = [*messages, {"role": "system", "content": "Be brief."}]
    events, _ = await sent(house, body(wire, later))
    assert "Be brief." in text_of(events)


async def test_its_small_requests_work(house: Podium, wire: str) -> None:
    """A probe of the quota; a title for the session, by a JSON schema; both without tools and thinking."""
    quota = {
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "quota"}],
        "metadata": {"user_id": USER},
    }
    told, _ = await sent(house, {"model": f"{wire}/any", **quota})
    assert (told["type"], told["stop_reason"]) == ("message", "max_tokens")
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}},
        "required": ["title"],
        "additionalProperties": False,
    }
    title = body(wire, first("hello"), tools=[], temperature=1, system=SYSTEM[:2])
    title["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    title["thinking"] = {"type": "disabled"}
    events, _ = await sent(house, title)
    assert set(json.loads(text_of(events))) == {"title"}


async def test_it_counts_tokens_by_every_host(house: Podium, wire: str) -> None:
    members = {"model": f"{wire}/any", "messages": first("hello"), "system": SYSTEM, "tools": TOOLS}
    told, _ = await sent(house, members, "/v1/messages/count_tokens")
    assert told["input_tokens"] > 0
    alone, _ = await sent(
        house,
        {"model": f"{wire}/any", "messages": [{"role": "user", "content": "foo"}], "tools": TOOLS[:1]},
        "/v1/messages/count_tokens",
    )
    assert 0 < alone["input_tokens"] < told["input_tokens"]


async def test_its_probes_are_answered(house: Podium) -> None:
    async with house.http.head(house.url) as answer:
        assert answer.status == 200
    headers = {**HEADERS, "x-api-key": ADMIN_KEY}
    async with house.http.get(f"{house.url}/v1/models?limit=1000", headers=headers) as answer:
        told = await answer.json()
    assert (answer.status, told["has_more"]) == (200, False)
    assert all(each["type"] == "model" and each["display_name"] for each in told["data"])


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire != "anthropic"])
async def test_a_search_that_its_host_would_run_is_refused_by_name(house: Podium, wire: str) -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
    choice = {"type": "tool", "name": "web_search"}
    members = body(wire, first("hello"), tools=[search], tool_choice=choice)
    headers = {**HEADERS, "x-api-key": ADMIN_KEY}
    async with house.http.post(f"{house.url}/v1/messages?beta=true", json=members, headers=headers) as answer:
        told = await answer.json()
    assert (answer.status, told["error"]["type"]) == (400, "invalid_request_error")
    assert "web_search" in told["error"]["message"]
