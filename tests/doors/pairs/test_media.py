"""Pictures and papers through the nine pairs: what the host tells that it was given is what was sent."""

from typing import Any

import anthropic
import openai
import pytest
from google.genai import types

from tests.doors.pairs.setting import PDF, PDF64, PNG, PNG64, URL, Clients, said
from tests.doors.podium import Podium

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

SEEN = f"user: [[recall]] [image image/png, {len(PNG)} bytes]"
LINKED = f"user: [[recall]] [image {URL}]"
READ = f"user: [[recall]] [document application/pdf, {len(PDF)} bytes]"


async def asked_openai(clients: Clients, model: str, part: object) -> str | None:
    parts = [{"type": "text", "text": "[[recall]]"}, part]
    answer = await clients.openai.chat.completions.create(model=model, messages=said(parts))
    return answer.choices[0].message.content


async def asked_anthropic(clients: Clients, model: str, block: object) -> str:
    blocks = [{"type": "text", "text": "[[recall]]"}, block]
    message = await clients.anthropic.messages.create(model=model, max_tokens=99, messages=said(blocks))
    return "".join(each.text for each in message.content if each.type == "text")


async def asked_gemini(clients: Clients, model: str, part: types.Part) -> str | None:
    contents = types.UserContent([types.Part(text="[[recall]]"), part])
    return (await clients.google.aio.models.generate_content(model=model, contents=contents)).text


async def test_pictures_reach_the_host_from_openais_door(clients: Clients, model: str) -> None:
    inline = {"url": f"data:image/png;base64,{PNG64}", "detail": "low"}
    assert await asked_openai(clients, model, {"type": "image_url", "image_url": inline}) == SEEN
    assert await asked_openai(clients, model, {"type": "image_url", "image_url": {"url": URL}}) == LINKED


async def test_pictures_reach_the_host_from_anthropics_door(clients: Clients, model: str) -> None:
    inline = {"type": "base64", "media_type": "image/png", "data": PNG64}
    assert await asked_anthropic(clients, model, {"type": "image", "source": inline}) == SEEN
    linked = {"type": "image", "source": {"type": "url", "url": URL}}
    assert await asked_anthropic(clients, model, linked) == LINKED


async def test_pictures_reach_the_host_from_geminis_door(clients: Clients, model: str) -> None:
    assert await asked_gemini(clients, model, types.Part.from_bytes(data=PNG, mime_type="image/png")) == SEEN
    linked = types.Part.from_uri(file_uri=URL, mime_type="image/png")
    assert await asked_gemini(clients, model, linked) == LINKED


async def test_papers_reach_the_host_from_every_door(clients: Clients, model: str) -> None:
    file = {"filename": "paper.pdf", "file_data": f"data:application/pdf;base64,{PDF64}"}
    assert await asked_openai(clients, model, {"type": "file", "file": file}) == READ
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF64}
    assert await asked_anthropic(clients, model, {"type": "document", "source": source}) == READ
    part = types.Part.from_bytes(data=PDF, mime_type="application/pdf")
    assert await asked_gemini(clients, model, part) == READ


async def test_a_linked_paper_is_refused_where_the_host_cannot_fetch_it(clients: Clients, wire: str) -> None:
    url = "https://example.com/paper.pdf"
    block = {"type": "document", "source": {"type": "url", "url": url}}
    if wire != "openai_chat":
        assert await asked_anthropic(clients, f"{wire}/any", block) == f"user: [[recall]] [document {url}]"
        return
    with pytest.raises(anthropic.BadRequestError, match="documents inline"):
        await asked_anthropic(clients, f"{wire}/any", block)


async def test_a_picture_in_a_tools_result_is_seen(clients: Clients, house: Podium, wire: str) -> None:
    """OpenAI's wire takes text alone from a tool: there the picture stands in a message of the user's behind it."""
    rules = [{"match": "The result of the tool", "answer": "[[recall]]"}]
    async with house.http.put(f"{house.host.root}/script", json={"rules": rules}) as changed:
        assert changed.ok
    tool: Any = {"name": "look", "input_schema": {"type": "object"}}
    source = {"type": "base64", "media_type": "image/png", "data": PNG64}
    result = [{"type": "text", "text": "Here."}, {"type": "image", "source": source}]
    messages: Any = [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": result}]},
    ]
    message: Any = await clients.anthropic.messages.create(
        model=f"{wire}/any", max_tokens=99, messages=messages, tools=[tool]
    )
    [block] = message.content
    if wire == "openai_chat":
        assert block.text.startswith("user: hello\nassistant: \ntool: \nuser: ")
    else:
        assert block.text.startswith("The tools said: Here.")
    assert block.text.endswith(f"[image image/png, {len(PNG)} bytes]")


async def test_sound_goes_to_the_wires_that_hear(clients: Clients, wire: str) -> None:
    part = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    if wire == "anthropic":
        with pytest.raises(openai.BadRequestError, match="audio"):
            await asked_openai(clients, f"{wire}/any", part)
        return
    told = await asked_openai(clients, f"{wire}/any", part)
    assert told is not None
    assert told.startswith("user: [[recall]] [audio audio/")
