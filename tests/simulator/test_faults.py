"""What the simulator does wrong on request, as the official SDK and bare sockets see it."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from podium.errors import OperatorError
from podium.simulator import Options, Simulator, serving
from tests.simulator.serving import simulator, wait_for, wait_until_idle
from tests.simulator.test_answers import ask, text_of, user


@pytest.fixture
async def host() -> AsyncGenerator[Simulator, None]:
    async with simulator() as running:
        yield running


@pytest.fixture
async def sdk(host: Simulator) -> AsyncGenerator[openai.AsyncOpenAI, None]:
    async with openai.AsyncOpenAI(base_url=host.url, api_key="any", max_retries=0) as client:
        yield client


async def raw(host: Simulator, text: str, *, stream: bool = True) -> bytes:
    """All bytes of a response, from a bare socket, until the host closes or has ended it."""
    body = json.dumps({"model": "echo", "stream": stream, "messages": user(text)}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(host.root.rpartition(":")[2]))
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    )
    writer.write(head % len(body) + body)
    try:
        return await reader.read(-1)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (413, openai.APIStatusError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
async def test_an_error_status_is_the_sdk_s_own_error(
    sdk: openai.AsyncOpenAI, host: Simulator, status: int, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error) as raised:
        await ask(sdk, f"[[fault {status} retry-after=7]]")
    assert raised.value.status_code == status
    assert raised.value.response.headers["retry-after"] == "7"
    if status in (400, 404, 413, 422):
        assert raised.value.type == "invalid_request_error"
        assert raised.value.code == ("model_not_found" if status == 404 else "invalid_request")
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert (served.ended, served.input, served.output) == ("refused", 0, 0)


async def test_a_fault_may_strike_the_first_calls_only(host: Simulator) -> None:
    async with openai.AsyncOpenAI(base_url=host.url, api_key="any", max_retries=3) as sdk:
        rule = "[[fault 500 times=2 key=one retry-after=1ms]]"
        assert await text_of(sdk, rule + " hi") == "You said: hi"
    assert [call.status for call in host.oracle.calls] == [500, 500, 200]


async def test_faults_with_other_keys_are_counted_apart(sdk: openai.AsyncOpenAI) -> None:
    for key in ("a", "b"):
        with pytest.raises(openai.InternalServerError):
            await ask(sdk, f"[[fault 500 times=1 key={key}]]")
        assert await text_of(sdk, f"[[fault 500 times=1 key={key}]] ok") == "You said: ok"


async def test_forgetting_lets_faults_strike_again(sdk: openai.AsyncOpenAI, host: Simulator) -> None:
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            await ask(sdk, "[[fault 500 times=1 key=x]]")
        await sdk.delete(f"{host.root}/oracle", cast_to=object, options={"headers": {"accept": "*/*"}})
        assert not host.oracle.calls


@pytest.mark.parametrize("fault", ["reset after=request", "close after=request", "reset", "close"])
async def test_a_broken_connection_is_one_for_the_sdk(sdk: openai.AsyncOpenAI, fault: str) -> None:
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        await ask(sdk, f"[[fault {fault}]]")


async def test_a_reset_is_a_reset_and_not_an_end(host: Simulator) -> None:
    with pytest.raises(ConnectionResetError):
        await raw(host, "[[fault reset after=request]]")
    assert await raw(host, "[[fault close after=request]]") == b""


async def test_an_early_end_is_good_http_without_the_last_word(host: Simulator) -> None:
    told = await raw(host, "[[fault end after=2]]")
    assert told.endswith(b"0\r\n\r\n")
    assert b"[DONE]" not in told
    assert b'"finish_reason":"stop"' not in told
    assert b" said" in told


async def test_a_hang_may_end_after_its_seconds(sdk: openai.AsyncOpenAI) -> None:
    began = time.monotonic()
    assert await text_of(sdk, "[[fault hang after=request seconds=0.2]] hi") == "You said: hi"
    assert time.monotonic() - began > 0.2


async def test_a_redirect_names_where_to(host: Simulator) -> None:
    told = await raw(host, "[[fault redirect to=http://elsewhere.invalid/]]")
    assert told.startswith(b"HTTP/1.1 307")
    assert b"location: http://elsewhere.invalid/" in told


async def test_a_zipped_answer_is_read_by_the_sdk(sdk: openai.AsyncOpenAI) -> None:
    assert await text_of(sdk, "[[fault gzip]] hi") == "You said: hi"


async def test_characters_are_split_between_pieces(host: Simulator) -> None:
    told = await raw(host, "[[fault drip bytes=1]] ü")
    assert b"1\r\n\xc3\r\n1\r\n\xbc\r\n" in told


async def test_a_stream_may_come_where_a_document_was_asked_for(host: Simulator) -> None:
    assert b"text/event-stream" in await raw(host, "[[fault sse]]", stream=False)
    assert b"application/json" in await raw(host, "[[fault json]]", stream=True)


async def test_the_refusing_port_refuses(host: Simulator) -> None:
    async with openai.AsyncOpenAI(base_url=host.refusing_url, api_key="any", max_retries=0) as sdk:
        with pytest.raises(openai.APIConnectionError) as raised:
            await ask(sdk, "hi")
    assert isinstance(raised.value.__cause__, httpx2.ConnectError)


# ── the oracle ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_oracle_counts_what_was_told(sdk: openai.AsyncOpenAI, host: Simulator) -> None:
    answer = await ask(sdk, "[[reason tokens=4]] [[cached=3]] hello")
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert served.id == answer.id
    assert served.input + served.cached_input == answer.usage.prompt_tokens
    assert served.output + served.reasoning == answer.usage.completion_tokens
    assert (served.ended, served.cached_input, served.reasoning) == ("complete", 3, 4)


@pytest.mark.parametrize("usage", ["absent", "negative", "absurd", "cumulative"])
async def test_the_oracle_counts_the_truth_whatever_is_told(
    sdk: openai.AsyncOpenAI, host: Simulator, usage: str
) -> None:
    await ask(sdk, f"[[usage={usage}]] one two")
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert served.output == 5


async def test_the_oracle_sees_calls_that_run_and_clients_that_leave(
    sdk: openai.AsyncOpenAI, host: Simulator
) -> None:
    stream = await ask(sdk, "[[fault hang after=2]]", stream=True)
    await wait_for(lambda: host.oracle.running and host.oracle.running[0].chunks == 2)
    report = await sdk.get(f"{host.root}/oracle", cast_to=dict[str, Any])
    assert report["in_flight"] == 1
    assert report["running"][0]["output"] == 2
    await stream.close()
    assert await wait_for(lambda: not host.oracle.running) < 0.5
    assert host.oracle.calls[-1].ended == "client_gone"


async def test_the_oracle_tells_only_what_is_new(sdk: openai.AsyncOpenAI, host: Simulator) -> None:
    for _ in range(3):
        await ask(sdk, "hi", extra_headers={"x-podium-attempt": "att_1"})
    await wait_until_idle(host, calls=3)
    report = await sdk.get(f"{host.root}/oracle?after=2", cast_to=dict[str, Any])
    assert [call["number"] for call in report["calls"]] == [3]
    assert report["calls"][0]["attempt"] == "att_1"


async def test_every_call_is_a_line_of_the_oracle_s_file(tmp_path: Path) -> None:
    path = tmp_path / "oracle.jsonl"
    async with simulator(oracle=path) as host, openai.AsyncOpenAI(base_url=host.url, api_key="any") as sdk:
        await ask(sdk, "one")
        await ask(sdk, "two")
        await wait_until_idle(host, calls=2)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["said"], line["ended"]) for line in lines] == [("one", "complete"), ("two", "complete")]


# ── the server ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_taken_port_is_told_plainly(host: Simulator) -> None:
    taken = int(host.root.rpartition(":")[2])
    with pytest.raises(OperatorError, match=str(taken)):
        async with serving(Options(), port=taken):
            pass


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("absent.toml", None),
        ("broken.toml", "[[rules"),
        ("broken.json", "{"),
        ("unknown.json", '{"rules": [{"answers": "x"}]}'),
        ("expression.json", '{"rules": [{"match": "(", "answer": "x"}]}'),
    ],
)
async def test_a_wrong_script_is_told_plainly(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(OperatorError, match="script"):
        async with simulator(script=tmp_path / name):
            pass


SERVING = """
import asyncio
import contextlib
from podium.simulator import Options, serve
asyncio.run(serve(Options(), port=0, started=lambda host: print(host.root, flush=True)))
"""


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_a_served_one_ends_well_when_told_to(told: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVING, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    root = (await process.stdout.readline()).decode().strip()
    async with openai.AsyncOpenAI(base_url=f"{root}/v1", api_key="any", max_retries=0) as sdk:
        stream = await ask(sdk, "[[fault hang after=2]]", stream=True)
        await anext(aiter(stream))
        process.send_signal(told)
        assert await asyncio.wait_for(process.wait(), 5) == 0
        await stream.close()


async def test_it_ends_at_once_whatever_still_runs() -> None:
    async with simulator() as host:
        asked = asyncio.create_task(raw(host, "[[fault hang]]"))
        await wait_for(lambda: host.oracle.running)
        began = time.monotonic()
    took = time.monotonic() - began
    with contextlib.suppress(ConnectionError):
        assert b"[DONE]" not in await asked
    assert took < 5.0  # at once; the rest is for a busy machine


async def test_two_hundred_streams_keep_their_pace(host: Simulator) -> None:
    began = time.monotonic()
    told = await asyncio.gather(*(raw(host, "[[tokens=30 rate=60]]") for _ in range(200)))
    assert all(b"[DONE]" in each for each in told)
    assert time.monotonic() - began < 10.0  # half a second by the clock; the rest is for a busy machine
