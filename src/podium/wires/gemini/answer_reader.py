"""The client half of an answer: a document, a list of chunks or a stream of events into deltas."""

from datetime import datetime

from msgspec import Raw

from podium.errors import Garbled, ProviderError, Truncated
from podium.vocabulary.event import AnswerStarted, Delta, Finished, UsageSeen
from podium.vocabulary.usage import HostUsage
from podium.wires.gemini.candidate_reader import CandidateReader
from podium.wires.gemini.element import ElementParser
from podium.wires.gemini.fault import read_inline_error
from podium.wires.gemini.media import data_of
from podium.wires.gemini.member import NAME, TRUE, extra_of, flat, listed
from podium.wires.gemini.plain import decode_plain
from podium.wires.gemini.usage import read_tier, read_usage
from podium.wires.intake import Intake
from podium.wires.member import BROKEN, Members, decode_members, is_null, mended, parse, rest_of

_KNOWN = ("candidates", "usageMetadata", "modelVersion", "responseId", "error")


class GeminiReader:
    """Reads one answer by what its bytes are: a JSON document, a list of chunks, or server-sent events.

    An error is raised only when every delta before it has been given out, so the chunking makes no difference to what
    is seen. There is no terminator: an answer has ended when each candidate that began has a finish reason, or the
    prompt was blocked. Candidates end at the end of the bytes, when no late part, usage or error can follow; usage is
    told when it is first seen, and as it stood at the end.
    """

    def __init__(self, *, event_bytes: int, body_bytes: int) -> None:
        """`event_bytes`, `body_bytes`: the most that one event or one whole document may hold."""
        self._intake = Intake(event_bytes=event_bytes, body_bytes=body_bytes)
        self._elements = ElementParser(body_bytes)
        self._body_bytes = body_bytes
        self._closed = False
        self._started = False
        self._id = ""
        self._model = ""
        self._candidates: dict[int, CandidateReader] = {}
        self._blocked: str | None = None
        self._extra: Members = {}
        self._steady: Members = {}
        self._usage: Raw | None = None
        self._told_usage: Raw | None = None
        self._error: ProviderError | None = None
        self._out: list[Delta] = []

    @property
    def done(self) -> bool:
        """Whether every candidate that began has ended, as far as has been seen."""
        return self._closed or self._has_ended()

    def _has_ended(self) -> bool:
        if not self._candidates:
            return self._blocked is not None
        return self._blocked is not None or all(each.ended for each in self._candidates.values())

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete.

        Raises:
            Garbled: the bytes are no answer of this wire, or too many.
            ProviderError: the host reports an error.
        """
        for event in self._intake.feed(data):
            self._chunk_of(event.data)
        document = self._intake.document
        if document and self._error is None:
            elements = self._elements.feed(bytes(document))
            document.clear()
            for element in elements:
                self._chunk_of(element)
            if self._elements.too_large:
                self._fail(Garbled(f"The model's host sent an answer of more than {self._body_bytes} bytes."))
        if self._intake.fault is not None:
            self._fail(self._intake.fault)
        return self._given()

    def close(self) -> list[Delta]:
        """The last deltas; to be called until there are none, so that an error comes behind them.

        Raises:
            Truncated: a candidate has no finish reason, or nothing came at all.
            Garbled: the bytes were no answer of this wire.
        """
        if not self._closed and self._error is None:
            self._torn()
            self._end()
        self._closed = True
        return self._given()

    def _given(self) -> list[Delta]:
        out = self._out
        if out:
            self._out = []
        elif self._error is not None:
            raise self._error
        return out

    def _fail(self, error: ProviderError) -> None:
        """Keep the first error for when all deltas are out; what was counted until then is among them."""
        if self._error is None:
            self._count()
            self._error = error

    def _torn(self) -> None:
        """The event that lacks its blank line at the end of the bytes counts if it is the end that was missing."""
        before = len(self._out)
        for event in self._intake.close():
            self._chunk_of(event.data)
        if isinstance(self._error, Garbled):
            self._error = Truncated()
            del self._out[before:]

    def _chunk_of(self, data: bytes) -> None:
        if self._error is not None or not data or self._plain(data):
            return
        if data.strip() == b"[DONE]":  # of hosts that speak this dialect as well
            return
        try:
            self._chunk(decode_members(mended(data)))
        except BROKEN as broken:
            self._fail(Garbled(f"The model's host sent something that is not this wire's: {broken}"))

    def _plain(self, data: bytes) -> bool:
        """Read the frequent chunk; False where it is another."""
        try:
            chunk = decode_plain(data)
        except BROKEN:
            return False
        said = chunk.candidates[0]
        candidate = self._candidates.get(said.index)
        if candidate is None or self._extra:
            return False
        part = said.content.parts[0]
        candidate.go_on(part.text, self._out, thought=part.thought)
        if chunk.usage_metadata:
            self._usage = chunk.usage_metadata
        return True

    def _chunk(self, members: Members) -> None:
        error = members.get("error")
        if error is not None and not is_null(error):
            self._fail(read_inline_error(error))
            return
        for name, value in rest_of(members, *_KNOWN).items():
            if self._steady.get(name) != value:
                self._steady[name] = value
                self._extra[name] = flat(value)
        if not self._started:
            self._start(members)
        usage = members.get("usageMetadata")
        if usage is not None and not is_null(usage):
            self._usage = usage
            if self._told_usage is None:
                self._count()
        self._note_block(members)
        candidates = members.get("candidates")
        if candidates is None or is_null(candidates):
            return
        for at, each in enumerate(listed(candidates) or ()):
            self._candidate(at, decode_members(each))

    def _start(self, members: Members) -> None:
        self._started = True
        self._id = parse(members.get("responseId"), str) or ""
        self._model = parse(members.get("modelVersion"), str) or ""
        extra, self._extra = extra_of(answer=self._extra), {}
        self._out.append(
            AnswerStarted(
                id=self._id or None,
                model=self._model or None,
                created=_seconds(members.get("createTime")),
                extra=extra,
            )
        )

    def _note_block(self, members: Members) -> None:
        feedback = members.get("promptFeedback")
        if feedback is None:
            return
        reason = data_of(feedback).get("blockReason")
        if reason is not None and not is_null(reason):
            self._blocked = parse(reason, str) or bytes(reason).decode("utf-8", "replace")

    def _candidate(self, at: int, members: Members) -> None:
        index = parse(members.get("index"), int)
        if index is None:
            index = at
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = CandidateReader(
                index, model=lambda: self._model, answer=lambda: self._id
            )
        if self._extra:
            candidate.answer_extra, self._extra = {**candidate.answer_extra, **self._extra}, {}
        candidate.read(members, self._out)

    def _count(self) -> None:
        """Tell the usage as it stands; every count is cumulative."""
        value = self._usage
        if value is None or value == self._told_usage:
            return
        usage = read_usage(value)
        if usage is not None:
            self._told_usage = value
            self._out.append(UsageSeen(usage=usage, host=HostUsage(NAME, flat(value)), tier=read_tier(value)))

    def _end(self) -> None:
        """The end that the host meant, unless a candidate has no finish reason."""
        if self._error is not None:
            return
        if self._elements.inside or not self._has_ended():
            cut = self._started or self._elements.inside or not self._intake.any
            nothing = "The model's host sent something that is neither JSON nor server-sent events."
            self._fail(Truncated() if cut or self._intake.document is not None else Garbled(nothing))
            return
        self._count()
        if not self._candidates:
            extra = extra_of(("blocked", TRUE), answer=self._extra)
            self._out.append(Finished(reason="content_filter", raw=self._blocked, extra=extra))
        for index in sorted(self._candidates):
            self._candidates[index].end(self._out, self._extra, self._blocked)
            self._extra = {}


def _seconds(value: Raw | None) -> int | None:
    """A moment as Unix seconds."""
    text = parse(value, str)
    if not text:
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None
