"""Asking a host how many tokens a request would be (https://ai.google.dev/api/tokens)."""

from podium.catalogue.profile import Profile
from podium.errors import Garbled
from podium.vocabulary.request import Request
from podium.wires.gemini.member import camel
from podium.wires.gemini.request_writer import write_request
from podium.wires.gemini.resource import resource_name
from podium.wires.member import BROKEN, Members, decode_members, encode, parse, raw
from podium.wires.wire import Outgoing


def write_count(request: Request, profile: Profile) -> Outgoing:
    """The request as a question for its count. More than `contents` is taken only inside `generateContentRequest`.

    Raises:
        Inexpressible: as for the request itself.
    """
    outgoing = write_request(request, profile)
    members = decode_members(outgoing.body)
    if set(members) != {"contents"}:
        members = {"generateContentRequest": raw({"model": resource_name(profile.model), **members})}
    path = outgoing.path.partition("?")[0].rpartition(":")[0]
    return Outgoing(f"{path}:countTokens", encode(members), outgoing.headers)


def read_count(body: bytes) -> int:
    """The number of tokens. This dialect leaves out a zero, which no request's count is.

    Raises:
        Garbled: the body is no count.
    """
    try:
        members: Members = camel(decode_members(body))
    except BROKEN:
        raise Garbled("The host's count of tokens is not JSON.", body=body) from None
    tokens = parse(members.get("totalTokens"), int)
    if not tokens or tokens < 0 or "error" in members:
        raise Garbled("The host's count of tokens has no `totalTokens`.", body=body)
    return tokens
