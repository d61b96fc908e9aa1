"""The client half of an answer: JSON or a stream of chunks into deltas."""

from msgspec import Raw

from podium.errors import Garbled, ProviderError, Truncated
from podium.vocabulary.event import AnswerStarted, Delta, UsageSeen
from podium.vocabulary.usage import HostUsage
from podium.wires.openai_chat.choice_reader import ChoiceReader
from podium.wires.openai_chat.fault import read_inline_error
from podium.wires.openai_chat.member import (
    BROKEN,
    NAME,
    NULL,
    Members,
    decode_list,
    decode_members,
    extra_of,
    mended,
    on_one_line,
    parse,
)
from podium.wires.openai_chat.plain import ABSENT, decode_plain
from podium.wires.openai_chat.repeat import Repeat
from podium.wires.openai_chat.usage import read_usage, usage_beside
from podium.wires.sse import Event, EventParser

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage", "error"})
_PADDING = ("obfuscation", "p")
_STEADY = ("system_fingerprint", "service_tier", "provider")
"""Members that hosts repeat in every chunk: they travel when they change, and the writer repeats them."""

_NO_ERROR = (b"null", b'""', b"{}", b"false")
_NO_ID = (NULL, Raw(b'""'))
_SPACE = b" \t\r\n\xef\xbb\xbf"


