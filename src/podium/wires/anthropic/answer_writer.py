"""The server half of an answer: deltas into events, a whole answer into a message.

Source: https://docs.claude.com/en/docs/build-with-claude/streaming. One block is open at a time and blocks are counted
without gaps; what comes while a call is not yet complete waits for its end. The usage of a `message_delta` is
cumulative, input included. The frequent event, plain text, is three byte strings put behind each other.
"""

from msgspec import Raw

from podium.errors import PodiumError, Untold
from podium.vocabulary.answer import Answer, Choice
from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    FinishReason,
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Audio, Extra, Json, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from podium.wires.anthropic.block_writer import (
    EMPTY,
    citations_of,
    input_of,
    is_untold,
    seal_of,
    sealed_call,
    write_block,
)
from podium.wires.anthropic.fault import write_error
from podium.wires.anthropic.member import NAME, level
from podium.wires.anthropic.stop import write_reason
from podium.wires.anthropic.usage import usage_of
from podium.wires.member import NULL, Members, encode, parse, raw

_OfChoice = (
    TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ToolCallStarted
    | ToolCallDelta
    | ToolCallCompleted
    | PartDone
    | Finished
)

_PIECES: dict[type[Delta], tuple[str, str]] = {
    TextDelta: ("text_delta", "text"),
    ReasoningDelta: ("thinking_delta", "thinking"),
    ToolCallDelta: ("input_json_delta", "partial_json"),
}
"""The type of the delta for each kind of piece, and the member that holds it."""

_NO_USAGE = raw({"input_tokens": 0, "output_tokens": 0})
_UNTOLD = 502
_STOPPED = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def _event(kind: str, body: bytes) -> bytes:
    """One event; `body` are the members behind its type."""
    name = kind.encode()
    return b"event: " + name + b'\ndata: {"type":"' + name + b'"' + body + b"}\n\n"


