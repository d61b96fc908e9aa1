"""Token counts of this wire, which are nearly disjoint as they come.

`input_tokens` excludes cached tokens, read and written, which are counted beside it; `output_tokens` includes thinking
(https://docs.claude.com/en/api/messages, `usage`). `cache_creation` says how many of the written are kept for an hour,
`server_tool_use` how often the host searched. With `iterations`, the counts at the top are those of the iterations of
type `message` alone: what compaction and advisors used is to be added.
"""

import math
from typing import Any

from msgspec import Raw

from podium.vocabulary.usage import HostUsage, Usage
from podium.wires.anthropic.member import NAME
from podium.wires.member import BROKEN, NULL, Members, decode_any, parse, raw

_MOST = 1_000_000_000
"""Counts beyond this are a host's mistake, not tokens."""

_MOST_SEARCHES = 100_000


def read_usage(value: Raw) -> Usage | None:
    """The buckets of a `usage` object; None if it is not one."""
    try:
        usage = decode_any(value)
    except BROKEN:
        return None
    if not isinstance(usage, dict):
        return None
    total = _buckets(usage)
    iterations = usage.get("iterations")
    for each in iterations if isinstance(iterations, list) else ():
        if isinstance(each, dict) and each.get("type") != "message":
            total += _buckets(each)
    return total.capped(_MOST) if iterations else total


def read_tier(value: Raw) -> str | None:
    """The speed at which it was served; None where that is not said. `service_tier` is about what was bought before."""
    members = parse(value, Members)
    speed = None if members is None else members.get("speed")
    return None if speed is None else parse(speed, str)


def write_usage(usage: Usage) -> Raw:
    """A `usage` object from the buckets."""
    members: dict[str, object] = {
        "input_tokens": usage.input + usage.audio_input + usage.tool_use,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached_input,
        "output_tokens": usage.output_total,
    }
    if usage.reasoning:
        members["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return raw(members)


def usage_of(usage: Usage, host: HostUsage | None) -> Raw:
    """The host's own usage where it is of this wire, else one made from the buckets."""
    return host.value if host is not None and host.wire == NAME else write_usage(usage)


def merged(before: Raw | None, more: Raw) -> Raw:
    """What has been counted in all: counts are cumulative, the last one of each kind is the truth."""
    if before is None:
        return more
    first, then = parse(before, Members), parse(more, Members)
    if first is None or then is None:
        return more if first is None else before
    return raw(
        {**first, **{name: value for name, value in then.items() if value != NULL or name not in first}}
    )


def _buckets(usage: dict[str, Any]) -> Usage:
    out = _count(usage, "output_tokens")
    details = usage.get("output_tokens_details")
    thought = min(out, _count(details, "thinking_tokens")) if isinstance(details, dict) else 0
    written, hourly = _count(usage, "cache_creation_input_tokens"), 0
    by_time = usage.get("cache_creation")
    if isinstance(by_time, dict):
        hourly = min(written, _count(by_time, "ephemeral_1h_input_tokens"))
    tools = usage.get("server_tool_use")
    searches = _count(tools, "web_search_requests") if isinstance(tools, dict) else 0
    return Usage(
        input=_count(usage, "input_tokens"),
        cached_input=_count(usage, "cache_read_input_tokens"),
        cache_write=written - hourly,
        output=out - thought,
        reasoning=thought,
        cache_write_hour=hourly,
        searches=min(searches, _MOST_SEARCHES),
    )


def _count(of: dict[str, Any], name: str) -> int:
    value = of.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return min(_MOST, max(0, int(value)))
