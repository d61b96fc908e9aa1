"""The three doors before the model in the house, whose server speaks two of the wires: a host that nobody here wrote.

The model's template has no tools and its Messages have no schemas; so tools are there to be declared and answered, and
structured output is asked of its chat completions.
"""

from collections.abc import AsyncGenerator
from typing import Any, Literal

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from google.genai import types
from openai import AsyncOpenAI
from pydantic import BaseModel

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.providers.local.model import LocalModel
from podium.providers.local.weights import get_weights
from tests.doors.pairs.setting import Clients, config, google, said
from tests.doors.podium import ADMIN_KEY, podium
from tests.local.conftest import NAME
from tests.serving import Cluster, fresh_database

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

SEA = "Tell me a long story about the sea."
FEW = 5
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class City(BaseModel):
    """What structured output must be; it cannot grow long."""

    name: Literal["Paris", "Rome"]
    is_capital: bool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Clients, None]:
    """The SDKs on a Podium with the model's server as a host of either wire."""
    local = LocalModel(get_weights(), "sesame", log=tmp_path_factory.mktemp("local") / "local.log")
    url = await local.address()
    chat = Endpoint(name="chat", wire="openai_chat", base_url=url, api_key="sesame")
    messages = Endpoint(name="messages", wire="anthropic", base_url=url.removesuffix("/v1"), api_key="sesame")
    catalogue = Catalogue(endpoints={"chat": chat, "messages": messages}, allow_unpriced=True)
    async with (
        fresh_database(cluster) as dsn,
        podium(dsn, catalogue=lambda _host: catalogue) as house,
        AsyncOpenAI(base_url=f"{house.url}/v1", api_key=ADMIN_KEY, max_retries=0) as openai,
        AsyncAnthropic(base_url=house.url, api_key=ADMIN_KEY, max_retries=0) as anthropic,
    ):
        client = google(house.url)
        yield Clients(house.url, openai, anthropic, client)
        await client.aio.aclose()
    await local.close()


@pytest.fixture(params=["chat", "messages"])
def model(request: pytest.FixtureRequest) -> str:
    """The model by the one wire and by the other."""
    return f"{request.param}/{NAME}"


async def test_openais_door(clients: Clients, model: str) -> None:
    create: Any = clients.openai.chat.completions.create
    asked = {"model": model, "messages": said(SEA), "max_completion_tokens": FEW}
    whole = await create(**asked)
    assert whole.choices[0].message.content
    assert whole.choices[0].finish_reason == "length"
    stream = await create(**asked, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    assert len([c for c in chunks if c.choices and c.choices[0].delta.content]) > 2, "token by token"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"
    for usage in (whole.usage, chunks[-1].usage):
        assert usage.completion_tokens == FEW
        assert usage.prompt_tokens > 5


async def test_anthropics_door(clients: Clients, model: str) -> None:
    asked: Any = {"model": model, "messages": said(SEA), "max_tokens": FEW}
    whole: Any = await clients.anthropic.messages.create(**asked)
    assert [each.type for each in whole.content] == ["text"]
    assert whole.stop_reason == "max_tokens"
    async with clients.anthropic.messages.stream(**asked) as stream:
        pieces = [piece async for piece in stream.text_stream]
        final = await stream.get_final_message()
    assert len(pieces) > 2, "token by token"
    assert final.stop_reason == "max_tokens"
    for usage in (whole.usage, final.usage):
        assert usage.output_tokens == FEW
        assert usage.input_tokens + (usage.cache_read_input_tokens or 0) > 5
    counted = await clients.anthropic.messages.count_tokens(model=model, messages=said(SEA))
    assert counted.input_tokens > 5


async def test_geminis_door(clients: Clients, model: str) -> None:
    models, few = clients.google.aio.models, config(max_output_tokens=FEW)
    whole = await models.generate_content(model=model, contents=SEA, config=few)
    assert whole.text
    assert [each.finish_reason for each in whole.candidates or ()] == [types.FinishReason.MAX_TOKENS]
    chunks = [
        each async for each in await models.generate_content_stream(model=model, contents=SEA, config=few)
    ]
    assert len([each for each in chunks if each.text]) > 2, "token by token"
    for usage in (whole.usage_metadata, chunks[-1].usage_metadata):
        assert usage is not None
        assert usage.candidates_token_count == FEW
        assert (usage.prompt_token_count or 0) > 5


async def test_a_round_of_tools_is_taken_from_every_door(clients: Clients, model: str) -> None:
    function = {"name": "get_weather", "parameters": SCHEMA}
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
    }
    messages: list[Any] = [*said("How is the weather?"), {"role": "assistant", "tool_calls": [call]}]
    messages.append({"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"})
    tools: list[Any] = [{"type": "function", "function": function}]
    whole = await clients.openai.chat.completions.create(
        model=model, messages=messages, tools=tools, max_completion_tokens=FEW
    )
    assert whole.choices[0].message.content
    used = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "4 degrees"}
    round_: list[Any] = [
        *said("How is the weather?"),
        {"role": "assistant", "content": [used]},
        *said([result]),
    ]
    declared: list[Any] = [{"name": "get_weather", "input_schema": SCHEMA}]
    message = await clients.anthropic.messages.create(
        model=model, messages=round_, tools=declared, max_tokens=FEW
    )
    assert message.content
    contents: Any = [
        types.UserContent("How is the weather?"),
        types.ModelContent([types.Part.from_function_call(name="get_weather", args={"city": "Oslo"})]),
        types.UserContent(
            [types.Part.from_function_response(name="get_weather", response={"output": "4 degrees"})]
        ),
    ]
    tool = types.Tool(
        function_declarations=[types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA)]
    )
    answer = await clients.google.aio.models.generate_content(
        model=model, contents=contents, config=config(tools=[tool], max_output_tokens=FEW)
    )
    assert answer.text


async def test_structured_output_comes_from_every_door(clients: Clients) -> None:
    model, text = f"chat/{NAME}", "Describe Paris as JSON."
    parsed = await clients.openai.chat.completions.parse(
        model=model, messages=said(text), response_format=City, max_completion_tokens=100
    )
    assert isinstance(parsed.choices[0].message.parsed, City)
    message = await clients.anthropic.messages.parse(
        model=model, messages=said(text), output_format=City, max_tokens=100
    )
    assert isinstance(message.parsed_output, City)
    asked = config(response_mime_type="application/json", response_schema=City, max_output_tokens=100)
    answer = await clients.google.aio.models.generate_content(model=model, contents=text, config=asked)
    assert isinstance(answer.parsed, City)
