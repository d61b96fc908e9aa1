"""The simulator on each of its wires, as the wire's official SDK sees it: answers, and faults by every means."""

import re
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types

from podium.simulator import Simulator
from tests.doors.clients import WIRES, Told, ask
from tests.simulator.serving import simulator, wait_until_idle

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class:DeprecationWarning"
)  # Google's SDK does that

PATHS = {
    "openai_chat": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/echo:streamGenerateContent",
}
STOPPED = {"openai_chat": "stop", "anthropic": "end_turn", "gemini": "STOP"}


@pytest.fixture
async def host() -> AsyncGenerator[Simulator, None]:
    async with simulator() as running:
        yield running


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def body(wire: str, text: str) -> dict[str, Any]:
    """A streamed request in this dialect."""
    if wire == "gemini":
        return {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return {
        "model": "echo",
        "stream": True,
        **({"stream_options": {"include_usage": True}} if wire == "openai_chat" else {}),
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
    }


async def raw(host: Simulator, wire: str, text: str) -> bytes:
    """The bytes of a streamed answer, as far as they came."""
    told = bytearray()
    query = {"alt": "sse"} if wire == "gemini" else {}
    async with (
        aiohttp.ClientSession() as http,
        http.post(host.root + PATHS[wire], params=query, json=body(wire, text)) as answer,
    ):
        async for piece in answer.content.iter_any():
            told += piece
    return bytes(told)


async def follow(host: Simulator, *rules: dict[str, str]) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.put(f"{host.root}/script", json={"rules": rules}) as done,
    ):
        assert done.ok, await done.text()


def assert_refused(told: Told, status: int) -> None:
    assert told.error is not None
    assert (told.status, told.text) == (status, "")


async def test_it_answers_and_counts_truly_on_each_wire(host: Simulator, wire: str, stream: bool) -> None:
    told = await ask(host.root, wire, "echo", "hello", stream=stream)
    assert (told.text, told.finish, told.error) == ("You said: hello", STOPPED[wire], None)
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert told.usage == (served.usage.input_total, served.usage.output_total)
    assert served.stream is stream


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 529])
async def test_an_error_status_is_the_sdks_own_error_on_each_wire(
    host: Simulator, wire: str, status: int
) -> None:
    assert_refused(await ask(host.root, wire, "echo", f"[[fault {status}]]", stream=True), status)


async def test_a_fault_is_asked_for_by_header_on_each_wire(host: Simulator, wire: str, stream: bool) -> None:
    headers = {"x-simulate": "fault 503"}
    assert_refused(await ask(host.root, wire, "echo", "hello", stream=stream, headers=headers), 503)
    assert (await ask(host.root, wire, "echo", "hello", stream=stream)).text == "You said: hello"


async def test_a_fault_is_asked_for_by_script_on_each_wire(host: Simulator, wire: str, stream: bool) -> None:
    await follow(
        host, {"model": "flaky", "answer": "[[fault 503]]"}, {"match": "boom", "answer": "[[fault 500]]"}
    )
    assert_refused(await ask(host.root, wire, "flaky", "hello", stream=stream), 503)
    assert_refused(await ask(host.root, wire, "echo", "boom", stream=stream), 500)
    assert (await ask(host.root, wire, "echo", "hello", stream=stream)).text == "You said: hello"


async def test_an_error_in_mid_stream_is_the_dialects_own(host: Simulator, wire: str) -> None:
    told = await ask(host.root, wire, "echo", "[[fault error status=529 after=2]] hello", stream=True)
    assert told.error is not None
    assert "529" in told.message
    assert (told.text, told.finish) == ("You said", None)


@pytest.mark.parametrize("place", ["after=2", "after=99"])
async def test_a_stream_that_ends_early_lacks_its_terminator_on_each_wire(
    host: Simulator, wire: str, place: str
) -> None:
    told = await raw(host, wire, f"[[fault end {place}]] hello")
    assert b"said" in told
    for word in (b'"finish_reason":"stop"', b"[DONE]", b"message_stop", b"end_turn", b"finishReason"):
        assert word not in told


