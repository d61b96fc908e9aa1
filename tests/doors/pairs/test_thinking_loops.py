"""Tool loops with thinking through the nine pairs, before hosts that want back what they have signed.

The simulator is as strict as the hosts are: Anthropic's demand the signed thinking before a call, Gemini's the
signature of a step's first call, and neither takes an altered one. A client gives back everything that it was given,
or, as simple ones do, the calls with their ids and nothing more.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pytest
from anthropic import BadRequestError
from google.genai import types

from podium.simulator.oracle import Served
from tests.doors.pairs.setting import SCHEMA, Clients, config
from tests.doors.podium import Podium
from tests.simulator.serving import wait_until_idle

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

MODELS = {"openai_chat": "any", "anthropic": "any", "gemini": "gemini-3-pro"}
TEXT = (
    '[[reason Hm, one moment.]] [[call get_weather {"city": "Oslo"}]] [[call get_weather {"city": "Bern"}]]'
    ' [[next]] [[reason And then?]] [[say So far so good.]] [[call get_weather {"city": "Rome"}]]'
    " [[next]] [[reason Enough.]] [[say Done.]]"
)
ROUNDS: tuple[list[str], ...] = (["Oslo", "Bern"], ["Rome"], [])

STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
GIVEN = pytest.mark.parametrize("everything", [True, False], ids=["everything given back", "ids alone"])


class Talk(Protocol):
    """A conversation with one SDK. `say` asks once and gives the cities that the calls are about, and the text."""

    async def say(self) -> tuple[list[str], str]: ...

    def answer(self, *, everything: bool) -> None:
        """Give back what the model said, and the results."""


class OpenAITalk:
    def __init__(self, clients: Clients, model: str, *, streamed: bool) -> None:
        function = {"name": "get_weather", "parameters": SCHEMA, "strict": True}
        self._asked: Any = {
            "model": model,
            "reasoning_effort": "medium",
            "tools": [{"type": "function", "function": function}],
        }
        self._messages: list[Any] = [{"role": "user", "content": TEXT}]
        self._completions = clients.openai.chat.completions
        self._streamed = streamed
        self._said: Any = None

    async def say(self) -> tuple[list[str], str]:
        if self._streamed:
            async with self._completions.stream(messages=self._messages, **self._asked) as stream:
                told: Any = await stream.get_final_completion()
        else:
            told = await self._completions.create(messages=self._messages, **self._asked)
        self._said = told.choices[0].message
        calls = self._said.tool_calls or ()
        return [json.loads(each.function.arguments)["city"] for each in calls], self._said.content or ""

    def answer(self, *, everything: bool) -> None:
        whole = self._said.model_dump(exclude_none=True)
        for call in whole["tool_calls"]:
            call["function"].pop("parsed_arguments", None)
        bare = [{name: each[name] for name in ("id", "type", "function")} for each in whole["tool_calls"]]
        self._messages.append(whole if everything else {"role": "assistant", "tool_calls": bare})
        self._messages += [
            {"role": "tool", "tool_call_id": each["id"], "content": "4 degrees"} for each in bare
        ]


class AnthropicTalk:
    def __init__(self, clients: Clients, model: str, *, streamed: bool) -> None:
        self._asked: Any = {
            "model": model,
            "max_tokens": 4096,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
        }
        self._messages: list[Any] = [{"role": "user", "content": TEXT}]
        self._client = clients.anthropic
        self._streamed = streamed
        self._said: Any = None

    async def say(self) -> tuple[list[str], str]:
        if self._streamed:
            async with self._client.messages.stream(messages=self._messages, **self._asked) as stream:
                self._said = await stream.get_final_message()
        else:
            self._said = await self._client.messages.create(messages=self._messages, **self._asked)
        blocks = self._said.content
        return (
            [each.input["city"] for each in blocks if each.type == "tool_use"],
            "".join(each.text for each in blocks if each.type == "text"),
        )

    def answer(self, *, everything: bool) -> None:
        calls = [each for each in self._said.content if each.type == "tool_use"]
        bare = [{"type": "tool_use", "id": each.id, "name": each.name, "input": each.input} for each in calls]
        self._messages.append({"role": "assistant", "content": self._said.content if everything else bare})
        results = [{"type": "tool_result", "tool_use_id": each.id, "content": "4 degrees"} for each in calls]
        self._messages.append({"role": "user", "content": results})


class GoogleTalk:
    def __init__(self, clients: Clients, model: str, *, streamed: bool) -> None:
        declared = types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA)
        self._asked: Any = {
            "model": model,
            "config": config(
                tools=[types.Tool(function_declarations=[declared])],
                thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024),
            ),
        }
        self._contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=TEXT)])]
        self._models = clients.google.aio.models
        self._streamed = streamed
        self._said: list[Any] = []

    @property
    def _parts(self) -> list[Any]:
        return [part for content in self._said for part in content.parts or ()]

    async def say(self) -> tuple[list[str], str]:
        if self._streamed:
            stream = await self._models.generate_content_stream(contents=self._contents, **self._asked)
            chunks: Sequence[Any] = [chunk async for chunk in stream]
        else:
            chunks = [await self._models.generate_content(contents=self._contents, **self._asked)]
        self._said = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
        return (
            [part.function_call.args["city"] for part in self._parts if part.function_call],
            "".join(part.text for part in self._parts if part.text and not part.thought),
        )

    def answer(self, *, everything: bool) -> None:
        calls = [part.function_call for part in self._parts if part.function_call]
        bare = [types.Part(function_call=each) for each in calls]
        self._contents += self._said if everything else [types.Content(role="model", parts=bare)]
        results = [
            types.FunctionResponse(id=each.id, name=each.name, response={"output": "4 degrees"})
            for each in calls
        ]
        parts = [types.Part(function_response=each) for each in results]
        self._contents.append(types.Content(role="user", parts=parts))


TALKS: dict[str, Callable[..., Talk]] = {
    "openai_chat": OpenAITalk,
    "anthropic": AnthropicTalk,
    "gemini": GoogleTalk,
}


async def served_since(house: Podium, number: int) -> list[Served]:
    await wait_until_idle(house.host)
    return [call for call in house.host.oracle.calls if call.number > number]


@GIVEN
@STREAMED
@pytest.mark.parametrize("door", TALKS)
async def test_a_tool_loop_with_thinking_goes_to_its_end(
    house: Podium, clients: Clients, door: str, wire: str, *, streamed: bool, everything: bool
) -> None:
    last = await wait_until_idle(house.host)
    before = last.number if last is not None else 0
    talk, text = TALKS[door](clients, f"{wire}/{MODELS[wire]}", streamed=streamed), ""
    for cities in ROUNDS:
        called, text = await talk.say()
        assert called == cities
        if called:
            talk.answer(everything=everything)
    assert text == "Done."
    served = await served_since(house, before)
    assert [call.status for call in served] == [200, 200, 200], "nothing was refused and tried otherwise"
    assert [call.reasoning > 0 for call in served] == [True, True, True]
    wanted = [0, 0, 0] if wire == "openai_chat" else [0, 1, 2]
    assert [call.signed for call in served] == wanted, "every signature came back to who had made it"


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ("openai_chat/any", False),
        ("openai_chat/any", True),
        ("gemini/gemini-3-pro", False),
        ("gemini/gemini-3-pro", True),
        ("anthropic/other", True),
    ],
)
async def test_a_loop_that_another_model_began_goes_on_without_thinking_and_the_client_is_told(
    house: Podium, clients: Clients, first: str, *, kept: bool
) -> None:
    asked: Any = {"max_tokens": 4096, "tools": [{"name": "get_weather", "input_schema": SCHEMA}]}
    asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if kept:
        asked["extra_body"] = {"x_podium": {"conversation": await house.conversation()}}
    text = '[[reason Hm.]] [[call get_weather {"city": "Oslo"}]] [[next]] [[say Done.]]'
    before: list[Any] = [{"role": "user", "content": text}]
    create = clients.anthropic.messages.with_raw_response.create
    told = await (await create(model=first, messages=before, **asked)).parse()
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "4 degrees"}
        for block in told.content
        if block.type == "tool_use"
    ]
    before = [] if kept else [*before, {"role": "assistant", "content": told.content}]
    asked["messages"] = [*before, {"role": "user", "content": results}]
    with pytest.raises(BadRequestError, match="thinking"):
        await create(model="anthropic/any", **asked, extra_headers={"x-podium-strict": "true"})
    answer = await create(model="anthropic/any", **asked)
    assert [block.text for block in (await answer.parse()).content] == ["Done."]
    assert "thinking" in answer.headers["x-podium-dropped"].split(", ")
