"""Every error of a door has its dialect's shape, and is what its official SDK expects."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types
from yarl import URL

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.surface import WIRES, hosts, playing

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # Google's SDK does

Json = dict[str, Any]
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
}


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=hosts, body_bytes=20_000, header_bytes=20_000) as running:
        yield running


@dataclass
class Raised:
    """What an SDK raised: its class's name, the status, the dialect's own word for the kind, the answer's headers."""

    kind: str
    status: int
    word: str | None
    message: str
    headers: Any
    request_id: str | None


async def ask_openai(url: str, model: str, said: str, key: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        await client.chat.completions.create(model=model, messages=[{"role": "user", "content": said}])


async def ask_anthropic(url: str, model: str, said: str, key: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        await client.messages.create(model=model, max_tokens=10, messages=[{"role": "user", "content": said}])


async def ask_google(url: str, model: str, said: str, key: str) -> None:
    def talk() -> None:
        client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))
        try:
            client.models.generate_content(model=model, contents=said)
        finally:
            client.close()

    await asyncio.to_thread(talk)


ASK: dict[str, Callable[[str, str, str, str], Awaitable[None]]] = {
    "openai_chat": ask_openai,
    "anthropic": ask_anthropic,
    "gemini": ask_google,
}


async def raised(server: Podium, door: str, model: str, said: str, key: str = ADMIN_KEY) -> Raised:
    try:
        await ASK[door](server.url, model, said, key)
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        kind, headers = type(error).__name__, error.response.headers
        return Raised(kind, error.status_code, error.type, error.message, headers, error.request_id)
    except errors.APIError as error:
        answered: Any = error.response
        named = answered.headers.get("x-request-id")  # this SDK has no word for it
        kind, message = type(error).__name__, error.message or ""
        return Raised(kind, error.code, error.status, message, answered.headers, named)
    pytest.fail("no error was raised")


CASES: list[tuple[str, str, str, dict[str, tuple[str, int, str | None]]]] = [
    (
        "an unknown model",
        "nobody/any",
        "hello",
        {
            "openai_chat": ("NotFoundError", 404, "invalid_request_error"),
            "anthropic": ("NotFoundError", 404, "not_found_error"),
            "gemini": ("ClientError", 404, "NOT_FOUND"),
        },
    ),
    (
        "a large body",
        "openai_chat/any",
        "x" * 30_000,
        {
            "openai_chat": ("APIStatusError", 413, "invalid_request_error"),
            "anthropic": ("ContentTooLargeError", 413, "request_too_large"),
            "gemini": ("ClientError", 413, "INVALID_ARGUMENT"),
        },
    ),
    (
        "too many requests",
        "openai_chat/any",
        "[[fault 429 retry-after=7]]",
        {
            "openai_chat": ("RateLimitError", 429, "rate_limit_error"),
            "anthropic": ("RateLimitError", 429, "rate_limit_error"),
            "gemini": ("ClientError", 429, "RESOURCE_EXHAUSTED"),
        },
    ),
    (
        "a host in trouble",
        "anthropic/any",
        "[[fault 529]]",
        {
            "openai_chat": ("InternalServerError", 503, "server_error"),
            "anthropic": ("ServiceUnavailableError", 503, "overloaded_error"),
            "gemini": ("ServerError", 503, "UNAVAILABLE"),
        },
    ),
    (
        "a request that its host refuses",
        "gemini/any",
        "[[fault 400]]",
        {
            "openai_chat": ("BadRequestError", 400, "invalid_request_error"),
            "anthropic": ("BadRequestError", 400, "invalid_request_error"),
            "gemini": ("ClientError", 400, "INVALID_ARGUMENT"),
        },
    ),
]


