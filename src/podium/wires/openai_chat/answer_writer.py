"""The server half of an answer: deltas into chunks, a whole answer into a document.

Shapes: https://platform.openai.com/docs/api-reference/chat-streaming. The role stands once in a choice's first delta;
a call's id, type and name once, in its first fragment; calls are counted for themselves; usage stands in the last chunk
and only if it was asked for. The frequent chunk, plain text, is three byte strings put behind each other.
"""

from msgspec import Raw

from podium.errors import PodiumError
from podium.vocabulary.answer import Answer
from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Audio, Extra, Image, Json, Reasoning, Refusal, Text, ToolCall
from podium.vocabulary.request import Request
from podium.vocabulary.usage import HostUsage, Usage
from podium.wires.openai_chat.annotation import write_annotation
from podium.wires.openai_chat.content import write_part
from podium.wires.openai_chat.document import finish_word, write_audio, write_document
from podium.wires.openai_chat.fault import write_error
from podium.wires.openai_chat.member import NAME, Members, encode, level, parse, raw, spliced
from podium.wires.openai_chat.sealed import DETAILS, write_detail, write_sealed_piece
from podium.wires.openai_chat.tool import is_legacy
from podium.wires.openai_chat.usage import write_usage

DONE = b"data: [DONE]\n\n"
_EMPTY = Raw(b'""')
_STEADY = ("system_fingerprint", "service_tier", "provider")


class _Choice:
    """What has been written of one choice: its parts with how many characters of text stand before each."""

    __slots__ = ("calls", "legacy", "length", "lists", "parts", "reasoning", "told")

    def __init__(self) -> None:
        self.parts: dict[int, int] = {}
        self.length = 0
        self.calls: dict[int, tuple[int, str]] = {}
        self.legacy: int | None = None
        self.reasoning = "reasoning_content"
        self.told = False
        self.lists: dict[str, int] = {}


