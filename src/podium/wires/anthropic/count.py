"""Asking a host how many tokens a request would be (https://docs.claude.com/en/api/messages-count-tokens)."""

from podium.catalogue.profile import Profile
from podium.errors import Garbled
from podium.vocabulary.request import Request
from podium.wires.anthropic.request_writer import write_request
from podium.wires.member import BROKEN, Members, decode_members, encode, parse
from podium.wires.wire import Outgoing

_OF_THE_ANSWER = (
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "service_tier",
    "container",
    "inference_geo",
)
"""Members of a request that say how to answer it: the host refuses them in a question for the count."""


def write_count(request: Request, profile: Profile) -> Outgoing:
    """The request as a question for its count: what makes up the input goes as it would be sent.

    Raises:
        Inexpressible: as for the request itself.
    """
    outgoing = write_request(request, profile)
    members = decode_members(outgoing.body)
    asked = {name: value for name, value in members.items() if name not in _OF_THE_ANSWER}
    return Outgoing("/v1/messages/count_tokens", encode(asked), outgoing.headers)


def read_count(body: bytes) -> int:
    """The number of tokens.

    Raises:
        Garbled: there is none.
    """
    try:
        members: Members = decode_members(body)
    except BROKEN:
        members = {}
    tokens = parse(members.get("input_tokens"), int)
    if tokens is None or tokens < 0:
        raise Garbled("The host's count of tokens has no `input_tokens`.", body=body)
    return tokens
