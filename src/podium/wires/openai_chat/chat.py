"""The wire itself: its name, its keys and its two halves."""

from collections.abc import Mapping
from dataclasses import dataclass

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import PodiumError, ProviderError
from podium.vocabulary.request import Request
from podium.wires.openai_chat import fault, request_reader, request_writer
from podium.wires.openai_chat.answer_reader import OpenAIChatReader
from podium.wires.openai_chat.answer_writer import OpenAIChatWriter
from podium.wires.openai_chat.member import NAME
from podium.wires.sse import EVENT_BYTES
from podium.wires.wire import Outgoing

BODY_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """OpenAI's chat completions; satisfies `podium.wires.wire.Wire`.

    `event_bytes` and `body_bytes` are the most that a reader takes as one event or as one document.
    """

    name: str = NAME
    heartbeat: bytes = b": ping\n\n"
    headers: tuple[str, ...] = ()
    event_bytes: int = EVENT_BYTES
    body_bytes: int = BODY_BYTES

    def authorize(self, endpoint: Endpoint) -> Mapping[str, str]:
        """The key as a bearer token, or bare in a header of the host's own; nothing where none is needed."""
        if not endpoint.api_key:
            return {}
        is_bearer = endpoint.auth_header == "authorization"
        return {endpoint.auth_header: f"Bearer {endpoint.api_key}" if is_bearer else endpoint.api_key}

    def write_request(self, request: Request, profile: Profile, endpoint: Endpoint) -> Outgoing:
        """See `request_writer`."""
        return request_writer.write_request(request, profile, endpoint)

    def reader(self, content_type: str) -> OpenAIChatReader:  # noqa: ARG002 - the first bytes say it better
        """A reader for one answer, of whatever type its bytes are."""
        return OpenAIChatReader(event_bytes=self.event_bytes, body_bytes=self.body_bytes)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """See `fault`."""
        return fault.read_error(status, headers, body)

    def read_request(self, path: Mapping[str, str], body: bytes) -> Request:  # noqa: ARG002 - it is all in the body
        """See `request_reader`."""
        return request_reader.read_request(body)

    def writer(self, request: Request, *, answer_id: str, created: int, model: str) -> OpenAIChatWriter:
        """See `answer_writer`."""
        return OpenAIChatWriter(request, answer_id=answer_id, created=created, model=model)

    def write_error(self, status: int, error: PodiumError) -> bytes:
        """See `fault`."""
        return fault.write_error(status, error)