class AnthropicWriter:
    """Writes one answer, as a stream (`frame`, then `end` or `error`) or `whole`; of several choices the first."""

    def __init__(self, *, answer_id: str, model: str) -> None:
        """`answer_id` and `model` stand in the message."""
        self._id, self._model = answer_id, model
        self._started = False
        self._opening: Members = {}
        self._usage: UsageSeen | None = None
        self._at: int | None = None
        self._call: ToolCallStarted | None = None
        self._arguments: list[str] = []
        self._held: list[Delta] = []
        self._written: set[int] = set()
        self._blocks = 0
        self._refused = self._lost = self._shown = False
        self._finished: Finished | None = None
        self._kind: type[Delta] | None = None
        self._head = b""

    def frame(self, delta: Delta) -> bytes:
        """The events for one delta; empty where this dialect shows nothing for it."""
        if isinstance(delta, TextDelta | ReasoningDelta | ToolCallDelta):
            if delta.choice != 0:
                return b""
            if type(delta) is self._kind and delta.index == self._at and delta.extra is None:
                text = delta.arguments if isinstance(delta, ToolCallDelta) else delta.text
                return self._head + encode(text) + b"}}\n\n"
            return self._choose(delta)
        if isinstance(delta, AnswerStarted):
            self._opening = level(delta.extra, "message")
            return b""
        if isinstance(delta, UsageSeen):
            self._usage = delta
            return self._start()
        return self._choose(delta) if delta.choice == 0 else b""

    def _choose(self, delta: _OfChoice) -> bytes:
        if isinstance(delta, Finished):
            return self._finish(delta)
        if self._call is not None and delta.index != self._at:
            self._held.append(delta)
            return b""
        return self._start() + self._write(delta)

    def _write(self, delta: Delta) -> bytes:
        written = b""
        match delta:
            case TextDelta():
                written = self._text(delta.index, delta.text, delta.extra)
            case RefusalDelta():
                self._refused = True
                written = self._text(delta.index, delta.text, None)
            case ReasoningDelta():
                written = self._thought(delta.index, delta.text, delta.extra)
            case ToolCallStarted():
                written = self._open_call(delta)
            case ToolCallDelta():
                written = self._call_piece(delta)
            case ToolCallCompleted():
                written = self._close() + self._release()
            case PartDone():
                written = self._part(delta.index, delta.part)
            case _:
                pass
        return written

    def end(self) -> bytes:
        """Why it ended, the usage in all, and the terminator; an error where nothing of the answer could be shown."""
        said = self._finished or Finished("stop")
        if self._lost and not self._shown and said.reason == "stop":
            return self._start() + self.error(_UNTOLD, Untold())
        extra = said.extra
        stop = {
            "stop_reason": raw(self._word(said.reason, said.raw)),
            "stop_sequence": NULL,
            **level(extra, "stop"),
        }
        usage = _NO_USAGE if self._usage is None else usage_of(self._usage.usage, self._usage.host)
        event = {"delta": stop, "usage": usage, **level(extra, "event")}
        ending = _event("message_delta", b"," + encode(event)[1:-1])
        return self._start() + _unknown(extra) + ending + _STOPPED

    def error(self, status: int, error: PodiumError) -> bytes:
        """The error as the stream's last event; there is no terminator behind it."""
        return b"event: error\ndata: " + write_error(status, error) + b"\n\n"

    def whole(self, answer: Answer) -> bytes:
        """The document of a whole answer.

        Raises:
            Untold: this dialect can show nothing of what the answer says.
        """
        choice = next((each for each in answer.choices if each.index == 0), Choice(0, ()))
        if choice.finish == "stop" and is_untold(choice.parts):
            raise Untold
        blocks = [
            block
            for part in choice.parts
            for block in (write_block(part), _sealed(part))
            if block is not None
        ]
        self._refused = any(isinstance(part, Refusal) for part in choice.parts)
        usage = _NO_USAGE if answer.usage is None else usage_of(answer.usage, answer.host_usage)
        beside: Members = {}
        for extra in (*answer.extra, *choice.extra):
            for name in ("message", "stop", "event"):
                beside.update(level(extra, name))
        message: dict[str, object] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": blocks,
            "stop_reason": None if choice.finish is None else self._word(choice.finish, choice.raw_finish),
            "stop_sequence": None,
            "usage": usage,
            **beside,
        }
        return encode(message)

    def _word(self, reason: FinishReason, word: str | None) -> str:
        return "refusal" if self._refused and reason == "stop" else write_reason(reason, word)

    def _start(self) -> bytes:
        """The message's beginning, before anything else; with the input's usage where it is known by then."""
        if self._started:
            return b""
        self._started = True
        usage = _NO_USAGE if self._usage is None else usage_of(self._usage.usage, self._usage.host)
        message: dict[str, object] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
            **self._opening,
        }
        return _event("message_start", b',"message":' + encode(message))

    def _finish(self, delta: Finished) -> bytes:
        self._finished = delta
        written = self._start() + self._close()
        while self._held:
            written += self._release() + self._close()
        return written

    def _release(self) -> bytes:
        held, self._held = self._held, []
        return b"".join([self.frame(delta) for delta in held])

    def _open(self, index: int, block: dict[str, object], extra: Extra | None) -> bytes:
        """The start of a block, unless it is open."""
        if self._at == index:
            return b""
        written = self._close()
        at = self._blocks
        self._blocks += 1
        self._at = index
        self._written.add(index)
        return written + _event(
            "content_block_start",
            b',"index":%d,"content_block":%b' % (at, encode({**block, **level(extra, "block")})),
        )

    def _close(self) -> bytes:
        if self._at is None:
            return b""
        written = self._custom() if self._call is not None and self._call.kind == "custom" else b""
        self._at = self._kind = self._call = None
        return written + _event("content_block_stop", b',"index":%d' % (self._blocks - 1))

    def _delta(self, delta: dict[str, object], extra: Extra | None = None) -> bytes:
        whole = encode({**delta, **level(extra, "delta")})
        return _event("content_block_delta", b',"index":%d,"delta":%b' % (self._blocks - 1, whole))

    def _piece(self, kind: type[Delta], text: str, extra: Extra | None) -> bytes:
        """One delta of the open block; the next of its kind need only its head put before them."""
        name, member = _PIECES[kind]
        if extra is not None:
            return self._delta({"type": name, member: text}, extra)
        if kind is not self._kind:
            self._kind = kind
            self._head = (
                b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
                % (self._blocks - 1, name.encode(), member.encode())
            )
        return self._head + encode(text) + b"}}\n\n"

    def _text(self, index: int, text: str, extra: Extra | None) -> bytes:
        self._shown = self._shown or bool(text)
        return self._open(index, {"type": "text", "text": ""}, extra) + self._piece(TextDelta, text, extra)

    def _thought(self, index: int, text: str, extra: Extra | None) -> bytes:
        opening: dict[str, object] = {"type": "thinking", "thinking": "", "signature": ""}
        return self._open(index, opening, extra) + self._piece(ReasoningDelta, text, extra)

    def _open_call(self, delta: ToolCallStarted) -> bytes:
        block: dict[str, object] = {"type": "tool_use", "id": delta.id, "name": delta.name, "input": EMPTY}
        written = self._open(delta.index, block, delta.extra)
        self._call, self._arguments, self._shown = delta, [], True
        return written

    def _call_piece(self, delta: ToolCallDelta) -> bytes:
        if self._call is None:
            return b""
        if self._call.kind == "custom":
            self._arguments.append(delta.arguments)
            return b""
        return self._piece(ToolCallDelta, delta.arguments, delta.extra)

    def _custom(self) -> bytes:
        """What a custom tool was given is no JSON; it stands in a member of the input."""
        value = encode({"input": "".join(self._arguments)}).decode()
        return self._delta({"type": "input_json_delta", "partial_json": value})

    def _part(self, index: int, part: Part) -> bytes:
        """A part that was streamed says only what is new: its citations or its signature. Else it says all."""
        if index == self._at:
            written = self._rest(part) + self._close() + self._release()
        elif index in self._written:
            written = self._late(part)
        else:
            written = self._all(index, part)
        sealed = _sealed(part)
        return written + (self._block(index, sealed) if sealed is not None else b"")

    def _rest(self, part: Part) -> bytes:
        if isinstance(part, Text):
            cited = citations_of(part).get("citations", ())
            return b"".join([self._delta({"type": "citations_delta", "citation": each}) for each in cited])
        if isinstance(part, Reasoning) and part.signature is not None:
            return self._delta({"type": "signature_delta", "signature": seal_of(part.signature)})
        return b""

    def _late(self, part: Part) -> bytes:
        """What is new of a part whose block has ended stands in a block of its own."""
        match part:
            case Text(annotations=annotations) if annotations and (rest := self._rest(part)):
                del rest
                written = (
                    self._open(-1, {"type": "text", "text": ""}, None) + self._rest(part) + self._close()
                )
            case Reasoning(signature=signature) if signature is not None:
                block: dict[str, object] = {"type": "thinking", "thinking": "", "signature": ""}
                written = self._open(-1, block, None) + self._rest(part) + self._close()
            case _:
                written = b""
        return written

    def _all(self, index: int, part: Part) -> bytes:
        written = b""
        match part:
            case Text(text=text):
                written = self._open(index, {"type": "text", "text": ""}, part.extra)
                written += self._text(index, text, None) if text else b""
                written += self._rest(part) + self._close()
            case Refusal(text=text):
                self._refused = True
                written = self._text(index, text, None) + self._close()
            case Audio(transcript=str(text)) if text:
                written = self._text(index, text, None) + self._close()
            case Json(value=value):
                written = self._text(index, bytes(value).decode(), None) + self._close()
            case Reasoning() if not part.redacted:
                opening: dict[str, object] = {"type": "thinking", "thinking": "", "signature": ""}
                written = self._open(index, opening, part.extra)
                written += self._thought(index, part.text, None) if part.text else b""
                written += self._rest(part) + self._close()
            case ToolCall():
                start = ToolCallStarted(index, part.id, part.name, extra=part.extra)
                piece = ToolCallDelta(index, bytes(input_of(part)).decode())
                written = self._open_call(start) + self._call_piece(piece) + self._close()
            case Reasoning() | Opaque():
                block = write_block(part)
                self._lost = self._lost or block is None
                self._shown = self._shown or (block is not None and isinstance(part, Opaque))
                written = self._block(index, block) if block is not None else b""
            case _:
                self._lost = True
        return written

    def _block(self, index: int, block: Raw) -> bytes:
        """A whole block; an `input` is told in a delta, as clients expect it."""
        members = parse(block, Members) or {}
        told = members.get("input", EMPTY)
        if told == EMPTY or bytes(told)[:1] != b"{":
            return self._open(index, {**members}, None) + self._close()
        written = self._open(index, {**members, "input": EMPTY}, None)
        text = bytes(told).decode()
        return written + self._delta({"type": "input_json_delta", "partial_json": text}) + self._close()


def _sealed(part: Part) -> Raw | None:
    return sealed_call(part) if isinstance(part, ToolCall) else None


def _unknown(extra: Extra | None) -> bytes:
    """Events of a kind that is not known, as they came."""
    if extra is None or extra.wire != NAME or "events" not in extra.members:
        return b""
    written = b""
    for event in parse(extra.members["events"], list[Raw]) or ():
        kind = parse((parse(event, Members) or {}).get("type"), str) or ""
        if kind.isidentifier():
            written += b"event: " + kind.encode() + b"\ndata: " + bytes(event) + b"\n\n"
    return written
