"""The client half of an answer: a message or a stream of events into deltas.

Source: https://docs.claude.com/en/docs/build-with-claude/streaming. Events are known by the `type` in their data; a
`ping` may stand anywhere. `Finished` is told at `message_stop`, the terminator.
"""

from collections.abc import Callable
from typing import ClassVar

from msgspec import Raw

from podium.errors import Garbled, ProviderError, Truncated
from podium.vocabulary.event import AnswerStarted, Delta, Finished, UsageSeen
from podium.vocabulary.part import Extra
from podium.vocabulary.usage import HostUsage
from podium.wires.anthropic.block_reader import BlockReader, SchemaBlock, read_block
from podium.wires.anthropic.fault import read_inline_error
from podium.wires.anthropic.member import NAME, extra_of
from podium.wires.anthropic.plain import PlainArguments, PlainText, decode_plain
from podium.wires.anthropic.stop import read_reason, write_reason
from podium.wires.anthropic.usage import merged, read_tier, read_usage
from podium.wires.intake import Intake
from podium.wires.member import (
    BROKEN,
    NULL,
    Members,
    decode_members,
    is_null,
    mended,
    on_one_line,
    parse,
    raw,
    rest_of,
)
from podium.wires.sse import Event

_MESSAGE = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")
_STOP = ("stop_details", "container")
"""Members of a document that a stream tells with its stop reason."""
_EVENT = ("context_management",)
_ERROR = Raw(b'"error"')
_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_BLOCKS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
"""The kind of block that a delta belongs to whose start did not come."""


