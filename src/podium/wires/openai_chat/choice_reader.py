"""One choice of an answer: what its deltas and its message say, part by part."""

from collections.abc import Callable
from typing import ClassVar, Literal

import msgspec
from msgspec import Raw

from podium.vocabulary.event import (
    Delta,
    Finished,
    FinishReason,
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from podium.vocabulary.part import Audio, Extra, Media, Opaque, Part, Reasoning, Text
from podium.wires.openai_chat.annotation import read_annotations
from podium.wires.openai_chat.call_reader import CallReader
from podium.wires.openai_chat.content import read_image
from podium.wires.openai_chat.member import (
    NAME,
    NULL,
    Members,
    appended,
    decode_list,
    decode_members,
    decode_raws,
    decode_text,
    extra_of,
    joined,
    parse,
    raw,
)
from podium.wires.openai_chat.plain import PlainDelta

_FINISH: dict[str, FinishReason] = {
    "": "stop",  # of a whole document; see `_finished`
    "stop": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "logprobs"})
_MESSAGE = frozenset(
    {
        "role",
        "content",
        "refusal",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "tool_calls",
        "function_call",
        "annotations",
        "audio",
        "images",
    }
)
_EMPTY = (Raw(b'""'), Raw(b"[]"), Raw(b"{}"))
_Piece = Callable[["ChoiceReader", Raw, list[Delta]], None]
_decode_content = msgspec.json.Decoder(str | Members | list[Members] | None).decode


def _detail_text(detail: Raw) -> str:
    members = parse(detail, Members) or {}
    return parse(members.get("text"), str) or parse(members.get("summary"), str) or ""


