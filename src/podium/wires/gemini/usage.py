"""Token counts of this wire, made disjoint and back.

`promptTokenCount` includes cached tokens, `candidatesTokenCount` excludes thoughts, `toolUsePromptTokenCount` stands
beside both (https://ai.google.dev/api/generate-content#UsageMetadata). Sound is told by modality, of each count for
itself.
"""

import math
from typing import Any

from msgspec import Raw

from podium.vocabulary.usage import HostUsage, Usage
from podium.wires.gemini.member import NAME, flat
from podium.wires.member import BROKEN, Members, decode_any, parse, raw

_MOST = 1_000_000_000
"""Counts beyond this are a host's mistake, not tokens."""

_AUDIO = ("AUDIO", 4)
"""The modality by name, and by its number on hosts that tell enumerations so."""


_TIERS = {"ON_DEMAND": "standard", "ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}


def read_usage(value: Raw) -> Usage | None:
    """The buckets of a `usageMetadata`; None if it is not one. Nothing is ever negative, whatever the host says."""
    try:
        usage = decode_any(value)
    except BROKEN:
        return None
    if not isinstance(usage, dict):
        return None
    prompt, said = _count(usage, "promptTokenCount"), _count(usage, "candidatesTokenCount")
    thought, tool = _count(usage, "thoughtsTokenCount"), _count(usage, "toolUsePromptTokenCount")
    unseen = max(0, _count(usage, "totalTokenCount") - prompt - said - thought - tool)
    cached = min(prompt, _count(usage, "cachedContentTokenCount"))
    sounds = _sound(usage, "promptTokensDetails") - _sound(usage, "cacheTokensDetails")
    heard = min(prompt - cached, max(0, sounds))
    spoken = min(said, _sound(usage, "candidatesTokensDetails"))
    return Usage(
        input=prompt - cached - heard,
        cached_input=cached,
        output=said - spoken,
        reasoning=thought + unseen,
        audio_input=heard,
        audio_output=spoken,
        tool_use=tool,
    )


def read_tier(value: Raw) -> str | None:
    """The tier of service: Gemini says it in `serviceTier`, Vertex AI in `trafficType`; None where neither does."""
    members = parse(value, Members) or {}
    for name in ("serviceTier", "trafficType"):
        said = parse(members[name], str) if name in members else None
        if said:
            return _TIERS.get(said.upper(), said.lower())
    return None


def write_usage(usage: Usage, host: HostUsage | None) -> Raw:
    """A `usageMetadata`: the host's own where it is of this wire, else one made from the buckets."""
    if host is not None and host.wire == NAME:
        return flat(host.value)
    prompt = usage.input + usage.cached_input + usage.written + usage.audio_input
    said = usage.output + usage.audio_output
    members: dict[str, object] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": said,
        "totalTokenCount": usage.input_total + usage.output_total,
    }
    beside = {
        "cachedContentTokenCount": usage.cached_input,
        "thoughtsTokenCount": usage.reasoning,
        "toolUsePromptTokenCount": usage.tool_use,
    }
    members.update({name: count for name, count in beside.items() if count})
    for name, sound, total in (
        ("promptTokensDetails", usage.audio_input, prompt),
        ("candidatesTokensDetails", usage.audio_output, said),
    ):
        if sound:
            text = [{"modality": "TEXT", "tokenCount": total - sound}] if total > sound else []
            members[name] = [*text, {"modality": "AUDIO", "tokenCount": sound}]
    return raw(members)


def _count(of: dict[str, Any], name: str) -> int:
    value = of.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return min(_MOST, max(0, int(value)))


def _sound(of: dict[str, Any], name: str) -> int:
    details = of.get(name)
    if not isinstance(details, list):
        return 0
    entries = [each for each in details if isinstance(each, dict) and each.get("modality") in _AUDIO]
    return sum(_count(each, "tokenCount") for each in entries)
