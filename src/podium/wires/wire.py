"""What every wire can do. Readers and writers hold the state of one answer; the rest is pure."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from msgspec import Struct

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import PodiumError, ProviderError
from podium.vocabulary.answer import Answer
from podium.vocabulary.event import Delta
from podium.vocabulary.request import Request


class Outgoing(Struct, frozen=True):
    """An HTTP request to a host, ready but for its key: path below the base URL, headers, body.

    `dropped` names the members of the caller's request that this wire cannot say and that carry no meaning.
    """

    path: str
    body: bytes
    headers: Mapping[str, str]
    dropped: tuple[str, ...] = ()


class AnswerReader(Protocol):
    """Reads one answer, in whatever pieces it arrives; the deltas do not depend on the chunking."""

    @property
    def done(self) -> bool:
        """Whether the answer has said its last word: nothing more is expected of the host."""
        ...

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete.

        Raises:
            Garbled: the bytes are not this wire's.
            ProviderError: the host reports an error in mid-stream.
        """
        ...

    def close(self) -> list[Delta]:
        """The last deltas, at the end of the bytes; to be called until there are none, for what may come after them.

        Raises:
            Truncated: the answer ended before its terminator.
        """
        ...


class AnswerWriter(Protocol):
    """Writes one answer as its server would."""

    def frame(self, delta: Delta) -> bytes:
        """The SSE bytes for one delta; empty if the dialect shows nothing for it."""
        ...

    def end(self) -> bytes:
        """The SSE bytes that close a whole stream, or say that nothing of the answer could be shown."""
        ...

    def error(self, status: int, error: PodiumError) -> bytes:
        """The SSE bytes that close a broken stream."""
        ...

    def whole(self, answer: Answer) -> bytes:
        """The JSON document of a whole answer.

        Raises:
            Untold: the dialect can show nothing of what it says.
        """
        ...


class Wire(Protocol):
    """A format, both halves."""

    @property
    def name(self) -> str:
        """What endpoints call it."""
        ...

    @property
    def heartbeat(self) -> bytes:
        """What keeps a silent stream alive; empty where the dialect's clients would choke on it."""
        ...

    @property
    def headers(self) -> tuple[str, ...]:
        """The request headers of this dialect that mean something to its hosts, in lower case."""
        ...

    def authorize(self, endpoint: Endpoint) -> Mapping[str, str]:
        """The headers that carry the endpoint's key."""
        ...

    def write_request(self, request: Request, profile: Profile, endpoint: Endpoint) -> Outgoing:
        """The request as this wire says it.

        Raises:
            Inexpressible: a member carries meaning that this wire cannot say.
        """
        ...

    def reader(self, content_type: str) -> AnswerReader:
        """A reader for an answer of this content type; the type is a hint, the first bytes decide."""
        ...

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What a host's error answer means. `headers` have lower-case names."""
        ...

    def read_request(self, path: Mapping[str, str], body: bytes) -> Request:
        """The request that a client sent in this dialect.

        `path` holds the parameters of its path and the wire's `headers`, by name.

        Raises:
            InvalidRequest: not this dialect; names the member.
        """
        ...

    def writer(self, request: Request, *, answer_id: str, created: int, model: str) -> AnswerWriter:
        """A writer for the answer to `request`, under our own id, time (Unix seconds) and model name."""
        ...

    def write_error(self, status: int, error: PodiumError) -> bytes:
        """The JSON body of an error response in this dialect."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A wire whose hosts tell, when asked, how many tokens a request would be; not every wire's do."""

    def write_count(self, request: Request, profile: Profile) -> Outgoing:
        """The question.

        Raises:
            Inexpressible: a member carries meaning that this wire cannot say.
        """
        ...

    def read_count(self, body: bytes) -> int:
        """The answer, in tokens.

        Raises:
            Garbled: it is none.
        """
        ...


Wires = Mapping[str, Wire]
