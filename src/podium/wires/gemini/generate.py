"""The wire itself: its name, its keys and its two halves."""

from collections.abc import Mapping
from dataclasses import dataclass

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import PodiumError, ProviderError
from podium.vocabulary.request import Request
from podium.wires.gemini import count, fault, request_reader, request_writer
from podium.wires.gemini.answer_reader import GeminiReader
from podium.wires.gemini.answer_writer import GeminiListWriter, GeminiWriter
from podium.wires.gemini.member import NAME
from podium.wires.sse import EVENT_BYTES
from podium.wires.wire import AnswerWriter, Outgoing

BODY_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Gemini:
    """Google's `generateContent`; satisfies `podium.wires.wire.Wire`.

    `as_list` is for clients that ask for a stream without `alt=sse`: its writers write a JSON list. `event_bytes` and
    `body_bytes` are the most that a reader takes as one event or as one document.
    """

    name: str = NAME
    heartbeat: bytes = b""
    headers: tuple[str, ...] = ()
    as_list: bool = False
    event_bytes: int = EVENT_BYTES
    body_bytes: int = BODY_BYTES

    def authorize(self, endpoint: Endpoint) -> Mapping[str, str]:
        """The key in Google's own header; nothing where none is needed."""
        return {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}

    def write_request(self, request: Request, profile: Profile, endpoint: Endpoint) -> Outgoing:  # noqa: ARG002 - no host of this wire differs
        """See `request_writer`."""
        return request_writer.write_request(request, profile)

    def write_count(self, request: Request, profile: Profile) -> Outgoing:
        """See `count`."""
        return count.write_count(request, profile)

    def read_count(self, body: bytes) -> int:
        """See `count`."""
        return count.read_count(body)

    def reader(self, content_type: str) -> GeminiReader:  # noqa: ARG002 - the first bytes say it better
        """A reader for one answer, of whatever type its bytes are."""
        return GeminiReader(event_bytes=self.event_bytes, body_bytes=self.body_bytes)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """See `fault`."""
        return fault.read_error(status, headers, body)

    def read_request(self, path: Mapping[str, str], body: bytes) -> Request:
        """See `request_reader`; `path` has `model` and `action`."""
        return request_reader.read_request(path, body)

    def writer(self, request: Request, *, answer_id: str, created: int, model: str) -> AnswerWriter:  # noqa: ARG002 - this dialect tells neither time nor what was asked
        """See `answer_writer`."""
        writer = GeminiWriter(answer_id=answer_id, model=model)
        return GeminiListWriter(writer) if self.as_list else writer

    def write_error(self, status: int, error: PodiumError) -> bytes:
        """See `fault`."""
        return fault.write_error(status, error)
