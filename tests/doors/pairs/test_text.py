"""Text through the nine pairs: whole and streamed, async and sync, why it ended, what it used, several at once."""

from typing import Any

import anthropic
import openai
import pytest
from google.genai import types

from tests.doors.pairs.setting import Clients, config, said

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

ECHO = "You said: hello"


async def test_openais_door_tells_text(clients: Clients, model: str) -> None:
    create: Any = clients.openai.chat.completions.create
    whole = await create(model=model, messages=said("hello"))
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (ECHO, "stop")
    stream = await create(model=model, messages=said("hello"), stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(each.choices[0].delta.content or "" for each in chunks) == ECHO
    assert [each.choices[0].finish_reason for each in chunks if each.choices[0].finish_reason] == ["stop"]
    async with clients.openai.chat.completions.stream(model=model, messages=said("hello")) as events:
        final = await events.get_final_completion()
    assert final.choices[0].message.content == ECHO


async def test_openais_sync_client_is_served_as_well(clients: Clients, model: str) -> None:
    def talk(client: openai.OpenAI) -> tuple[str | None, str]:
        whole = client.chat.completions.create(model=model, messages=said("hello"))
        stream = client.chat.completions.create(model=model, messages=said("hello"), stream=True)
        return whole.choices[0].message.content, "".join(c.choices[0].delta.content or "" for c in stream)

    assert await clients.with_openai(talk) == (ECHO, ECHO)


async def test_anthropics_door_tells_text(clients: Clients, model: str) -> None:
    create: Any = clients.anthropic.messages.create
    whole = await create(model=model, max_tokens=99, messages=said("hello"))
    assert [(block.type, block.text) for block in whole.content] == [("text", ECHO)]
    assert whole.stop_reason == "end_turn"
    events = [
        each async for each in await create(model=model, max_tokens=99, messages=said("hello"), stream=True)
    ]
    assert (events[0].type, events[-1].type) == ("message_start", "message_stop")
    async with clients.anthropic.messages.stream(
        model=model, max_tokens=99, messages=said("hello")
    ) as stream:
        assert "".join([piece async for piece in stream.text_stream]) == ECHO
        final = await stream.get_final_message()
    assert final.stop_reason == "end_turn"


async def test_anthropics_sync_client_is_served_as_well(clients: Clients, model: str) -> None:
    def talk(client: anthropic.Anthropic) -> tuple[Any, str]:
        whole: Any = client.messages.create(model=model, max_tokens=99, messages=said("hello"))
        with client.messages.stream(model=model, max_tokens=99, messages=said("hello")) as stream:
            return whole.content[0].text, "".join(stream.text_stream)

    assert await clients.with_anthropic(talk) == (ECHO, ECHO)


async def test_geminis_door_tells_text(clients: Clients, model: str) -> None:
    models = clients.google.aio.models
    whole = await models.generate_content(model=model, contents="hello")
    assert whole.text == ECHO
    assert [each.finish_reason for each in whole.candidates or ()] == [types.FinishReason.STOP]
    chunks = [each async for each in await models.generate_content_stream(model=model, contents="hello")]
    assert "".join(each.text or "" for each in chunks) == ECHO
    ends = [each.finish_reason for chunk in chunks for each in chunk.candidates or () if each.finish_reason]
    assert ends == [types.FinishReason.STOP]


async def test_geminis_sync_client_is_served_as_well(clients: Clients, model: str) -> None:
    def talk(client: Any) -> tuple[str, str]:
        whole = client.models.generate_content(model=model, contents="hello")
        stream = client.models.generate_content_stream(model=model, contents="hello")
        return whole.text, "".join(chunk.text or "" for chunk in stream)

    assert await clients.with_google(talk) == (ECHO, ECHO)


async def test_instructions_history_and_a_system_text_reach_the_host(clients: Clients, model: str) -> None:
    told = "system: Be kind.\nuser: hello\nassistant: Good day.\nuser: [[recall]]"
    past: list[Any] = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Good day."}]
    past += said("[[recall]]")
    kind: list[Any] = [{"role": "system", "content": "Be kind."}]
    whole = await clients.openai.chat.completions.create(model=model, messages=kind + past)
    assert whole.choices[0].message.content == told
    message = await clients.anthropic.messages.create(
        model=model, max_tokens=99, system="Be kind.", messages=past
    )
    assert [block.text for block in message.content if block.type == "text"] == [told]
    contents: Any = [
        types.UserContent("hello"),
        types.ModelContent("Good day."),
        types.UserContent("[[recall]]"),
    ]
    answer = await clients.google.aio.models.generate_content(
        model=model, contents=contents, config=config(system_instruction="Be kind.")
    )
    assert answer.text == told


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_an_answer_that_was_cut_says_so(clients: Clients, model: str, *, streamed: bool) -> None:
    prose = "[[tokens=50]]"
    async with clients.openai.chat.completions.stream(
        model=model, messages=said(prose), max_completion_tokens=5
    ) as events:
        seen = [each.chunk async for each in events if each.type == "chunk"]
    cut = [each.choices[0].finish_reason for each in seen if each.choices and each.choices[0].finish_reason]
    assert cut == ["length"]
    if streamed:
        async with clients.anthropic.messages.stream(
            model=model, max_tokens=5, messages=said(prose)
        ) as stream:
            message: Any = await stream.get_final_message()
    else:
        message = await clients.anthropic.messages.create(model=model, max_tokens=5, messages=said(prose))
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)
    told = config(max_output_tokens=5)
    answer = await clients.google.aio.models.generate_content(model=model, contents=prose, config=told)
    assert [each.finish_reason for each in answer.candidates or ()] == [types.FinishReason.MAX_TOKENS]