@pytest.mark.parametrize("door", WIRES)
@pytest.mark.parametrize(("model", "said", "told"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
async def test_an_error_is_the_sdks_own(
    server: Podium, door: str, model: str, said: str, told: dict[str, tuple[str, int, str | None]]
) -> None:
    error = await raised(server, door, model, said)
    assert (error.kind, error.status, error.word) == told[door]
    assert error.message
    assert error.headers["request-id"] == error.headers["x-request-id"] == error.request_id
    if error.status == 429:
        assert error.headers["retry-after"] == "7"


@pytest.mark.parametrize("door", WIRES)
async def test_a_wrong_key_is_told_in_the_dialect(server: Podium, door: str) -> None:
    error = await raised(server, door, "openai_chat/any", "hello", key="sk-wrong")
    words = {
        "openai_chat": ("AuthenticationError", "invalid_request_error"),
        "anthropic": ("AuthenticationError", "authentication_error"),
        "gemini": ("ClientError", "UNAUTHENTICATED"),
    }
    assert (error.kind, error.word, error.status) == (*words[door], 401)


@pytest.mark.parametrize("door", WIRES)
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_host_that_refuses_our_key_is_a_502_that_is_not_tried_again(
    server: Podium, door: str, wire: str, status: int
) -> None:
    error = await raised(server, door, f"{wire}/any", f"[[fault {status}]]")
    assert error.status == 502
    assert error.headers["x-should-retry"] == "false"
    assert "key" in error.message


async def test_the_sdks_do_not_come_again_where_that_cannot_help(server: Podium) -> None:
    for said, calls in (("[[fault 401]]", 1), ("[[fault 400]]", 2), ("[[fault 503]]", 4)):
        async with openai.AsyncOpenAI(
            base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=1
        ) as client:
            with pytest.raises(openai.APIStatusError):
                await client.chat.completions.create(
                    model="anthropic/any", messages=[{"role": "user", "content": said}]
                )
        assert len(server.host.oracle.calls) == calls


@pytest.mark.parametrize("door", WIRES)
async def test_when_all_candidates_fail_the_answer_tells_of_each_and_what_to_do(
    server: Podium, door: str
) -> None:
    error = await raised(server, door, "none", "hello")
    assert error.status == 503
    assert int(error.headers["retry-after"]) >= 1
    assert error.headers["x-should-retry"] == "true"
    for word in ("dead_openai_chat/a", "dead_gemini/b", "asked once", "Try again"):
        assert word in error.message


def shape(told: Json) -> str:
    """The dialect of an error's body."""
    if told.get("type") == "error":
        assert {"type", "message"} <= set(told["error"])
        return "anthropic"
    if "status" in told["error"]:
        assert {"code", "message", "status"} <= set(told["error"])
        return "gemini"
    assert {"message", "type", "param", "code"} <= set(told["error"])
    return "openai_chat"


@pytest.mark.parametrize("door", WIRES)
async def test_what_the_framework_refuses_has_the_dialects_shape_as_well(server: Podium, door: str) -> None:
    path = PATHS[door].format(model="openai_chat/any")
    nobody = {"authorization": ""}
    asked: list[tuple[str, str, Json, int]] = [
        ("POST", path, {"json": {}, "headers": nobody}, 401),
        ("GET", path, {}, 405),
        ("DELETE", path, {}, 405),
        ("POST", path, {"data": b"{"}, 400),
        ("POST", path, {"data": b"\xff"}, 400),
        ("POST", path, {"json": []}, 400),
        ("POST", path, {"json": {}}, 400),
        ("POST", path, {"data": b"x" * 30_000}, 413),
        ("POST", path, {"json": {}, "headers": {"x": "y" * 22_000}}, 431),
        ("POST", path, {"json": {}, "headers": {"idempotency-key": "k" * 300}}, 400),
        ("POST", path + "/nowhere", {"json": {}}, 404 if door != "gemini" else 405),
    ]
    for method, to, more, status in asked:
        async with server.http.request(method, server.url + to, **more) as answer:
            assert answer.status == status, (method, to, await answer.text())
            assert shape(await answer.json()) == door
            assert answer.headers["request-id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("door", WIRES)
async def test_a_key_used_for_another_body_is_told_in_the_dialect(server: Podium, door: str) -> None:
    path = server.url + PATHS[door].format(model="openai_chat/any")
    bodies: dict[str, Callable[[str], Json]] = {
        "openai_chat": lambda said: {"messages": [{"role": "user", "content": said}]},
        "anthropic": lambda said: {"max_tokens": 10, "messages": [{"role": "user", "content": said}]},
        "gemini": lambda said: {"contents": [{"parts": [{"text": said}]}]},
    }
    headers = {"idempotency-key": "one"}
    async with server.http.post(path, json=bodies[door]("hello"), headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["request-id"] == answer.headers["x-request-id"]
    async with server.http.post(path, json=bodies[door]("goodbye"), headers=headers) as answer:
        assert answer.status == 422
        assert shape(await answer.json()) == door


async def test_paths_that_are_not_there_are_told_in_the_clients_dialect(server: Podium) -> None:
    strays: list[tuple[str, dict[str, str], str]] = [
        ("/v1/messages/batches", {}, "anthropic"),
        ("/v1/files", {"anthropic-version": "2023-06-01"}, "anthropic"),
        ("/v1beta/cachedContents", {}, "gemini"),
        ("/v1alpha/tunedModels", {}, "gemini"),
        ("/v1/files", {"x-goog-api-key": ADMIN_KEY}, "gemini"),
        ("/v1/chat/nowhere", {}, "openai_chat"),
    ]
    for path, headers, dialect in strays:
        async with server.http.get(server.url + path, headers=headers) as answer:
            assert answer.status == 404
            assert shape(await answer.json()) == dialect, path


BLOCKED = (
    b'{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "any", "responseId": "r1",'
    b' "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}'
)


@pytest.fixture
async def strict_host(dsn: str) -> AsyncGenerator[Podium, None]:
    """A server whose host of Gemini's wire blocks every prompt."""
    paths = {
        "/v1beta/models/any:generateContent": BLOCKED,
        "/v1beta/models/any:streamGenerateContent": b"data: " + BLOCKED + b"\n\n",
    }
    async with playing(paths) as base:

        def catalogue(_: Simulator) -> Catalogue:
            gemini = Endpoint("gemini", "gemini", base)
            return Catalogue(endpoints={"gemini": gemini}, allow_unpriced=True)

        async with podium(dsn, catalogue=catalogue) as running:
            yield running


async def test_a_blocked_prompt_is_an_empty_filtered_answer_of_openais(strict_host: Podium) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{strict_host.url}/v1", api_key=ADMIN_KEY, max_retries=0
    ) as client:
        asked: Any = {"model": "gemini/any", "messages": [{"role": "user", "content": "hello"}]}
        answer = await client.chat.completions.create(**asked)
        [choice] = answer.choices
        assert (choice.finish_reason, choice.message.content or "") == ("content_filter", "")
        assert answer.usage is not None
        assert answer.usage.prompt_tokens == 7
        chunks = [chunk async for chunk in await client.chat.completions.create(**asked, stream=True)]
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == [
        "content_filter"
    ]
    assert not [c.delta.content for chunk in chunks for c in chunk.choices if c.delta.content]


async def test_a_model_whose_name_leads_out_of_the_hosts_models_is_refused_by_name(
    strict_host: Podium,
) -> None:
    body: Any = {"model": "gemini/x/../any", "messages": [{"role": "user", "content": "hello"}]}
    async with strict_host.http.post(f"{strict_host.url}/v1/chat/completions", json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["param"] == "model"
    url = URL(f"{strict_host.url}/v1beta/models/gemini/..%2Fmodels%2Fany:generateContent", encoded=True)
    asked: Any = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    async with strict_host.http.post(url, json=asked) as answer:
        assert answer.status == 400
        assert "model" in (await answer.json())["error"]["message"]


async def test_a_blocked_prompt_is_an_empty_refusal_of_anthropics(strict_host: Podium) -> None:
    async with anthropic.AsyncAnthropic(base_url=strict_host.url, api_key=ADMIN_KEY, max_retries=0) as client:
        asked: Any = {
            "model": "gemini/any",
            "max_tokens": 10,
            "messages": [{"role": "user", "content": "hello"}],
        }
        answer = await client.messages.create(**asked)
        assert (answer.stop_reason, answer.content, answer.usage.input_tokens) == ("refusal", [], 7)
        async with client.messages.stream(**asked) as stream:
            final = await stream.get_final_message()
    assert (final.stop_reason, final.content, final.usage.input_tokens) == ("refusal", [], 7)


async def test_a_blocked_prompt_is_told_to_googles_as_it_came(strict_host: Podium) -> None:
    def talk() -> list[types.GenerateContentResponse]:
        client = genai.Client(api_key=ADMIN_KEY, http_options=types.HttpOptions(base_url=strict_host.url))
        whole = client.models.generate_content(model="gemini/any", contents="hello")
        pieces = list(client.models.generate_content_stream(model="gemini/any", contents="hello"))
        client.close()
        return [whole, *pieces]

    for answer in await asyncio.to_thread(talk):
        assert not answer.candidates
        assert answer.prompt_feedback is not None
        assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