class ChoiceReader:
    """Reads one choice. `answer_extra` are members of the whole answer that wait for a delta to travel with."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.answer_extra: Members = {}
        self._choice_extra: Members = {}
        self._message_extra: Members = {}
        self._finish: str | None = None
        self._finish_word: str | None = None
        self._parts = 0
        self._kind: Literal["text", "refusal", "reasoning", ""] = ""
        self._text_at: int | None = None
        self._texts: list[str] = []
        self._before = 0
        self._refusal_at = 0
        self._thought_at: int | None = None
        self._thoughts: list[str] = []
        self._thought_member = ""
        self._logprobs: Raw | None = None
        self._empty = False
        self._annotations: list[Raw] = []
        self._details: list[Raw] = []
        self._audio: dict[str, object] = {}
        self._calls: CallReader | None = None

    @property
    def ended(self) -> bool:
        """Whether the host has said why this choice ended."""
        return self._finish is not None

    def read(self, members: Members, out: list[Delta], *, whole: bool) -> None:
        """One entry of `choices`, of a chunk or of a document.

        A chunk of Perplexity's repeats all text so far in `message` beside `delta`, a document of its has an empty
        `delta` beside `message`.
        """
        body, other = members.get("delta"), members.get("message")
        if whole:
            body, other = other, body
            if other is not None:
                self._choice_extra["delta"] = other
        if body is None or body == NULL:
            body = other
        logprobs = members.get("logprobs")
        if logprobs is not None and logprobs != NULL:
            self._logprobs = logprobs if self._logprobs is None else joined((self._logprobs, logprobs))
        if not members.keys() <= _CHOICE:
            self._beside(members)
        if body is not None and body != NULL:
            self._message(decode_members(body), out, whole=whole)
        self._finished(members, whole=whole)

    def _beside(self, members: Members) -> None:
        """Members beside the delta. A later null takes back nothing (OpenRouter's `native_finish_reason`)."""
        for name, value in members.items():
            if name not in _CHOICE and (value != NULL or name not in self._choice_extra):
                self._choice_extra[name] = value

    def go_on(self, said: PlainDelta, out: list[Delta]) -> None:
        """More text or more reasoning."""
        if said.reasoning_content:
            self._thought(said.reasoning_content, "reasoning_content", out)
        elif said.reasoning and self._thought_member != "reasoning_content":
            self._thought(said.reasoning, "reasoning", out)
        if said.content:
            self._text(said.content, out)
        elif said.content == "":
            self._empty = True

    def _finished(self, members: Members, *, whole: bool) -> None:
        """The first finish reason counts. An empty one ends a document, which is whole by itself, but not a stream."""
        if self._finish is not None:
            return
        value = members.get("finish_reason")
        if value is not None and value != NULL:
            reason = decode_text(value)
            if reason or whole:
                self._finish = self._finish_word = reason
        elif "finish_details" in members:  # an early model with vision told it so
            self._finish = parse((parse(members["finish_details"], Members) or {}).get("type"), str)

    def _message(self, body: Members, out: list[Delta], *, whole: bool) -> None:
        if not body.keys() <= _MESSAGE:
            for name in (each for each in body if each not in _MESSAGE):
                self._message_extra[name] = appended(self._message_extra.get(name), body[name])
        if whole:  # some hosts fill a document's unused members with empty values
            self._message_extra.update({name: empty for name, empty in body.items() if empty in _EMPTY})
        for name, read in self._PIECES:
            value = body.get(name)
            if value is not None and value != NULL:
                read(self, value, out)
        calls = body.get("tool_calls")
        if calls is not None and calls != NULL:
            self._kind = ""
            self._called().read(decode_list(calls), out, whole=whole)

    def _content(self, value: Raw, out: list[Delta]) -> None:
        content = _decode_content(value)
        if isinstance(content, dict):  # Cloudflare sends an answer with a schema as an object
            content = bytes(value).decode()
        if isinstance(content, str):
            self._text(content, out)
            self._empty = self._empty or not content
            return
        for part in content or ():
            self._content_part(part, out)

    def _content_part(self, part: Members, out: list[Delta]) -> None:
        """Mistral's lists: thinking and text among each other, and parts that have no word here."""
        kind = parse(part.get("type"), str)
        if kind == "text":
            self._text(parse(part.get("text"), str) or "", out)
        elif kind == "thinking":
            for thought in parse(part.get("thinking"), list[Members]) or ():
                self._thought(parse(thought.get("text"), str) or "", "content", out)
        elif kind == "image_url" and (image := read_image(part)) is not None:
            self._part(image, out)
        else:
            self._part(Opaque(NAME, raw(part)), out)

    def say(self, text: str, out: list[Delta]) -> None:
        """Take more text."""
        self._text(text, out)

    def _text(self, text: str, out: list[Delta]) -> None:
        if not text:
            return
        if self._kind != "text" or self._text_at is None:
            self._before += sum(map(len, self._texts))
            self._kind, self._text_at, self._texts = "text", self._next_part(), []
        self._texts.append(text)
        logprobs, self._logprobs = self._logprobs, None
        out.append(
            TextDelta(
                index=self._text_at, text=text, choice=self.index, logprobs=logprobs, extra=self._carried()
            )
        )

    def _refusal(self, value: Raw, out: list[Delta]) -> None:
        text = decode_text(value)
        if not text:
            return
        if self._kind != "refusal":
            self._kind, self._refusal_at = "refusal", self._next_part()
        logprobs, self._logprobs = self._logprobs, None
        out.append(
            RefusalDelta(
                index=self._refusal_at, text=text, choice=self.index, logprobs=logprobs, extra=self._carried()
            )
        )

    def _reasoning_content(self, value: Raw, out: list[Delta]) -> None:
        self._thought(decode_text(value) or "", "reasoning_content", out)

    def _reasoning(self, value: Raw, out: list[Delta]) -> None:
        """Hosts that say the same under both names mean it once."""
        if self._thought_member == "reasoning_content":
            return
        self._thought(parse(value, str) or "", "reasoning", out)

    def _thought(self, text: str, member: str, out: list[Delta]) -> None:
        if not text:
            return
        levels: Members = {}
        if self._kind != "reasoning" or self._thought_at is None:
            self._kind, self._thought_at, self._thoughts = "reasoning", self._next_part(), []
            self._thought_member = member
            levels = {"reasoning": raw(member)}
        self._thoughts.append(text)
        extra = self._carried(levels)
        out.append(ReasoningDelta(index=self._thought_at, text=text, choice=self.index, extra=extra))

    def _reasoning_details(self, value: Raw, _out: list[Delta]) -> None:
        """OpenRouter's: they travel as they came, and stay with the reasoning so that they can be sent back."""
        found = parse(value, list[Raw]) or []
        self._details.extend(found)
        if found:
            waiting = parse(self._message_extra.get("reasoning_details"), list[Raw]) or []
            self._message_extra["reasoning_details"] = raw([*waiting, *found])

    def _function_call(self, value: Raw, out: list[Delta]) -> None:
        self._kind = ""
        if not self._called().read_legacy(decode_members(value), out):
            self._message_extra["function_call"] = value

    def _called(self) -> CallReader:
        """Made when something is called, as most answers call nothing."""
        if self._calls is None:
            self._calls = CallReader(self.index, self._next_part, self._carried)
        return self._calls

    def _annotation_list(self, value: Raw, _out: list[Delta]) -> None:
        self._annotations.extend(decode_raws(value))

    def _audio_piece(self, value: Raw, _out: list[Delta]) -> None:
        """Pieces of one recording: texts are put behind each other, the rest is kept as last said."""
        for name, piece in (parse(value, dict[str, object]) or {}).items():
            before = self._audio.get(name)
            if name in ("data", "transcript") and isinstance(piece, str) and isinstance(before, str):
                self._audio[name] = before + piece
            elif piece is not None:
                self._audio[name] = piece

    def _images(self, value: Raw, out: list[Delta]) -> None:
        for each in decode_list(value):
            image = read_image(each)
            self._part(image if image is not None else Opaque(NAME, raw(each)), out)

    def _part(self, part: Part, out: list[Delta]) -> None:
        self._kind = ""
        out.append(PartDone(index=self._next_part(), part=part, choice=self.index, extra=self._carried()))

    def _next_part(self) -> int:
        self._parts += 1
        return self._parts - 1

    def _carried(self, levels: Members | None = None) -> Extra | None:
        """What waited for a delta to travel with; `levels` are more of it, by level."""
        if not (levels or self.answer_extra or self._choice_extra or self._message_extra):
            return None
        waiting = extra_of(answer=self.answer_extra, choice=self._choice_extra, message=self._message_extra)
        self.answer_extra, self._choice_extra, self._message_extra = {}, {}, {}
        return Extra(NAME, {**(waiting.members if waiting else {}), **(levels or {})})

    def end(self, out: list[Delta], answer_extra: Members) -> None:
        """The choice's last deltas: parts in their whole form, calls completed, and why it ended."""
        self.answer_extra = {**self.answer_extra, **answer_extra}
        self._end_parts(out)
        if self._calls is not None:
            self._calls.end(out)
        if self._empty and self._text_at is None:
            self._message_extra["content"] = raw("")
        said = self._finish or ""
        reason = _FINISH.get(said, "other")
        if self._calls is not None and self._calls.any and reason in ("stop", "other"):
            reason = "tool_calls"
        if self._finish_word is not None and said != reason:
            self._choice_extra["finish_reason"] = raw(said)
        if self._logprobs is not None:
            self._choice_extra["logprobs"] = self._logprobs
        out.append(
            Finished(
                reason=reason,
                choice=self.index,
                raw=said if said != reason else None,
                extra=self._carried(),
            )
        )

    def _end_parts(self, out: list[Delta]) -> None:
        if self._details:
            if self._thought_at is None:
                self._thought_at, self._thought_member = self._next_part(), "reasoning_details"
                self._thoughts = [_detail_text(detail) for detail in self._details]
            details = raw({"reasoning_details": self._details})
            extra = Extra(NAME, {"reasoning": raw(self._thought_member), "message": details})
            thought = Reasoning("".join(self._thoughts), extra=extra)
            out.append(PartDone(index=self._thought_at, part=thought, choice=self.index))
        if self._annotations:
            if self._text_at is None:
                self._text_at = self._next_part()
            annotations = read_annotations(self._annotations, before=self._before)
            text = Text("".join(self._texts), annotations)
            out.append(PartDone(index=self._text_at, part=text, choice=self.index))
        if any(self._audio.get(name) for name in ("id", "data", "transcript")):
            self._part(self._recording(), out)
        elif self._audio:
            self._message_extra["audio"] = raw(self._audio)

    def _recording(self) -> Audio:
        data, transcript = self._audio.pop("data", None), self._audio.pop("transcript", None)
        return Audio(
            Media("inline", data if isinstance(data, str) else ""),
            transcript=transcript if isinstance(transcript, str) else None,
            extra=extra_of(part={name: raw(value) for name, value in self._audio.items()}),
        )

    _PIECES: ClassVar[tuple[tuple[str, _Piece], ...]] = (
        ("reasoning_details", _reasoning_details),
        ("reasoning_content", _reasoning_content),
        ("reasoning", _reasoning),
        ("content", _content),
        ("refusal", _refusal),
        ("images", _images),
        ("annotations", _annotation_list),
        ("audio", _audio_piece),
        ("function_call", _function_call),
    )
    """In the order in which a person would meet them: the members of a message have none of their own."""