class OpenAIChatWriter:
    """Writes one answer, as a stream (`frame`, then `end` or `error`) or `whole`."""

    def __init__(self, request: Request, *, answer_id: str, created: int, model: str) -> None:
        """`answer_id`, `created` (Unix seconds) and `model` stand in every chunk."""
        self._id, self._created, self._model = answer_id, created, model
        self._include_usage = request.include_usage
        source = request.source
        self._functions = bool(
            source and source.wire == NAME and "functions" in source.members and "tools" not in source.members
        )
        self._choices: dict[int, _Choice] = {}
        self._steady: Members = {}
        self._waiting: Members = {}
        self._usage: UsageSeen | None = None
        self._tail = b',"usage":null' if self._include_usage else b""
        self._set_head()

    def _set_head(self) -> None:
        own = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
        }
        self._head = b"data: " + encode({**own, **self._steady})[:-1] + b',"choices":['
        self._text_head = self._head + b'{"index":0,"delta":{"content":'
        self._text_tail = b'},"logprobs":null,"finish_reason":null}]' + self._tail + b"}\n\n"

    def frame(self, delta: Delta) -> bytes:
        """The chunks for one delta; empty where this dialect shows nothing for it."""
        if isinstance(delta, TextDelta):
            if (
                delta.choice == 0
                and delta.extra is None
                and delta.logprobs is None
                and not self._waiting
                and (choice := self._choices.get(0)) is not None
            ):
                choice.parts.setdefault(delta.index, choice.length)
                choice.length += len(delta.text)
                return self._text_head + encode(delta.text) + self._text_tail
            return self._text(delta)
        if isinstance(delta, ToolCallDelta):
            return self._call_piece(delta)
        if isinstance(delta, ReasoningDelta):
            return self._thought(delta)
        return self._seldom(delta)

    def _seldom(self, delta: Delta) -> bytes:
        written = b""
        match delta:
            case ToolCallStarted():
                written = self._call(delta)
            case RefusalDelta():
                written = self._refusal(delta)
            case PartDone():
                written = self._part(delta) + self._sealed(delta)
            case Finished():
                written = self._finished(delta)
            case AnswerStarted():
                self._take_answer(delta.extra)
            case UsageSeen():
                self._usage = delta
            case _:
                pass
        return written

    def end(self) -> bytes:
        """The usage, if it was asked for and is known, and the terminator."""
        if not self._include_usage or self._usage is None:
            return DONE
        self._take_answer(self._usage.extra)
        usage = usage_of(self._usage.usage, self._usage.host)
        rest = self._answer_members()
        return self._head + b'],"usage":' + bytes(usage) + rest + b"}\n\n" + DONE

    def error(self, status: int, error: PodiumError) -> bytes:
        """The error as the stream's last event; there is no terminator behind it."""
        return b"data: " + write_error(status, error) + b"\n\n"

    def whole(self, answer: Answer) -> bytes:
        """The document of a whole answer."""
        own: dict[str, object] = {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
        }
        return write_document(answer, own, functions=self._functions)

    def _take_answer(self, extra: Extra | None) -> None:
        members = level(extra, "answer")
        steady = {name: value for name, value in members.items() if name in _STEADY}
        if steady:
            self._steady.update(steady)
            self._set_head()
        self._waiting.update((name, value) for name, value in members.items() if name not in _STEADY)

    def _answer_members(self) -> bytes:
        waiting, self._waiting = self._waiting, {}
        return b"," + encode(waiting)[1:-1] if waiting else b""

    def _opened(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _chunk(
        self,
        index: int,
        body: bytes,
        extra: Extra | None,
        *,
        logprobs: Raw | None = None,
        finish: bytes = b"null",
    ) -> bytes:
        """One chunk of one choice; `body` are the members of its delta, to which the first adds the role."""
        beside = b""
        if not self._opened(index).told:
            body = self._first(index, body, extra)
        if extra is not None:
            self._take_answer(extra)
            body = (body + self._beside_text(index, extra)).removeprefix(b",")
            beside = _beside(extra)
        said = bytes(logprobs) if logprobs is not None else b"null"
        return b"".join(
            (
                self._head,
                b'{"index":%d,"delta":{' % index,
                body,
                b"}" if b'"logprobs":' in beside else b'},"logprobs":' + said,
                b',"finish_reason":' + finish,
                beside,
                b"}]",
                self._tail,
                self._answer_members(),
                b"}\n\n",
            )
        )

    def _beside_text(self, index: int, extra: Extra) -> bytes:
        """Unknown members of the delta. Entries of lists get an index: the official SDK cannot add them up without."""
        members = level(extra, "message")
        for name, value in members.items():
            if bytes(value)[:1] == b"[" and (entries := parse(value, list[Members])):
                counted = self._choices[index].lists
                for entry in entries:
                    if "index" not in entry:
                        entry["index"] = raw(counted.get(name, 0))
                    counted[name] = counted.get(name, 0) + 1
                members[name] = raw(entries)
        return b"," + encode(members)[1:-1] if members else b""

    def _first(self, index: int, body: bytes, extra: Extra | None) -> bytes:
        self._choices[index].told = True
        silent = b"" if b'"content":' in body or "content" in level(extra, "message") else b',"content":null'
        return b'"role":"assistant"' + silent + (b"," + body if body else b"")

    def _text(self, delta: TextDelta) -> bytes:
        """A choice that begins with text says its role in a chunk of its own, as OpenAI's do."""
        choice = self._opened(delta.choice)
        opening = b"" if choice.told else self._chunk(delta.choice, b'"content":"","refusal":null', None)
        choice.parts.setdefault(delta.index, choice.length)
        choice.length += len(delta.text)
        body = b'"content":' + encode(delta.text)
        return opening + self._chunk(delta.choice, body, delta.extra, logprobs=delta.logprobs)

    def _refusal(self, delta: RefusalDelta) -> bytes:
        self._opened(delta.choice).parts.setdefault(delta.index, 0)
        body = b'"refusal":' + encode(delta.text)
        return self._chunk(delta.choice, body, delta.extra, logprobs=delta.logprobs)

    def _thought(self, delta: ReasoningDelta) -> bytes:
        """Under the member that the host uses for it; Mistral's lists would break clients that add up strings."""
        choice = self._opened(delta.choice)
        if delta.extra is not None and delta.extra.wire == NAME and "reasoning" in delta.extra.members:
            name = parse(delta.extra.members["reasoning"], str)
            choice.reasoning = "reasoning" if name == "reasoning" else "reasoning_content"
        choice.parts.setdefault(delta.index, 0)
        body = b'"' + choice.reasoning.encode() + b'":' + encode(delta.text)
        return self._chunk(delta.choice, body, delta.extra)

    def _call(self, delta: ToolCallStarted) -> bytes:
        choice = self._opened(delta.choice)
        choice.parts.setdefault(delta.index, 0)
        if choice.legacy is None and (self._functions or is_legacy(delta.extra)):
            choice.legacy = delta.index
            body = b'"function_call":{"name":' + encode(delta.name) + b',"arguments":""}'
            return self._chunk(delta.choice, body, delta.extra)
        at = len(choice.calls)
        choice.calls[delta.index] = (at, delta.kind)
        argument = b"input" if delta.kind == "custom" else b"arguments"
        body = b'"tool_calls":[{"index":%d,"id":%b,"type":"%b","%b":{"name":%b,"%b":""%b}%b}]' % (
            at,
            encode(delta.id),
            delta.kind.encode(),
            delta.kind.encode(),
            encode(delta.name),
            argument,
            spliced(delta.extra, "function"),
            _beside_call(delta.extra),
        )
        return self._chunk(delta.choice, body, delta.extra)

    def _call_piece(self, delta: ToolCallDelta) -> bytes:
        choice = self._opened(delta.choice)
        if choice.legacy == delta.index:
            body = b'"function_call":{"arguments":' + encode(delta.arguments) + b"}"
            return self._chunk(delta.choice, body, delta.extra)
        at, kind = choice.calls[delta.index]
        inner = b'"custom":{"input":' if kind == "custom" else b'"function":{"arguments":'
        body = b'"tool_calls":[{"index":%d,%b%b%b}%b}]' % (
            at,
            inner,
            encode(delta.arguments),
            spliced(delta.extra, "function"),
            _beside_call(delta.extra),
        )
        return self._chunk(delta.choice, body, delta.extra)

    def _part(self, delta: PartDone) -> bytes:
        """A part that was streamed says only what is new: its citations. One that was not says all."""
        index, at, part, extra = delta.choice, delta.index, delta.part, delta.extra
        told = self._choices.get(index)
        seen = told is not None and at in told.parts
        written = b""
        match part:
            case Text():
                if part.text and not seen:
                    written = self.frame(TextDelta(at, part.text, index, extra=extra))
                written += self._annotations(index, at, part)
            case Image():
                image = _indexed(write_part(part, "images"), at)
                written = self._chunk(index, b'"images":[' + image + b"]", extra)
            case Audio():
                written = self._chunk(index, b'"audio":' + bytes(write_audio(part)), extra)
            case _ if seen:
                pass
            case Refusal():
                written = self.frame(RefusalDelta(at, part.text, index, extra=extra))
            case Reasoning() if part.text and not _in_details(part):
                written = self.frame(ReasoningDelta(at, part.text, index, extra=part.extra))
            case ToolCall():
                start = ToolCallStarted(at, part.id, part.name, index, part.kind, part.extra)
                written = self.frame(start) + self.frame(ToolCallDelta(at, part.arguments, index))
            case Json():
                written = self.frame(TextDelta(at, bytes(part.value).decode(), index, extra=extra))
        return written

    def _sealed(self, delta: PartDone) -> bytes:
        """The signature of a part, which is known when it is whole."""
        part, choice = delta.part, self._opened(delta.choice)
        if isinstance(part, Reasoning):
            at = choice.lists.get(DETAILS, 0)
            if (entry := write_detail(part, at)) is None:
                return b""
            choice.lists[DETAILS] = at + 1
            return self._chunk(delta.choice, b'"reasoning_details":[' + bytes(entry) + b"]", None)
        if isinstance(part, ToolCall) and part.signature is not None and delta.index in choice.calls:
            body = encode(write_sealed_piece(part, choice.calls[delta.index][0]))
            return self._chunk(delta.choice, b'"tool_calls":[' + body + b"]", None)
        return b""

    def _annotations(self, index: int, at: int, part: Text) -> bytes:
        if not part.annotations:
            return b""
        choice = self._opened(index)
        count, before = choice.lists.get("annotations", 0), choice.parts.get(at, choice.length)
        entries = [
            write_annotation(each, count + n, before=before) for n, each in enumerate(part.annotations)
        ]
        choice.lists["annotations"] = count + len(entries)
        return self._chunk(index, b'"annotations":' + encode(entries), None)

    def _finished(self, delta: Finished) -> bytes:
        """An empty reason, which some documents have, would look like none in a stream."""
        legacy = self._opened(delta.choice).legacy is not None
        word = finish_word(delta, legacy=legacy)
        if word == _EMPTY:
            word = finish_word(Finished(delta.reason), legacy=legacy)
        return self._chunk(delta.choice, b"", delta.extra, finish=bytes(word))


def usage_of(usage: Usage, host: HostUsage | None) -> Raw:
    """The host's own usage where it is of this wire, else one made from the buckets."""
    return host.value if host is not None and host.wire == NAME else write_usage(usage)


def _beside(extra: Extra) -> bytes:
    """Members beside the delta, but those that have their own place: the host's finish reason, a document's delta."""
    members = level(extra, "choice")
    members.pop("finish_reason", None)
    members.pop("delta", None)
    return b"," + encode(members)[1:-1] if members else b""


def _in_details(part: Reasoning) -> bool:
    """Whether the text stands in `reasoning_details`, which have been written with their deltas."""
    return bytes(part.extra.members.get("reasoning", b"")) == b'"reasoning_details"' if part.extra else False


def _beside_call(extra: Extra | None) -> bytes:
    """A document's calls may have an index of their own; in a stream it is ours."""
    members = level(extra, "call")
    members.pop("index", None)
    return b"," + encode(members)[1:-1] if members else b""


def _indexed(entry: Raw, at: int) -> bytes:
    """Entries of streamed lists have an index: the official SDK adds lists up by it."""
    members = parse(entry, Members) or {}
    return encode({"index": raw(at), **members})
