"""What the stand-in says, in the words of each wire: pieces of a chunked body, made once."""

import functools
import json
from collections.abc import Callable

_WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "grey",
    "geese",
    "watch",
)
_ID = "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG"
_CREATED = 1_760_000_000
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


def word(index: int) -> str:
    """The text of a chunk."""
    return " " + _WORDS[index % len(_WORDS)]


def words(count: int) -> str:
    """The text of a whole answer."""
    return "".join(word(index) for index in range(count))


@functools.cache
def opening(wire: str, model: str) -> bytes:
    """The head of a stream, and what comes before its text."""
    return _HEAD + _OPENINGS[wire](model)


@functools.cache
def chunk(wire: str, model: str, text: str) -> bytes:
    """A chunk of text."""
    return _CHUNKS[wire](model, text)


@functools.cache
def closing(wire: str, model: str, count: int) -> bytes:
    """What comes after so many words, to the end of the body."""
    return _CLOSINGS[wire](model, count) + _END


@functools.cache
def at_once(wire: str, model: str, count: int) -> bytes:
    """A stream whose text is one chunk."""
    return opening(wire, model) + chunk(wire, model, words(count)) + closing(wire, model, count)


@functools.cache
def whole(model: str, count: int) -> bytes:
    """An answer of OpenAI's as one document, with its head."""
    message = {"role": "assistant", "content": words(count), "refusal": None}
    answer = {
        "id": _ID,
        "object": "chat.completion",
        "created": _CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(count),
    }
    body = _json(answer)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _piece(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


# ── OpenAI's chat completions ────────────────────────────────────────────────────────────────────────────


def _of_openai(model: str, **members: object) -> bytes:
    head = {
        "id": _ID,
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }
    return _piece(b"data: %b\n\n" % _json({**head, **members}))


def _choice(delta: dict[str, str], finish: str | None = None) -> list[dict[str, object]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]


def _usage(count: int) -> dict[str, int]:
    return {"prompt_tokens": 20, "completion_tokens": count, "total_tokens": 20 + count}


def _close_openai(model: str, count: int) -> bytes:
    ended = _of_openai(model, choices=_choice({}, "stop"), usage=None)
    return ended + _of_openai(model, choices=[], usage=_usage(count)) + _piece(b"data: [DONE]\n\n")


# ── Anthropic's Messages ─────────────────────────────────────────────────────────────────────────────────


def _of_anthropic(name: str, **members: object) -> bytes:
    return _piece(b"event: %b\ndata: %b\n\n" % (name.encode(), _json({"type": name, **members})))


def _open_anthropic(model: str) -> bytes:
    message: dict[str, object] = {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 20, "output_tokens": 1},
    }
    block = {"type": "text", "text": ""}
    return _of_anthropic("message_start", message=message) + _of_anthropic(
        "content_block_start", index=0, content_block=block
    )


def _close_anthropic(_model: str, count: int) -> bytes:
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    return (
        _of_anthropic("content_block_stop", index=0)
        + _of_anthropic("message_delta", delta=ended, usage={"output_tokens": count})
        + _of_anthropic("message_stop")
    )


# ── Gemini's streamGenerateContent ───────────────────────────────────────────────────────────────────────


def _of_gemini(model: str, text: str, *, count: int = 1, **members: object) -> bytes:
    content = {"parts": [{"text": text}], "role": "model"}
    answer = {
        "candidates": [{"content": content, **members, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 20,
            "candidatesTokenCount": count,
            "totalTokenCount": 20 + count,
        },
        "modelVersion": model,
        "responseId": "lJ_YaKbTOaWKz7IPm5K4iQY",
    }
    return _piece(b"data: %b\r\n\r\n" % _json(answer))


_OPENINGS: dict[str, Callable[[str], bytes]] = {
    "openai_chat": lambda model: _of_openai(
        model, choices=_choice({"role": "assistant", "content": ""}), usage=None
    ),
    "anthropic": _open_anthropic,
    "gemini": lambda _model: b"",
}
_CHUNKS: dict[str, Callable[[str, str], bytes]] = {
    "openai_chat": lambda model, text: _of_openai(model, choices=_choice({"content": text}), usage=None),
    "anthropic": lambda _model, text: _of_anthropic(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": text}
    ),
    "gemini": _of_gemini,
}
_CLOSINGS: dict[str, Callable[[str, int], bytes]] = {
    "openai_chat": _close_openai,
    "anthropic": _close_anthropic,
    "gemini": lambda model, count: _of_gemini(model, "", count=count, finishReason="STOP"),
}
