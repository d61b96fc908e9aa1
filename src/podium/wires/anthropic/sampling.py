"""How an answer is drawn: the cap, the temperature, what stops it, how much the model thinks."""

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.request import Effort, Request, Sampling
from podium.wires.dialect import member_name
from podium.wires.member import Members, parse, raw

_CAP = 4_096
"""The cap where neither the client nor the profile names one: every model of this wire can do as much."""

_LEAST_BUDGET = 1_024
_BUDGETS = {"minimal": 1_024, "low": 4_096, "medium": 16_384, "high": 32_000, "xhigh": 48_000, "max": 60_000}
"""Tokens to think with, for a level."""

_WORDS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
"""This wire's own words for levels."""

_LEVELS = ((1_024, "minimal"), (4_096, "low"), (16_384, "medium"))
"""The level for a budget of at most so many tokens; beyond, `high`."""

_PLAIN = ("temperature", "top_p", "top_k")
_HINTS = ("seed", "presence_penalty", "frequency_penalty")


def put_sampling(
    members: Members, request: Request, before: Sampling | None, profile: Profile, dropped: list[str]
) -> None:
    """Set what differs from `before`; all of it where there is none.

    Raises:
        Inexpressible: it cannot be said here.
    """
    sampling = request.sampling
    was = before or Sampling()
    _refuse(request, was)
    for name in _PLAIN:
        if (value := getattr(sampling, name)) != getattr(was, name):
            put(members, name, None if value is None else raw(value))
    dropped.extend(member_name(request, name) for name in _HINTS if _says(sampling, was, name))
    if sampling.stop != was.stop:
        put(members, "stop_sequences", raw(sampling.stop) if sampling.stop else None)
    if before is None or sampling.max_output != before.max_output:
        members["max_tokens"] = raw(_cap(sampling, profile))
    if sampling.effort != was.effort:
        _put_effort(members, request, profile, dropped)
    else:
        _keep_budget_below(members, sampling)


def _says(sampling: Sampling, was: Sampling, name: str) -> bool:
    """Whether a hint says something new; a penalty of 0 is none."""
    value = getattr(sampling, name)
    return value is not None and value != getattr(was, name) and (name == "seed" or value != 0)


def _refuse(request: Request, was: Sampling) -> None:
    sampling = request.sampling
    wrong = (
        ("choices", (sampling.choices or 1) > 1, "The anthropic wire gives one answer at a time."),
        ("logprobs", bool(sampling.logprobs), "The anthropic wire tells no log probabilities."),
        ("top_logprobs", bool(sampling.top_logprobs), "The anthropic wire tells no log probabilities."),
        ("logit_bias", _has_members(sampling.logit_bias), "The anthropic wire has no logit bias."),
        (
            "temperature",
            sampling.temperature is not None and not 0 <= sampling.temperature <= 1,
            "On the anthropic wire a temperature is between 0 and 1.",
        ),
        (
            "stop",
            any(not each.strip() for each in sampling.stop),
            "On the anthropic wire a stop sequence holds more than white space.",
        ),
    )
    for name, is_wrong, message in wrong:
        if is_wrong and getattr(sampling, name) != getattr(was, name):
            raise Inexpressible(message, param=member_name(request, name))


def _has_members(value: Raw | None) -> bool:
    return bool(parse(value, Members))


def put(members: Members, name: str, value: Raw | None) -> None:
    """Set a member, or take it away."""
    if value is None:
        members.pop(name, None)
    else:
        members[name] = value


def _cap(sampling: Sampling, profile: Profile) -> int:
    if sampling.max_output is not None:
        return sampling.max_output
    if profile.output_limit is not None:
        return profile.output_limit
    return _CAP + (_budget(sampling.effort) if not profile.adaptive_thinking else 0)


def _budget(effort: Effort | None) -> int:
    if effort is None or effort.level == "none":
        return 0
    if effort.tokens is not None:
        return effort.tokens
    return _BUDGETS.get(effort.level or "", 0)


def _put_effort(members: Members, request: Request, profile: Profile, dropped: list[str]) -> None:
    """Thinking by a budget below the cap, or by a level where the profile says so.

    A model of this wire does not think on a budget while it is forced to call a tool, at a temperature of less than 1,
    or in the middle of a tool loop that it began without a thought: then the effort is a hint that is dropped.
    """
    members.pop("thinking", None)
    config = parse(members.pop("output_config", None), Members) or {}
    config.pop("effort", None)
    effort = request.sampling.effort
    if effort is not None and effort.level != "none":
        if profile.adaptive_thinking:
            _put_level(members, config, effort)
        else:
            _put_budget(members, request, effort, dropped)
    if config:
        members["output_config"] = raw(config)


def _put_level(members: Members, config: Members, effort: Effort) -> None:
    level = effort.level
    if level is None and effort.tokens is not None:
        level = next((name for most, name in _LEVELS if effort.tokens <= most), "high")
    members["thinking"] = raw({"type": "adaptive"})
    if level is not None:
        config["effort"] = raw(_WORDS.get(level, level))


def _put_budget(members: Members, request: Request, effort: Effort, dropped: list[str]) -> None:
    cap = parse(members.get("max_tokens"), int) or _CAP
    budget = _budget(effort) or _BUDGETS["medium"]
    if budget >= cap:
        budget = cap * 3 // 4
    temperature = request.sampling.temperature
    cold = temperature not in (None, 1.0)
    if budget < _LEAST_BUDGET or cold or _is_forced(members) or _is_in_thoughtless_loop(members):
        dropped.append(member_name(request, "effort"))
        if request.sampling.max_output is None:
            members["max_tokens"] = raw(min(cap, _CAP))
        return
    members["thinking"] = raw({"type": "enabled", "budget_tokens": budget})


def _is_forced(members: Members) -> bool:
    choice = parse(members.get("tool_choice"), Members) or {}
    return parse(choice.get("type"), str) in ("any", "tool")


def _is_in_thoughtless_loop(members: Members) -> bool:
    """Whether the last message gives results of calls that were made without thinking, or whose thinking is lost.

    Hosts answer that with 400: "a final assistant message must start with a thinking block".
    """
    messages = parse(members.get("messages"), list[Members]) or []
    if len(messages) < 2 or "tool_result" not in _kinds(messages[-1]):
        return False
    kinds = _kinds(messages[-2])
    return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")


def _kinds(message: Members) -> list[str]:
    blocks = parse(message.get("content"), list[Members]) or []
    return [parse(block.get("type"), str) or "" for block in blocks]


def _keep_budget_below(members: Members, sampling: Sampling) -> None:
    """A cap that was lowered must stay above the budget for thinking."""
    thinking = parse(members.get("thinking"), Members) or {}
    budget, cap = parse(thinking.get("budget_tokens"), int), sampling.max_output
    if budget is None or cap is None or budget < cap:
        return
    if cap * 3 // 4 < _LEAST_BUDGET:
        del members["thinking"]
    else:
        members["thinking"] = raw({**thinking, "budget_tokens": cap * 3 // 4})
