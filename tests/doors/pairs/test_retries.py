"""The SDKs' own retries through the nine pairs: what is told of coming again is obeyed, and then it works."""

import time
from typing import Any

import openai
import pytest
from anthropic import AsyncAnthropic
from google.genai import types
from openai import AsyncOpenAI

from podium.kit import ids
from tests.doors.pairs.setting import Clients, google, said
from tests.doors.podium import ADMIN_KEY, Podium

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

STATUSES = pytest.mark.parametrize("status", ["429", "503"])
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
WAIT = 0.1


def failing(status: str) -> tuple[str, str]:
    """What a host answers twice with this status and then well; and the mark by which it counts."""
    key = ids.new("retry")
    return f"[[fault {status} retry-after={int(WAIT * 1000)}ms times=2 key={key}]] [[say done]]", key


def asked_thrice(house: Podium, key: str) -> bool:
    return len([call for call in house.host.oracle.calls if key in call.said]) == 3


@STATUSES
@STREAMED
async def test_openais_sdk_comes_again(house: Podium, wire: str, status: str, *, streamed: bool) -> None:
    text, key = failing(status)
    began = time.monotonic()
    async with AsyncOpenAI(base_url=f"{house.url}/v1", api_key=ADMIN_KEY, max_retries=2) as client:
        create: Any = client.chat.completions.create
        answer = await create(model=f"once_{wire}/any", messages=said(text), stream=streamed)
        if streamed:
            told = "".join([c.choices[0].delta.content or "" async for c in answer if c.choices])
        else:
            told = answer.choices[0].message.content
    assert told == "done"
    assert asked_thrice(house, key)
    assert time.monotonic() - began >= 2 * WAIT, "it waits as long as the host has said"


@STATUSES
@STREAMED
async def test_anthropics_sdk_comes_again(house: Podium, wire: str, status: str, *, streamed: bool) -> None:
    text, key = failing(status)
    began = time.monotonic()
    asked: dict[str, Any] = {"model": f"once_{wire}/any", "max_tokens": 99, "messages": said(text)}
    async with AsyncAnthropic(base_url=house.url, api_key=ADMIN_KEY, max_retries=2) as client:
        if streamed:
            async with client.messages.stream(**asked) as stream:
                told = await stream.get_final_text()
        else:
            told = (await client.messages.create(**asked)).content[0].text
    assert told == "done"
    assert asked_thrice(house, key)
    assert time.monotonic() - began >= 2 * WAIT, "it waits as long as the host has said"


@STATUSES
@STREAMED
async def test_googles_sdk_comes_again(house: Podium, wire: str, status: str, *, streamed: bool) -> None:
    text, key = failing(status)
    client = google(house.url, retry_options=types.HttpRetryOptions(attempts=3, initial_delay=WAIT, jitter=0))
    models, model = client.aio.models, f"once_{wire}/any"
    if streamed:
        stream = await models.generate_content_stream(model=model, contents=text)
        told = "".join([chunk.text or "" async for chunk in stream])
    else:
        told = (await models.generate_content(model=model, contents=text)).text or ""
    await client.aio.aclose()
    assert told == "done"
    assert asked_thrice(house, key)


@pytest.mark.parametrize("status", ["400", "401"])
async def test_what_coming_again_cannot_mend_is_asked_once(
    clients: Clients, house: Podium, wire: str, status: str
) -> None:
    key = ids.new("retry")
    text = f"[[fault {status} times=1 key={key}]] [[say done]]"
    create = clients.openai.with_options(max_retries=2).chat.completions.create
    with pytest.raises(openai.APIStatusError):
        await create(model=f"once_{wire}/any", messages=said(text))
    assert len([call for call in house.host.oracle.calls if key in call.said]) == 1
