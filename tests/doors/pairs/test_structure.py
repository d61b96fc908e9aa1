"""Structured output through the nine pairs: each SDK parses the answer into the class that it was asked for."""

import json
from typing import Any

import pytest
from google.genai import types
from openai import pydantic_function_tool
from pydantic import BaseModel

from tests.doors.pairs.setting import Clients, Party, config, said

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]


async def test_openais_parse_gives_the_class(clients: Clients, model: str) -> None:
    completions = clients.openai.chat.completions
    whole = await completions.parse(model=model, messages=said("hello"), response_format=Party)
    [choice] = whole.choices
    assert isinstance(choice.message.parsed, Party)
    assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)
    async with completions.stream(model=model, messages=said("hello"), response_format=Party) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_completion()
    assert final.choices[0].message.parsed == choice.message.parsed

    def talk(client: Any) -> Any:
        parsed = client.chat.completions.parse(model=model, messages=said("hello"), response_format=Party)
        return parsed.choices[0].message.parsed

    assert await clients.with_openai(talk) == choice.message.parsed


async def test_openais_json_mode_gives_an_object(clients: Clients, model: str) -> None:
    answer = await clients.openai.chat.completions.create(
        model=model, messages=said("hello, as JSON"), response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


async def test_anthropics_parse_gives_the_class(clients: Clients, model: str) -> None:
    messages = clients.anthropic.messages
    whole = await messages.parse(model=model, max_tokens=99, messages=said("hello"), output_format=Party)
    assert isinstance(whole.parsed_output, Party)
    assert (whole.stop_reason, [each.type for each in whole.content]) == ("end_turn", ["text"])
    async with messages.stream(
        model=model, max_tokens=99, messages=said("hello"), output_format=Party
    ) as stream:
        final = await stream.get_final_message()
    assert final.parsed_output == whole.parsed_output

    def talk(client: Any) -> Any:
        parsed = client.messages.parse(
            model=model, max_tokens=99, messages=said("hello"), output_format=Party
        )
        return parsed.parsed_output

    assert await clients.with_anthropic(talk) == whole.parsed_output


async def test_anthropics_beta_parse_gives_the_class(clients: Clients, model: str) -> None:
    whole = await clients.anthropic.beta.messages.parse(
        model=model, max_tokens=99, messages=said("hello"), output_format=Party
    )
    assert isinstance(whole.parsed_output, Party)


async def test_geminis_schema_gives_the_class(clients: Clients, model: str) -> None:
    asked = config(response_mime_type="application/json", response_schema=Party)
    models = clients.google.aio.models
    whole = await models.generate_content(model=model, contents="hello", config=asked)
    assert isinstance(whole.parsed, Party)
    stream = await models.generate_content_stream(model=model, contents="hello", config=asked)
    text = "".join([chunk.text or "" async for chunk in stream])
    assert Party.model_validate_json(text) == whole.parsed

    def talk(client: Any) -> Any:
        return client.models.generate_content(model=model, contents="hello", config=asked).parsed

    assert await clients.with_google(talk) == whole.parsed


async def test_geminis_other_ways_to_ask_for_json_are_understood(clients: Clients, model: str) -> None:
    by_json_schema = config(
        response_mime_type="application/json", response_json_schema=Party.model_json_schema()
    )
    models = clients.google.aio.models
    whole = await models.generate_content(model=model, contents="hello", config=by_json_schema)
    Party.model_validate_json(whole.text or "")
    several = config(response_mime_type="application/json", response_schema=list[Party])
    listed = await models.generate_content(model=model, contents="hello", config=several)
    assert all(isinstance(each, Party) for each in listed.parsed)  # type: ignore[union-attr]  # a list, or the test fails
    bare = types.GenerateContentConfig(response_mime_type="application/json")
    loose = await models.generate_content(model=model, contents="hello, as JSON", config=bare)
    assert isinstance(json.loads(loose.text or ""), dict)


async def test_a_schema_and_tools_go_together(clients: Clients, model: str) -> None:
    class Look(BaseModel):
        where: str

    tools, parse = [pydantic_function_tool(Look)], clients.openai.chat.completions.parse
    text = '[[call Look {"where": "up"}]]'
    called = await parse(model=model, messages=said(text), tools=tools, response_format=Party)
    calls = called.choices[0].message.tool_calls or []
    assert [each.function.parsed_arguments for each in calls] == [Look(where="up")]
    assert called.choices[0].message.parsed is None