class OpenAIChatReader:
    """Reads one answer by what its bytes are: a JSON document if they begin as one, else server-sent events.

    An error is raised only when every delta before it has been given out, so the chunking makes no difference to what
    is seen. A choice ends (its calls completed, then `Finished`) at `[DONE]` or at the end of the bytes, when no late
    usage, error or second finish reason can follow; `done` says that nothing more is expected.
    """

    def __init__(self, *, event_bytes: int, body_bytes: int) -> None:
        """`event_bytes`, `body_bytes`: the most that one event or one whole document may hold."""
        self.done = False
        self._events = EventParser(event_bytes)
        self._event_bytes, self._body_bytes = event_bytes, body_bytes
        self._document: bytearray | None = None
        self._undecided = b""
        self._decided = False
        self._came = False
        self._started = False
        self._whole = False
        self._choices: dict[int, ChoiceReader] = {}
        self._extra: Members = {}
        self._steady: Members = {}
        self._usage: Raw | None = None
        self._repeat = Repeat()
        self._speaking: ChoiceReader | None = None
        self._said = ""
        self._error: ProviderError | None = None
        self._out: list[Delta] = []

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete.

        Raises:
            Garbled: the bytes are no answer of this wire, or too many.
            ProviderError: the host reports an error.
        """
        if (texts := self._repeat.cut(data)) is not None and self._speaking is not None:
            for text in texts:
                self._speaking.say(text, self._out)
            return self._given()
        self._repeat.forget()
        if not self._decided:
            data = self._decide(data)
        if self._document is not None:
            self._gather(data)
        elif data and self._error is None:
            events = self._events.feed(data)
            self._said = ""
            for event in events:
                self._event(event)
            if self._said and len(events) == 1 and self._events.is_between:
                self._repeat.learn(data, self._said)
            if self._events.too_large and self._error is None:
                self._error = Garbled(
                    f"The model's host sent an event of more than {self._event_bytes} bytes."
                )
            elif self._events.garbled and self._error is None:
                self._error = Garbled("The model's host sent bytes that are no server-sent events.")
        return self._given()

    def close(self) -> list[Delta]:
        """The last deltas; of a document all of them, so that an error comes when it is called again.

        Raises:
            Truncated: a choice has no finish reason, or nothing came at all.
            Garbled: the bytes were no answer of this wire.
        """
        if self._error is None and not self.done:
            if self._document is not None:
                self._read_document(bytes(self._document))
                self._end()
            else:
                self._torn()
        return self._given()

    def _decide(self, data: bytes) -> bytes:
        self._undecided += data
        first = self._undecided.lstrip(_SPACE)[:1]
        if not first:
            return b""
        data, self._undecided, self._decided = self._undecided, b"", True
        if first in b"{[":
            self._document = bytearray()
            return data.lstrip(_SPACE)
        return data

    def _given(self) -> list[Delta]:
        out = self._out
        if out:
            self._out = []
        elif self._error is not None:
            raise self._error
        return out

    def _gather(self, data: bytes) -> None:
        assert self._document is not None  # noqa: S101 - the caller asked; this tells the type checker
        if len(self._document) + len(data) > self._body_bytes:
            self._error = Garbled(f"The model's host sent an answer of more than {self._body_bytes} bytes.")
        else:
            self._document += data

    def _read_document(self, document: bytes) -> None:
        self._whole = self._came = True
        try:
            document = on_one_line(mended(document))
            for members in decode_list(document) if document[:1] == b"[" else (decode_members(document),):
                self._chunk(members)
        except BROKEN as broken:
            if "truncated" in str(broken):
                self._error = Truncated()
            else:
                self._error = Garbled(f"The model's host sent JSON that is not an answer: {broken}")

    def _torn(self) -> None:
        """The event that lacks its blank line at the end of the bytes counts if it is the end that was missing."""
        for event in self._events.close():
            self._event(event)
            if isinstance(self._error, Garbled):
                self._error = Truncated()
        self._end()
        if self._error is not None:
            self._out = []

    def _event(self, event: Event) -> None:
        if self.done or self._error is not None or not event.data:
            return
        self._came = True
        data = event.data
        if data.strip() == b"[DONE]":
            self._end()
            return
        if self._plain(data):
            return
        try:
            members = decode_members(on_one_line(mended(data)))
            if event.name == "error" and "error" not in members:
                members = {"error": Raw(data)}
            self._chunk(members)
        except BROKEN as broken:
            self._error = Garbled(f"The model's host sent an event that is not this wire's: {broken}")

    def _plain(self, data: bytes) -> bool:
        """Read the frequent chunk; False where it is another."""
        try:
            chunk = decode_plain(data)
        except BROKEN:
            return False
        said = chunk.choices[0]
        choice = self._choices.get(said.index)
        if choice is None or (said.delta.reasoning and said.delta.reasoning_content):
            return False
        for name in _STEADY:
            value = getattr(chunk, name)
            if value != ABSENT and value != self._steady.get(name):
                return False
        for name in _PADDING:
            value = getattr(chunk, name)
            if value != ABSENT:
                choice.answer_extra[name] = value
        choice.go_on(said.delta, self._out)
        self._speaking, self._said = choice, said.delta.content or ""
        return True

    def _chunk(self, members: Members) -> None:
        """One chunk, or a whole document, which differs in saying `message` for `delta`."""
        error = members.get("error")
        if error is not None and bytes(error) not in _NO_ERROR:
            self._error = read_inline_error(error)
            return
        choices = decode_list(members["choices"]) if members.get("choices", NULL) != NULL else []
        if not members.keys() <= _KNOWN:
            self._remember(members)
        if not self._started and (choices or members.get("id", NULL) not in _NO_ID):
            self._start(members)
        for at, choice in enumerate(choices):
            self._choice(at, choice)
        usage = members.get("usage")
        if usage is None or usage == NULL:
            usage = usage_beside(members) if "x_groq" in members else None
        if usage is not None:
            self._count(usage)

    def _remember(self, members: Members) -> None:
        for name, value in members.items():
            if name in _KNOWN:
                continue
            if name in _STEADY:
                if self._steady.get(name) == value:
                    continue
                self._steady[name] = value
            self._extra[name] = value

    def _start(self, members: Members) -> None:
        self._started = True
        created = parse(members.get("created"), float)
        extra, self._extra = extra_of(answer=self._extra), {}
        self._out.append(
            AnswerStarted(
                id=parse(members.get("id"), str) or None,
                model=parse(members.get("model"), str) or None,
                created=int(created) if created else None,
                extra=extra,
            )
        )

    def _choice(self, at: int, members: Members) -> None:
        index = parse(members.pop("index", None), int)
        if index is None:
            index = at
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = ChoiceReader(index)
        if self._extra:
            choice.answer_extra, self._extra = {**choice.answer_extra, **self._extra}, {}
        choice.read(members, self._out, whole=self._whole)

    def _count(self, value: Raw) -> None:
        if value == self._usage:
            return
        usage = read_usage(value)
        if usage is None:
            return
        self._usage = value
        extra, self._extra = extra_of(answer=self._extra) if self._extra else None, {}
        tier = self._steady.get("service_tier")
        self._out.append(
            UsageSeen(
                usage=usage,
                host=HostUsage(NAME, value),
                extra=extra,
                tier=None if tier is None else parse(tier, str),
            )
        )

    def _end(self) -> None:
        """The end that the host meant: every choice is ended, unless one of them has no finish reason."""
        if self.done or self._error is not None:
            return
        if self._decided and not self._came:
            self._error = Garbled(
                "The model's host sent something that is neither JSON nor server-sent events."
            )
        elif not self._choices or not all(choice.ended for choice in self._choices.values()):
            self._error = Truncated()
        else:
            self.done = True
            for index in sorted(self._choices):
                self._choices[index].end(self._out, self._extra)
                self._extra = {}
