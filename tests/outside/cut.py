"""The fourth number: streams that end early with a clean close must not look finished."""

import json
import random
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from tests.outside import chat, fact, generate, messages
from tests.outside.answer import READ, chat_question, own_question
from tests.outside.exchange import Exchange, Json, Reply
from tests.outside.house import Got, House, Question
from tests.outside.outcome import Outcome, judged

_GAP = re.compile(rb"\r?\n\r?\n")
_ENDS = {
    "openai_chat": re.compile(rb'"finish_reason"\s*:\s*"[^"]'),
    "anthropic": re.compile(rb'"type"\s*:\s*"message_stop"'),
    "gemini": re.compile(rb'"(finishReason|blockReason)"'),
}


def cuts(exchange: Exchange) -> Iterator[tuple[str, bytes]]:
    """Bodies that end before their terminator: half way, in the middle of an event, just before the end."""
    body = exchange.reply.body
    end = _ENDS[exchange.wire].search(body)
    gaps = [0, *(each.end() for each in _GAP.finditer(body))]
    whole = [gap for gap in gaps if end is None or gap <= end.start()]
    yield "half way", body[: whole[len(whole) // 2]]
    last = whole[-1]
    yield "before its end", body[:last]
    if end is not None and last < end.start():
        at = random.Random(exchange.name).randrange(last, end.start())
        yield "within an event", body[:at]


def _text(whole: Json, wire: str) -> str:
    facts = {"openai_chat": fact.of_chat, "anthropic": fact.of_messages, "gemini": fact.of_generate}[wire](
        whole
    )
    return "".join(choice["content"] for choice in facts["choices"])


def _kept(body: bytes, exchange: Exchange) -> str:
    """The text of the events that came whole."""
    end = [each.end() for each in _GAP.finditer(body)]
    if exchange.wire == "gemini" and body.lstrip()[:1] == b"[":
        return ""  # pieces of a list are not told apart here
    said = body[: end[-1]] if end else b""
    lines = said.replace(b"\r\n", b"\n").split(b"\n")
    pieces = [line[5:].strip() for line in lines if line[:5] == b"data:" and line[5:].strip()[:1] == b"{"]
    merged = {"openai_chat": chat.merged, "anthropic": messages.merged, "gemini": generate.merged}
    return _text(merged[exchange.wire]([json.loads(each) for each in pieces]), exchange.wire)


def judge(exchange: Exchange, body: bytes, got: Got, door: str) -> str:
    """It must not look finished, it must fail at the client, and what was said is kept."""
    heard = READ[door](got.body, got.status, streamed=True if got.status == 200 else None)
    if heard.ended:
        return "it looks finished"
    if heard.error is None and not got.broken:
        return "no error reached the client"
    kept, text = _kept(body, exchange), _text(heard.whole, door) if got.status == 200 else ""
    if got.status != 200 and kept:
        return f"status {got.status}, and the text is lost: {kept[:80]!r}"
    return "" if text == kept or not kept else f"the text is {text[-80:]!r}; it was {kept[-80:]!r}"


async def run(house: House, exchange: Exchange) -> AsyncIterator[Outcome]:
    """Every cut of a stream through its own door and that of chat completions."""
    if exchange.reply.status != 200 or not exchange.reply.streamed or exchange.request is None:
        return
    if READ[exchange.wire](exchange.reply.body).error is not None:
        return  # it tells an error by itself
    doors: list[tuple[str, Question]] = [(exchange.wire, own_question(exchange))] if exchange.streams else []
    if exchange.wire != "openai_chat":
        doors.append(("openai_chat", chat_question(exchange, stream=True)))
    for where, body in cuts(exchange):
        reply: Reply = replace(exchange.reply, body=body)
        for door, question in doors:
            passage = await house.pass_through(exchange.wire, question, reply)
            found = judge(exchange, body, passage.got, door)
            told = f"{where}: {found}" if found else ""
            yield judged(4, f"{exchange.wire} → {door}", exchange.name, exchange.family, told)
