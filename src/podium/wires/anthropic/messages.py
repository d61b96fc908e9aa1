"""The wire itself: its name, its keys and its two halves."""

from collections.abc import Mapping
from dataclasses import dataclass

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import PodiumError, ProviderError
from podium.vocabulary.request import Request
from podium.wires.anthropic import count, fault, request_reader, request_writer
from podium.wires.anthropic.answer_reader import AnthropicReader
from podium.wires.anthropic.answer_writer import AnthropicWriter
from podium.wires.anthropic.member import NAME
from podium.wires.anthropic.request_reader import HEADERS
from podium.wires.sse import EVENT_BYTES
from podium.wires.wire import Outgoing

BODY_BYTES = 32 << 20

HEARTBEAT = b'event: ping\ndata: {"type": "ping"}\n\n'
"""What keeps a silent stream of this dialect alive."""


@dataclass(frozen=True, slots=True)
class Anthropic:
    """Anthropic's Messages; satisfies `podium.wires.wire.Wire`.

    `event_bytes` and `body_bytes` are the most that a reader takes as one event or as one document.
    """

    name: str = NAME
    heartbeat: bytes = HEARTBEAT
    headers: tuple[str, ...] = HEADERS
    event_bytes: int = EVENT_BYTES
    body_bytes: int = BODY_BYTES

    def authorize(self, endpoint: Endpoint) -> Mapping[str, str]:
        """The key as `x-api-key`; nothing where none is needed."""
        return {"x-api-key": endpoint.api_key} if endpoint.api_key else {}

    def write_request(self, request: Request, profile: Profile, endpoint: Endpoint) -> Outgoing:  # noqa: ARG002 - hosts of this wire do not differ
        """See `request_writer`."""
        return request_writer.write_request(request, profile)

    def write_count(self, request: Request, profile: Profile) -> Outgoing:
        """See `count`."""
        return count.write_count(request, profile)

    def read_count(self, body: bytes) -> int:
        """See `count`."""
        return count.read_count(body)

    def reader(self, content_type: str) -> AnthropicReader:  # noqa: ARG002 - the first bytes say it better
        """A reader for one answer, of whatever type its bytes are."""
        return AnthropicReader(event_bytes=self.event_bytes, body_bytes=self.body_bytes)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """See `fault`."""
        return fault.read_error(status, headers, body)

    def read_request(self, path: Mapping[str, str], body: bytes) -> Request:
        """See `request_reader`."""
        return request_reader.read_request(path, body)

    def writer(self, request: Request, *, answer_id: str, created: int, model: str) -> AnthropicWriter:  # noqa: ARG002 - this dialect tells neither
        """See `answer_writer`."""
        return AnthropicWriter(answer_id=answer_id, model=model)

    def write_error(self, status: int, error: PodiumError) -> bytes:
        """See `fault`."""
        return fault.write_error(status, error)