async def test_a_stop_word_ends_an_answer(clients: Clients, model: str) -> None:
    whole = await clients.openai.chat.completions.create(
        model=model, messages=said("one two three"), stop=["two"]
    )
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("You said: one ", "stop")
    message = await clients.anthropic.messages.create(
        model=model, max_tokens=99, messages=said("one two three"), stop_sequences=["two"]
    )
    assert [block.text for block in message.content if block.type == "text"] == ["You said: one "]
    answer = await clients.google.aio.models.generate_content(
        model=model, contents="one two three", config=config(stop_sequences=["two"])
    )
    assert answer.text == "You said: one "


async def test_a_filtered_answer_is_one_at_every_door(clients: Clients, model: str) -> None:
    text = "[[say Well]] [[finish=content_filter]]"
    whole = await clients.openai.chat.completions.create(model=model, messages=said(text))
    assert whole.choices[0].finish_reason == "content_filter"
    message = await clients.anthropic.messages.create(model=model, max_tokens=99, messages=said(text))
    assert message.stop_reason == "refusal"
    answer = await clients.google.aio.models.generate_content(model=model, contents=text)
    assert [each.finish_reason for each in answer.candidates or ()] == [types.FinishReason.SAFETY]


async def test_several_choices_come_from_the_wires_that_know_them(clients: Clients, wire: str) -> None:
    model, create = f"{wire}/any", clients.openai.chat.completions.create
    generate = clients.google.aio.models.generate_content
    if wire == "anthropic":
        with pytest.raises(openai.BadRequestError) as refused:
            await create(model=model, messages=said("hello"), n=2)
        assert refused.value.param == "n"
        return
    whole = await create(model=model, messages=said("hello"), n=2)
    assert [each.message.content for each in whole.choices] == [ECHO, ECHO]
    chunks = [each async for each in await create(model=model, messages=said("hello"), n=2, stream=True)]
    texts = ["", ""]
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        texts[choice.index] += choice.delta.content or ""
    assert texts == [ECHO, ECHO]
    answer = await generate(model=model, contents="hello", config=config(candidate_count=2))
    assert [each.content.parts[0].text for each in answer.candidates or ()] == [ECHO, ECHO]  # type: ignore[union-attr,index]  # present, or the test fails