@pytest.mark.parametrize("at", [0, 1, 57, 200])
async def test_a_body_is_cut_at_any_byte_on_each_wire(host: Simulator, wire: str, at: int) -> None:
    assert len(await raw(host, wire, f"[[fault end at={at}]] hello")) == at
    served = await wait_until_idle(host)
    assert served is not None
    assert (served.ended, served.bytes) == ("cut", at)


async def test_a_chunk_may_be_sent_twice_and_a_stream_as_well(host: Simulator, wire: str) -> None:
    told = await raw(host, wire, "[[fault twice after=1]] [[say hi]]")
    assert told.count(b'"hi"') == 2
    told = await raw(host, wire, "[[fault repeat]] [[say hi]]")
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    served = await wait_until_idle(host, calls=2)
    assert served is not None
    assert served.output == 1


async def test_a_chunk_may_be_nested_deeply(host: Simulator, wire: str) -> None:
    told = await raw(host, wire, "[[fault deep size=5 after=1]] [[say hi]]")
    assert told.count(b'{"deep":[[[[[]]]]],') == 1


@pytest.mark.parametrize("usage", ["absent", "null", "negative", "absurd", "float", "text"])
async def test_a_strange_count_is_told_on_each_wire(host: Simulator, wire: str, usage: str) -> None:
    told = await raw(host, wire, f"[[usage={usage}]] hello")
    counts = rb'okens": ?([^,}]+)|TokenCount": ?([^,}]+)'
    said = {first or second for first, second in re.findall(counts, told)}
    if usage in ("absent", "null"):
        assert said <= {b"0"}  # Anthropic's message cannot begin without
        return
    fits = {"negative": rb"-\d+", "absurd": rb"10{12}|20{12}|0", "float": rb"\d+\.5", "text": rb'".*"'}[usage]
    assert said
    assert all(re.fullmatch(fits, each) or each == b"0" for each in said)


async def test_anthropics_wire_tells_the_input_at_once(host: Simulator) -> None:
    told = await raw(host, "anthropic", "[[fault end after=1]] hello")
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert b'"input_tokens":%d' % served.input in told


async def test_anthropics_hosts_tell_which_stop_sequence_was_hit(host: Simulator) -> None:
    text = "[[say one, two, three]] [[call look {}]]"
    async with AsyncAnthropic(base_url=host.root, api_key="sk", max_retries=0) as client:
        asked: Any = {"model": "echo", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}
        told = await client.messages.create(**asked, stop_sequences=["three", "two", "four"])
        async with client.messages.stream(**asked, stop_sequences=["three", "two", "four"]) as stream:
            streamed = await stream.get_final_message()
        for each in (told, streamed):
            assert [block.to_dict()["text"] for block in each.content] == ["one, "], "nothing follows a stop"
            assert (each.stop_reason, each.stop_sequence) == ("stop_sequence", "two")
        told = await client.messages.create(**asked, stop_sequences=["four"])
        assert (told.stop_reason, told.stop_sequence) == ("tool_use", None)
        told = await client.messages.create(**{**asked, "max_tokens": 1}, stop_sequences=["two"])
        assert (told.stop_reason, told.stop_sequence) == ("max_tokens", None)


async def test_geminis_hosts_answer_a_choice_with_its_bare_word(host: Simulator) -> None:
    client = genai.Client(api_key="sk", http_options=types.HttpOptions(base_url=host.root))
    for kind, word in (("text/x.enum", "red"), ("application/json", '"red"')):
        config = types.GenerateContentConfig(
            response_mime_type=kind, response_schema={"type": "STRING", "enum": ["red", "blue"]}
        )
        told = await client.aio.models.generate_content(model="echo", contents="a colour", config=config)
        assert told.text == word
    await client.aio.aclose()
