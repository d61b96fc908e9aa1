"""Token counts of this wire, made disjoint and back.

`prompt_tokens` includes cached, cache-write and audio tokens, `completion_tokens` includes reasoning and audio tokens
(https://platform.openai.com/docs/api-reference/chat/object). Some hosts count reasoning in `total_tokens` alone.
"""

import math
from typing import Any

from msgspec import Raw

from podium.vocabulary.usage import Usage
from podium.wires.openai_chat.member import BROKEN, Members, decode_any, raw

_MOST = 1_000_000_000
"""Counts beyond this are a host's mistake, not tokens."""


def read_usage(value: Raw) -> Usage | None:
    """The buckets of a `usage` object; None if it is not one. Nothing is ever negative, whatever the host says."""
    try:
        usage = decode_any(value)
    except BROKEN:
        return None
    if not isinstance(usage, dict):
        return None
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    unseen = max(0, _count(usage, "total_tokens") - prompt - completion)
    into, out = _object(usage, "prompt_tokens_details"), _object(usage, "completion_tokens_details")
    cached = min(prompt, _cached(usage, into))
    written = min(prompt - cached, _count(into, "cache_write_tokens"))
    heard = min(prompt - cached - written, _count(into, "audio_tokens"))
    thought = min(completion + unseen, max(_count(out, "reasoning_tokens"), unseen))
    spoken = min(completion + unseen - thought, _count(out, "audio_tokens"))
    return Usage(
        input=prompt - cached - written - heard,
        cached_input=cached,
        cache_write=written,
        output=completion + unseen - thought - spoken,
        reasoning=thought,
        audio_input=heard,
        audio_output=spoken,
    )


def write_usage(usage: Usage) -> Raw:
    """A `usage` object from the buckets, in the members that OpenAI's own hosts send."""
    into: dict[str, int] = {"cached_tokens": usage.cached_input, "audio_tokens": usage.audio_input}
    if usage.written:
        into["cache_write_tokens"] = usage.written
    return raw(
        {
            "prompt_tokens": usage.input_total,
            "completion_tokens": usage.output_total,
            "total_tokens": usage.input_total + usage.output_total,
            "prompt_tokens_details": into,
            "completion_tokens_details": {
                "reasoning_tokens": usage.reasoning,
                "audio_tokens": usage.audio_output,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
    )


def usage_beside(members: Members) -> Raw | None:
    """The usage that Groq's streams carry as `x_groq.usage` where `usage` itself is missing."""
    kept = members.get("x_groq")
    if kept is None:
        return None
    try:
        inner = decode_any(kept)
    except BROKEN:
        return None
    found = inner.get("usage") if isinstance(inner, dict) else None
    return raw(found) if isinstance(found, dict) else None


def _cached(usage: dict[str, Any], details: dict[str, Any]) -> int:
    """DeepSeek names cached tokens `prompt_cache_hit_tokens`, Moonshot and others `cached_tokens` beside the counts."""
    return (
        _count(details, "cached_tokens")
        or _count(usage, "prompt_cache_hit_tokens")
        or _count(usage, "cached_tokens")
        or _count(usage, "num_cached_tokens")
    )


def _count(of: dict[str, Any], name: str) -> int:
    value = of.get(name)
    if type(value) is not int:  # some hosts write 12.0; true is no count
        if not isinstance(value, float) or not math.isfinite(value):
            return 0
        value = int(value)
    return min(_MOST, max(0, value))


def _object(of: dict[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}
