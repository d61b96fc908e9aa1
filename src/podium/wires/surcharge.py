"""What a request asks for that costs more than its tokens: another tier of service, a cache for an hour, searches.

Sources: https://platform.openai.com/docs/api-reference/chat/create (`service_tier`),
https://platform.claude.com/docs/en/build-with-claude/fast-mode (`speed`; its `service_tier` has no price of its own: it
chooses between what was bought beforehand and what is usual), https://ai.google.dev/gemini-api/docs (`serviceTier`),
https://platform.claude.com/docs/en/build-with-claude/prompt-caching (`ttl`), and `max_uses` of
https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool.
"""

from podium.vocabulary.part import Extra, Json, Opaque, Part, Text, ToolResult
from podium.vocabulary.request import Request
from podium.wires.member import Members, parse

_TIERS = {"openai_chat": "service_tier", "anthropic": "speed", "gemini": "serviceTier"}
_HOUR = b'"1h"'
_READ = frozenset({"messages", "system", "tools"})
"""Members whose pieces stand in the request's lines and tools."""
_MOST_SEARCHES = 1_000


def tier_of(request: Request) -> str | None:
    """The name as it was sent, in lower case; None where the request names none, or in a way that is no name."""
    source = request.source
    member = None if source is None else source.members.get(_TIERS.get(source.wire, ""))
    if member is None:
        return None
    name = parse(member, str)
    return name.lower() if name else None


def writes_for_an_hour(request: Request) -> bool:
    """Whether anything in it may be meant to be cached for an hour: rather too often than not at all."""
    source = request.source
    if source is not None and any(
        _HOUR in bytes(value) for name, value in source.members.items() if name not in _READ
    ):
        return True
    if any(_is_hourly(tool.extra) for tool in request.tools):
        return True
    for line in request.lines:
        if line.extra is not None and _is_hourly(line.extra):
            return True
        for part in line.parts:
            # Most parts are these, and each call has all of its dialogue.
            if (type(part) is not Text or part.extra is not None) and _is_part_hourly(part):
                return True
    return False


def _is_part_hourly(part: Part) -> bool:
    if isinstance(part, Opaque | Json):
        return _HOUR in bytes(part.value)
    if isinstance(part, ToolResult) and any(map(_is_part_hourly, part.parts)):
        return True
    return _is_hourly(part.extra)


def _is_hourly(extra: Extra | None) -> bool:
    return extra is not None and any(_HOUR in bytes(value) for value in extra.members.values())


def searches(request: Request) -> int:
    """How often the host may search the web, as far as the tools say."""
    return min(_MOST_SEARCHES, sum(_uses(each.extra) for each in request.tools if each.kind == "hosted"))


def _uses(extra: Extra | None) -> int:
    tool = None if extra is None or extra.wire != "anthropic" else extra.members.get("tool")
    members = None if tool is None else parse(tool, Members)
    if members is None or not (parse(members.get("type"), str) or "").startswith("web_search"):
        return 0
    return max(0, parse(members.get("max_uses"), int) or 0)
