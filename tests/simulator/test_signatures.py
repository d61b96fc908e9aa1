"""What the simulator signs comes back to it as it was, or is refused as hosts refuse it; by the official SDKs."""

from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import errors, types

from podium.simulator import Simulator
from tests.simulator.serving import simulator, wait_until_idle

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class:DeprecationWarning"
)  # Google's SDK does that

TEXT = '[[reason Hm.]] [[call look {"at": 1}]] [[next]] [[say Done.]]'
SCHEMA = {"type": "object", "properties": {"at": {"type": "integer"}}}


@pytest.fixture
async def host() -> AsyncGenerator[Simulator, None]:
    async with simulator() as running:
        yield running


@pytest.fixture
async def create(host: Simulator) -> AsyncGenerator[Any, None]:
    """Anthropic's SDK, thinking on a budget."""
    async with AsyncAnthropic(base_url=host.root, api_key="sk", max_retries=0) as client:

        async def ask(messages: list[Any], **more: Any) -> Any:
            thinking = {"type": "enabled", "budget_tokens": 1024}
            asked: Any = {"thinking": thinking, "tools": [{"name": "look", "input_schema": SCHEMA}], **more}
            return await client.messages.create(model="m", max_tokens=2048, messages=messages, **asked)

        yield ask


async def signed(host: Simulator) -> int:
    """How many good signatures the last call brought."""
    last = await wait_until_idle(host)
    assert last is not None
    return last.signed


def messages_of(blocks: list[Any]) -> list[Any]:
    call = next(each for each in blocks if each["type"] == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "nothing"}
    return [
        {"role": "user", "content": TEXT},
        {"role": "assistant", "content": blocks},
        {"role": "user", "content": [result]},
    ]


async def test_anthropics_thinking_must_come_back_with_a_call(host: Simulator, create: Any) -> None:
    told = await create([{"role": "user", "content": TEXT}])
    thought, call = [each.model_dump(exclude_none=True) for each in told.content]
    assert thought["signature"]
    assert (await create(messages_of([thought, call]))).content[0].text == "Done."
    assert await signed(host) == 1
    for blocks, complaint in (
        ([call], "Expected `thinking`"),
        ([{**thought, "thinking": "Hm!"}, call], "Invalid `signature`"),
        ([{**thought, "signature": "podium:gemini:abc"}, call], "Invalid `signature`"),
        ([{**thought, "signature": ""}, call], "Invalid `signature`"),
    ):
        with pytest.raises(anthropic.BadRequestError, match=complaint):
            await create(messages_of(blocks))
    told = await create(messages_of([call]), thinking={"type": "disabled"})
    assert told.content[0].text == "Done.", "who does not think on needs no thinking"


async def test_of_the_messages_of_a_loop_only_the_first_must_begin_with_thinking(create: Any) -> None:
    text = "[[reason Hm.]] [[call look {}]] [[next]] [[call look {}]] [[next]] [[say Done.]]"
    messages: list[Any] = [{"role": "user", "content": text}]
    kinds = []
    for _ in range(3):
        told = await create(messages)
        kinds.append([block.type for block in told.content])
        calls = [block for block in told.content if block.type == "tool_use"]
        messages.append({"role": "assistant", "content": told.content})
        messages.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": each.id} for each in calls]}
        )
    assert kinds == [["thinking", "tool_use"], ["tool_use"], ["text"]]
    messages = [*messages[:3], {"role": "user", "content": text}, messages[3], messages[4]]
    with pytest.raises(anthropic.BadRequestError, match="Expected `thinking`"):
        await create(messages)


@pytest.mark.parametrize("model", ["gemini-3-pro", "gemini-2.5-flash"])
async def test_geminis_calls_must_come_back_signed_from_the_third_generation_on(
    host: Simulator, model: str
) -> None:
    client = genai.Client(api_key="sk", http_options=types.HttpOptions(base_url=host.root))
    generate: Any = client.aio.models.generate_content
    declared = types.FunctionDeclaration(name="look", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    asked = types.Content(role="user", parts=[types.Part(text=TEXT)])
    told = await generate(model=model, contents=[asked], config=config)
    [call] = [part for part in told.candidates[0].content.parts if part.function_call]
    answered = types.FunctionResponse(id=call.function_call.id, name="look", response={"output": "nothing"})
    result = types.Content(role="user", parts=[types.Part(function_response=answered)])

    async def go_on(signature: bytes | None) -> str:
        part = types.Part(function_call=call.function_call, thought_signature=signature)
        said = types.Content(role="model", parts=[part])
        told = await generate(model=model, contents=[asked, said, result], config=config)
        return str(told.text)

    assert await go_on(call.thought_signature) == "Done."
    assert await signed(host) == 1
    assert await go_on(b"skip_thought_signature_validator") == "Done."
    assert await signed(host) == 0
    with pytest.raises(errors.ClientError, match="not valid"):
        await go_on(b"another")
    if model == "gemini-3-pro":
        with pytest.raises(errors.ClientError, match="missing a `thought_signature`"):
            await go_on(None)
    else:
        assert await go_on(None) == "Done."
    await client.aio.aclose()