class AnthropicReader:
    """Reads one answer by what its bytes are: a JSON document if they begin as one, else server-sent events.

    An error is raised only when every delta before it has been given out, so the chunking makes no difference to what
    is seen.
    """

    def __init__(self, *, event_bytes: int, body_bytes: int) -> None:
        """`event_bytes`, `body_bytes`: the most that one event or one whole document may hold."""
        self.done = False
        self._intake = Intake(event_bytes=event_bytes, body_bytes=body_bytes)
        self._error: ProviderError | None = None
        self._out: list[Delta] = []
        self._came = False
        self._model = ""
        self._parts = 0
        self._open: dict[int, BlockReader] = {}
        self._begun: dict[int, Raw | None] = {}
        self._calls = self._schemas = False
        self._usage: Raw | None = None
        self._stop: str | None = None
        self._stop_extra: Members = {}
        self._event_extra: Members = {}
        self._events: list[Raw] = []

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete.

        Raises:
            Garbled: the bytes are no answer of this wire, or too many.
            ProviderError: the host reports an error.
        """
        for event in self._intake.feed(data):
            self._event(event)
        if self._intake.fault is not None and not self.done:
            self._error = self._error or self._intake.fault
        return self._given()

    def close(self) -> list[Delta]:
        """The last deltas; of a document all of them, so that an error comes when it is called again.

        Raises:
            Truncated: the answer ended before its terminator, or nothing came at all.
            Garbled: the bytes were no answer of this wire.
        """
        if self._error is None and not self.done:
            if self._intake.document is not None:
                self._read_document(bytes(self._intake.document))
            else:
                self._torn()
        return self._given()

    def _given(self) -> list[Delta]:
        out = self._out
        if out:
            self._out = []
        elif self._error is not None:
            raise self._error
        return out

    def _torn(self) -> None:
        """The event that lacks its blank line at the end of the bytes counts if it is the terminator."""
        for event in self._intake.close():
            self._event(event)
        if self.done:
            return
        self._out = []
        if self._intake.any and not self._came:
            self._error = Garbled(
                "The model's host sent something that is neither JSON nor server-sent events."
            )
        elif self._error is None or isinstance(self._error, Garbled):
            self._error = Truncated()

    def _read_document(self, document: bytes) -> None:
        try:
            members = decode_members(on_one_line(mended(document)))
            if "error" in members or members.get("type") == _ERROR:
                self._error = read_inline_error(Raw(document))
            elif parse(members.get("content"), list[Members]) is None:
                self._error = Garbled("The model's host sent a document that is not a message.")
            else:
                self._message(members, whole=True)
        except BROKEN as broken:
            if "truncated" in str(broken):
                self._error = Truncated()
            else:
                self._error = Garbled(f"The model's host sent JSON that is not an answer: {broken}")

    def _event(self, event: Event) -> None:
        if self.done or self._error is not None or not event.data:
            return
        self._came = True
        data = event.data
        if self._plain(data):
            return
        try:
            members = decode_members(on_one_line(mended(data)))
            kind = parse(members.get("type"), str) or event.name
            if event.name == "error" or kind == "error":
                self._error = read_inline_error(Raw(data))
            elif (read := self._READERS.get(kind)) is not None:
                read(self, members)
            elif kind != "ping":
                self._events.append(raw({"type": kind, **members}))
        except BROKEN as broken:
            if event.name == "error":
                self._error = read_inline_error(raw(data.decode("utf-8", "replace")))
            else:
                self._error = Garbled(f"The model's host sent an event that is not this wire's: {broken}")

    def _plain(self, data: bytes) -> bool:
        """Read the frequent event; False where it is another."""
        try:
            event = decode_plain(data)
        except BROKEN:
            return False
        block = self._open.get(event.index)
        if block is None:
            return False
        delta = event.delta
        if isinstance(delta, PlainText):
            kind, text = "text_delta", delta.text
        elif isinstance(delta, PlainArguments):
            kind, text = "input_json_delta", delta.partial_json
        else:
            kind, text = "thinking_delta", delta.thinking
        if block.piece_kind != kind:
            return False
        block.piece(text, self._out)
        return True

    def _started(self, members: Members) -> None:
        self._message(parse(members.get("message"), Members) or {}, whole=False)

    def _message(self, members: Members, *, whole: bool) -> None:
        """A message: its beginning, or all of it. What a stream tells at its end waits for the end."""
        self._model = parse(members.get("model"), str) or ""
        late = (*_STOP, *_EVENT) if whole else ()
        self._out.append(
            AnswerStarted(
                id=parse(members.get("id"), str) or None,
                model=self._model or None,
                extra=extra_of(message=rest_of(members, *_MESSAGE, *late)),
            )
        )
        self._count(members.get("usage"))
        for at, block in enumerate(parse(members.get("content"), list[Members]) or ()):
            self._begin(at, block)
            self._end_block(at)
        if whole:
            stop = {
                name: members[name] for name in ("stop_reason", "stop_sequence", *_STOP) if name in members
            }
            self._take_stop(stop)
            self._event_extra = {name: members[name] for name in _EVENT if name in members}
            self._finish()

    def _begin_block(self, members: Members) -> None:
        at, block = parse(members.get("index"), int) or 0, members.get("content_block")
        if at in self._open and self._begun.get(at) == block:
            return  # hosts repeat an event now and then; a block that is open cannot begin again
        self._begun[at] = block
        self._begin(at, parse(block, Members) or {})

    def _begin(self, at: int, members: Members) -> None:
        block = self._open[at] = read_block(self._parts, members, self._model)
        self._parts += 1
        self._calls = self._calls or block.is_call
        self._schemas = self._schemas or isinstance(block, SchemaBlock)
        block.start(self._out)

    def _go_on(self, members: Members) -> None:
        at = parse(members.get("index"), int) or 0
        delta = parse(members.get("delta"), Members) or {}
        kind = parse(delta.pop("type", None), str) or ""
        if at not in self._open:
            self._begin(at, {"type": raw(_BLOCKS.get(kind, kind))})
        block = self._open[at]
        if kind == block.piece_kind:
            text = parse(delta.pop(_PIECES[kind], None), str) or ""
            block.piece(text, self._out, delta)
        else:
            block.merge(delta)

    def _end_part(self, members: Members) -> None:
        self._end_block(parse(members.get("index"), int) or 0)

    def _end_block(self, at: int) -> None:
        block = self._open.pop(at, None)
        if block is not None:
            block.end(self._out)

    def _ending(self, members: Members) -> None:
        self._take_stop(parse(members.get("delta"), Members) or {})
        self._event_extra.update(rest_of(members, "type", "delta", "usage"))
        self._count(members.get("usage"))

    def _take_stop(self, stop: Members) -> None:
        self._stop = parse(stop.get("stop_reason"), str) or self._stop
        self._stop_extra.update(rest_of(stop, "stop_reason"))

    def _count(self, value: Raw | None) -> None:
        if is_null(value) or value is None:
            return
        counted = merged(self._usage, value)
        usage = read_usage(counted)
        if usage is None:
            return
        self._usage = counted
        self._out.append(UsageSeen(usage=usage, host=HostUsage(NAME, counted), tier=read_tier(counted)))

    def _stopped(self, _members: Members) -> None:
        self._finish()

    def _finish(self) -> None:
        """The end that the host meant, if it said why."""
        if self._stop is None:
            self._error = Truncated()
            return
        for at in sorted(self._open):
            self._end_block(at)
        self.done = True
        reason = read_reason(self._stop)
        if reason == "tool_calls" and self._schemas and not self._calls:
            reason = "stop"
        elif self._calls and reason == "other":
            reason = "tool_calls"
        extra = dict(self._stop_extra)
        if extra.get("stop_sequence") == NULL:
            del extra["stop_sequence"]
        if self._stop != write_reason(reason) and not (self._schemas and reason == "stop"):
            extra["stop_reason"] = raw(self._stop)
        beside = extra_of(stop=extra, event=self._event_extra)
        if self._events:
            beside = Extra(NAME, {**(beside.members if beside else {}), "events": raw(self._events)})
        self._out.append(Finished(reason=reason, raw=self._stop, extra=beside))

    _READERS: ClassVar[dict[str, "Callable[[AnthropicReader, Members], None]"]] = {
        "message_start": _started,
        "content_block_start": _begin_block,
        "content_block_delta": _go_on,
        "content_block_stop": _end_part,
        "message_delta": _ending,
        "message_stop": _stopped,
    }
