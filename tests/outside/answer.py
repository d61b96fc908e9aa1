"""The first and the second number: recorded answers through the doors, recorded requests through their own door."""

import json
from collections.abc import AsyncIterator

from tests.outside import chat, fact, generate, messages
from tests.outside.exchange import Exchange, Json
from tests.outside.heard import Heard, difference
from tests.outside.house import Got, House, Passage, Question
from tests.outside.outcome import Outcome, judged

READ = {"openai_chat": chat.read, "anthropic": messages.read, "gemini": generate.read}
_FACTS = {"anthropic": fact.of_messages, "gemini": fact.of_generate}
_REFUSED_KEY = (401, 403)


def model_of(exchange: Exchange, door: str) -> str:
    """The recorded name. A host that wants a pause is named anew for each check: the pause is the name's."""
    return f"{exchange.model}-{door}" if exchange.reply.status == 429 else exchange.model


def own_question(exchange: Exchange, *, ask_usage: bool = True) -> Question:
    """The recorded request at the door of its own dialect, usage asked for."""
    body: Json = dict(exchange.request or {})
    model = model_of(exchange, "own")
    if exchange.wire == "gemini":
        action = "streamGenerateContent" if exchange.streams else "generateContent"
        query = "?alt=sse" if exchange.streams and exchange.framed else ""
        body.pop("model", None)
        path = f"/v1beta/models/{{endpoint}}/{model}:{action}{query}"
        return Question(path, json.dumps(body).encode())
    body = {"model": f"{{endpoint}}/{model}", **{k: v for k, v in body.items() if k != "model"}}
    if exchange.wire == "openai_chat":
        if exchange.streams and ask_usage:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        return Question("/v1/chat/completions", json.dumps(body).encode(), exchange.headers)
    return Question("/v1/messages", json.dumps(body).encode(), exchange.headers)


def chat_question(exchange: Exchange, *, stream: bool) -> Question:
    """A plain question at the door of chat completions."""
    body: Json = {
        "model": f"{{endpoint}}/{model_of(exchange, 'chat')}",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": stream,
    }
    if stream:
        body["stream_options"] = {"include_usage": True}
    return Question("/v1/chat/completions", json.dumps(body).encode())


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def judge_own(exchange: Exchange, got: Got) -> str:
    """An answer through its own dialect: member by member, read by the SDK."""
    read = READ[exchange.wire]
    theirs = read(exchange.reply.body, exchange.reply.status)
    ours = read(got.body, got.status)
    if exchange.reply.status != 200 or theirs.error is not None:
        return _judge_error(exchange, theirs, ours, got)
    if got.status != 200 or ours.error is not None:
        return f"status {got.status}: {ours.error}"
    expected, found = theirs.whole, ours.whole
    if exchange.wire == "anthropic":
        expected, found = messages.parsed(expected), messages.parsed(found)
    return difference(expected, found)


def judge_chat(exchange: Exchange, got: Got) -> str:
    """Another wire's answer at the door of chat completions: what it says."""
    theirs = READ[exchange.wire](exchange.reply.body, exchange.reply.status)
    ours = chat.read(got.body, got.status)
    if exchange.reply.status != 200 or theirs.error is not None:
        return _judge_error(exchange, theirs, ours, got)
    if got.status != 200 or ours.error is not None:
        return f"status {got.status}: {ours.error}"
    expected, found = _FACTS[exchange.wire](theirs.whole), fact.of_chat(ours.whole)
    for wanted, choice in zip(expected["choices"], found["choices"], strict=False):
        if choice["finish"] in wanted["finish"]:
            wanted["finish"] = choice["finish"]
        wanted["ids"] = [a or b for a, b in zip(wanted["ids"], choice["ids"], strict=False)]
        if len(set(choice["ids"])) != len(choice["ids"]) or not all(choice["ids"]):
            return f"ids of calls: {choice['ids']}"
    return difference(expected, found)


def _judge_error(exchange: Exchange, theirs: Heard, ours: Heard, got: Got) -> str:
    """A host's refusal keeps status and words; of a key of ours that it refuses the client is not told."""
    status = exchange.reply.status
    if ours.error is None:
        return f"the host's error is told as an answer ({got.status}); it was {theirs.error}"
    if status in _REFUSED_KEY or _is_refused_key(exchange):
        told = got.status == 502 and got.headers.get("x-should-retry") == "false"
        return "" if told else f"status {got.status} for a refused key ({status})"
    if status not in {200, got.status}:
        return f"status {got.status} for {status}: {ours.error[1][:100]}"
    words = theirs.error[1] if theirs.error else ""
    return "" if words in ours.error[1] else f"the words {ours.error[1]!r}; they were {words!r}"


def _is_refused_key(exchange: Exchange) -> bool:
    """Gemini and xAI say 400 of a key that they do not know."""
    return exchange.reply.status == 400 and (
        b"API_KEY_INVALID" in exchange.reply.body or b"Incorrect API key" in exchange.reply.body
    )


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


def judge_request(exchange: Exchange, passage: Passage) -> str:
    """A request through its own door reaches the host whole."""
    if len(passage.sent) != 1:
        return f"{len(passage.sent)} calls; status {passage.got.status}: {passage.got.body[:200]!r}"
    sent = passage.sent[0]
    expected, found = dict(exchange.request or {}), json.loads(sent.body)
    for name in ("model", "stream"):
        expected.pop(name, None)
        found.pop(name, None)
    for each in (expected, found):
        options = dict(each.pop("stream_options", None) or {})
        options.pop("include_usage", None)
        if options:
            each["stream_options"] = options
    if passage.got.dropped:
        return f"dropped: {passage.got.dropped}"
    for name, value in exchange.headers:
        if sent.headers.get(name) != value:
            return f"header {name} is {sent.headers.get(name)}; it was {value}"
    if exchange.wire == "gemini":
        action = "streamGenerateContent" if exchange.streams else "generateContent"
        if f"/{model_of(exchange, 'own')}:{action}" not in sent.path:
            return f"path {sent.path}"
    return difference(expected, found)


async def run(house: House, exchange: Exchange) -> AsyncIterator[Outcome]:
    """Both checks of an exchange."""
    name, family = exchange.name, exchange.family
    if exchange.request is not None:
        passage = await house.pass_through(exchange.wire, own_question(exchange), exchange.reply)
        yield judged(2, exchange.wire, name, family, judge_request(exchange, passage))
        yield judged(1, f"{exchange.wire} → own door", name, family, judge_own(exchange, passage.got))
    if exchange.wire != "openai_chat":
        question = chat_question(exchange, stream=exchange.reply.streamed)
        passage = await house.pass_through(exchange.wire, question, exchange.reply)
        yield judged(
            1, f"{exchange.wire} → chat completions", name, family, judge_chat(exchange, passage.got)
        )
