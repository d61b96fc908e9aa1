"""The tier of service that a request asks for, by the member in which each wire says so.

Sources: https://platform.openai.com/docs/api-reference/chat/create (`service_tier`),
https://platform.claude.com/docs/en/build-with-claude/fast-mode (`speed`; its `service_tier` has no price of its own: it
chooses between what was bought beforehand and what is usual), https://ai.google.dev/gemini-api/docs (`serviceTier`).
"""

from podium.vocabulary.request import Request
from podium.wires.member import parse

_MEMBERS = {"openai_chat": "service_tier", "anthropic": "speed", "gemini": "serviceTier"}


def tier_of(request: Request) -> str | None:
    """The name as it was sent, in lower case; None where the request names none, or in a way that is no name."""
    source = request.source
    member = None if source is None else source.members.get(_MEMBERS.get(source.wire, ""))
    if member is None:
        return None
    name = parse(member, str)
    return name.lower() if name else None
