"""A host's errors through the nine pairs: each SDK raises the class that its maker documents, whatever the wire."""

from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors, types

from tests.doors.pairs.setting import Clients, said

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

OPENAIS = {
    "400": openai.BadRequestError,
    "401": openai.InternalServerError,  # our key, not the caller's
    "404": openai.NotFoundError,
    "422": openai.UnprocessableEntityError,
    "429": openai.RateLimitError,
    "500": openai.InternalServerError,
    "529": openai.InternalServerError,
}
ANTHROPICS = {
    "400": (anthropic.BadRequestError, "invalid_request_error"),
    "401": (anthropic.InternalServerError, "api_error"),
    "404": (anthropic.NotFoundError, "not_found_error"),
    "413": (anthropic.ContentTooLargeError, "request_too_large"),
    "429": (anthropic.RateLimitError, "rate_limit_error"),
    "500": (anthropic.InternalServerError, "overloaded_error"),
    "529": (anthropic.InternalServerError, "overloaded_error"),
}
GEMINIS: dict[str, tuple[type[errors.APIError], int, str]] = {
    "400": (errors.ClientError, 400, "INVALID_ARGUMENT"),
    "401": (errors.ServerError, 502, "INTERNAL"),
    "404": (errors.ClientError, 404, "NOT_FOUND"),
    "429": (errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    "500": (errors.ServerError, 503, "UNAVAILABLE"),
    "529": (errors.ServerError, 503, "UNAVAILABLE"),
}
MIDWAY = ["error", "end", "reset", "bad-json"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", OPENAIS)
async def test_openais_sdk_raises_its_own(
    clients: Clients, wire: str, status: str, *, streamed: bool
) -> None:
    create: Any = clients.openai.chat.completions.create
    with pytest.raises(OPENAIS[status]) as caught:
        await create(model=f"once_{wire}/{status}", messages=said(f"[[fault {status}]]"), stream=streamed)
    body: Any = caught.value.body
    assert (bool(caught.value.request_id), bool(body["message"])) == (True, True)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", ANTHROPICS)
async def test_anthropics_sdk_raises_its_own(
    clients: Clients, wire: str, status: str, *, streamed: bool
) -> None:
    kind, name = ANTHROPICS[status]
    create: Any = clients.anthropic.messages.create
    asked = {"max_tokens": 9, "messages": said(f"[[fault {status}]]"), "stream": streamed}
    with pytest.raises(kind) as caught:
        await create(model=f"once_{wire}/{status}", **asked)
    body: Any = caught.value.body
    assert (bool(caught.value.request_id), body["error"]["type"]) == (True, name)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", GEMINIS)
async def test_googles_sdk_raises_its_own(
    clients: Clients, wire: str, status: str, *, streamed: bool
) -> None:
    kind, code, name = GEMINIS[status]
    models = clients.google.aio.models
    generate: Any = models.generate_content_stream if streamed else models.generate_content
    with pytest.raises(kind) as caught:
        async for _ in await generate(model=f"once_{wire}/{status}", contents=f"[[fault {status}]]"):
            pass
    assert (caught.value.code, caught.value.status) == (code, name)


@pytest.mark.parametrize("fault", MIDWAY)
async def test_a_stream_that_breaks_raises_at_every_door_with_its_text_kept(
    clients: Clients, wire: str, fault: str
) -> None:
    model, text = f"once_{wire}/any", f"[[tokens=20]] [[fault {fault} after=3]]"
    heard: list[str] = []

    async def by_openai() -> None:
        stream = await clients.openai.chat.completions.create(model=model, messages=said(text), stream=True)
        async for chunk in stream:
            heard.extend(each.delta.content or "" for each in chunk.choices)
            assert not any(each.finish_reason for each in chunk.choices)

    async def by_anthropic() -> None:
        async with clients.anthropic.messages.stream(
            model=model, max_tokens=99, messages=said(text)
        ) as stream:
            async for event in stream:
                heard.extend([event.text] if event.type == "text" else [])
                assert event.type != "message_stop"

    async def by_google() -> None:
        models = clients.google.aio.models
        async for chunk in await models.generate_content_stream(model=model, contents=text):
            heard.append(chunk.text or "")
            assert not any(each.finish_reason for each in chunk.candidates or ())

    with pytest.raises(openai.APIError):
        await by_openai()
    with pytest.raises(anthropic.APIError):
        await by_anthropic()
    with pytest.raises(errors.APIError):
        await by_google()
    assert "".join(heard).count("the quick brown") == 3


async def test_an_unknown_name_a_wrong_key_and_a_bad_request_are_the_sdks_own(
    clients: Clients, model: str
) -> None:
    create: Any = clients.openai.chat.completions.create
    with pytest.raises(openai.NotFoundError):
        await create(model="nowhere/any", messages=said("hello"))
    with pytest.raises(openai.BadRequestError):
        await create(model=model, messages=said("hello"), temperature="warm")
    with pytest.raises(openai.AuthenticationError):
        await clients.openai.with_options(api_key="pk_wrong").chat.completions.create(
            model=model, messages=said("hello")
        )
    message: Any = clients.anthropic.messages.create
    with pytest.raises(anthropic.NotFoundError):
        await message(model="nowhere/any", max_tokens=9, messages=said("hello"))
    with pytest.raises(anthropic.BadRequestError):
        await message(model=model, max_tokens=9, messages=said("hello"), extra_body={"top_k": "many"})
    with pytest.raises(anthropic.AuthenticationError):
        await clients.anthropic.with_options(api_key="pk_wrong").messages.create(
            model=model, max_tokens=9, messages=said("hello")
        )
    generate = clients.google.aio.models.generate_content
    with pytest.raises(errors.ClientError) as unknown:
        await generate(model="nowhere/any", contents="hello")
    assert unknown.value.code == 404
    nothing: Any = types.Content(role="nobody", parts=[types.Part(text="hello")])
    with pytest.raises(errors.ClientError) as bad:
        await generate(model=model, contents=nothing)
    assert bad.value.code == 400
