"""What of a conversation is read for a turn: all that can matter to its window, and never too much at once."""

import base64
import random
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from podium.context.history import fitting, history_bytes
from podium.kit import ids
from podium.turn.ask import Message, decode_history, encode_messages
from podium.vocabulary.part import Audio, Document, Image, Media, Part, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line
from tests.turn.home import homes

_MIB = 1 << 20


def inline(length: int, kind: str) -> Media:
    return Media("inline", "A" * length, kind)


async def read(dsn: str, lines: Sequence[Line], window: int) -> tuple[Line, ...]:
    """What is read of a conversation of these lines."""
    messages = tuple(Message(ids.new("msg"), "ann", line.role, line.parts) for line in lines)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("INSERT INTO conversations (id, tenant, user_id) VALUES ('c', 't', 'u')")
        await connection.execute("SELECT conversation_append('c', NULL, $1, NULL)", encode_messages(messages))
        return decode_history(
            await connection.fetchval("SELECT conversation_history('c', $1)", history_bytes(window))
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("seed", range(6))
async def test_all_that_fits_a_window_is_read(dsn: str, seed: int) -> None:
    drawn = random.Random(seed)
    lines = [Line("user", _parts(drawn)) for _ in range(120)]
    window = drawn.choice([8_000, 16_000, 32_000])
    kept = fitting(lines, window, reserved=0)
    assert 1 < len(kept) < len(lines)
    assert fitting(await read(dsn, lines, window), window, reserved=0) == kept


def _parts(drawn: random.Random) -> tuple[Part, ...]:
    length = drawn.choice([40, 300, 5_000, 90_000])
    tricky: Part = Text('{"kind":"inline","value":"' + "x" * (length // 10) + '"} "ü')
    parts: list[Part] = [
        Text("x" * length),
        Image(inline(length, "image/png")),
        Audio(inline(length, "audio/mpeg")),
        Document(inline(length, "text/plain")),
        ToolResult("c", (Image(inline(length, "image/png")), Text("found"))),
    ]
    return (tricky, drawn.choice(parts))


async def test_no_more_than_16_mib_are_read_however_wide_the_window_is(dsn: str) -> None:
    lines = [Line("user", (Image(inline(3 * _MIB, "image/png")), Text(str(n)))) for n in range(8)]
    assert await read(dsn, lines, 2_000_000) == tuple(lines[-5:])


async def test_one_message_is_read_however_large_it_is(dsn: str) -> None:
    lines = [Line("user", (Text("before"),)), Line("user", (Text("x" * 17 * _MIB),))]
    assert await read(dsn, lines, 1_000) == tuple(lines[-1:])


async def test_with_a_tools_result_its_call_is_read_and_what_the_user_said(dsn: str) -> None:
    """However much of the window it takes: without its call it would be left out, and an older question answered."""
    call, result = ToolCall("c", "look", "{}"), ToolResult("c", (Text("x" * 20_000),))
    before = [Line("user", (Text("before " * 999),)), Line("assistant", (Text("so"),))]
    last = [Line("user", (Text("look"),)), Line("assistant", (call,)), Line("tool", (result,))]
    found = await read(dsn, [*before, *last], 1_000)
    assert found == tuple(last)
    assert fitting(found, 1_000, reserved=0) == found


async def test_no_answer_is_read_without_its_question(dsn: str) -> None:
    lines = [
        Line("user", (Text("x" * 9_000),)),
        Line("assistant", (Text("so"),)),
        Line("user", (Text("and"),)),
    ]
    assert await read(dsn, lines, 1_000) == tuple(lines[-1:])


async def test_a_picture_and_what_was_said_before_it_are_there_in_the_next_turn(dsn: str) -> None:
    """It is worth 1,600 tokens to the window of 128,000, and its base64 half a million characters."""
    media: dict[str, Any] = {"kind": "inline", "media_type": "image/png"}
    media["value"] = base64.b64encode(random.Random(0).randbytes(400_000)).decode()
    async with homes(dsn) as [home]:
        conversation = await home.conversation()
        for said in (
            "The word is apple. [[say yes]]",
            [{"type": "text", "text": "Look. [[say seen]]"}, {"type": "image", "media": media}],
        ):
            heard = home.say(conversation, "", input=said)
            await heard.done()
            assert heard.end["status"] == "completed", heard.error
        asked = home.say(conversation, "What was it? [[recall]]")
        await asked.done()
        assert "image/png" in asked.text
        assert "apple" in asked.text
