"""How the answer is drawn: the cap, the temperature, what stops it, how much the model thinks."""

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.catalogue.thinking import Thinking, is_off
from podium.errors import Inexpressible
from podium.vocabulary.request import Effort, Request, Sampling
from podium.wires.dialect import member_name, thinks_unasked
from podium.wires.member import Members, put, raw
from podium.wires.openai_chat.member import NAME

_MOST_STOPS = 4
_HOTTEST = 2.0
_SAMPLED = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "choices": "n",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "logit_bias": "logit_bias",
}
"""Fields of `Sampling` that are one member each."""

_LEVELS = ((1_024, "minimal"), (4_096, "low"), (16_384, "medium"))
"""The effort for a budget of at most so many tokens; beyond, `high`."""

_OFF = "none"


def put_sampling(
    members: Members,
    request: Request,
    before: Sampling,
    profile: Profile,
    endpoint: Endpoint,
    dropped: list[str],
) -> None:
    """Only what differs from `before` is written; what is None is left to the host.

    Raises:
        Inexpressible: hosts of this wire would refuse it.
    """
    sampling = request.sampling
    _check(request, before)
    for field, name in _SAMPLED.items():
        value = getattr(sampling, field)
        if value != getattr(before, field):
            put(members, name, None if value is None else raw(value))
    if sampling.parallel_tool_calls != before.parallel_tool_calls:
        _put_parallel(members, request)
    if sampling.max_output != before.max_output:
        _put_cap(members, sampling.max_output, profile, endpoint)
    if sampling.stop != before.stop:
        put(members, "stop", raw(sampling.stop) if sampling.stop else None)
    if sampling.effort != before.effort:
        _put_effort(members, request, profile.thinking, dropped)
    if sampling.top_k != before.top_k:
        members.pop("top_k", None)
        if sampling.top_k is not None:
            dropped.append(member_name(request, "top_k"))


def _check(request: Request, before: Sampling) -> None:
    sampling = request.sampling
    heat = sampling.temperature
    for field, wrong, what in (
        ("stop", len(sampling.stop) > _MOST_STOPS, f"takes at most {_MOST_STOPS} stop sequences"),
        ("temperature", heat is not None and not 0 <= heat <= _HOTTEST, "takes temperatures from 0 to 2"),
    ):
        if wrong and getattr(sampling, field) != getattr(before, field):
            raise Inexpressible(f"The openai_chat wire {what}.", param=member_name(request, field))


def _put_parallel(members: Members, request: Request) -> None:
    """Whether calls may stand side by side; hosts refuse the member where there are no tools."""
    parallel = request.sampling.parallel_tool_calls if request.tools else None
    put(members, "parallel_tool_calls", None if parallel is None else raw(parallel))


def _put_cap(members: Members, cap: int | None, profile: Profile, endpoint: Endpoint) -> None:
    """The output cap, within what the model can give; hosts refuse more.

    It stays under the name that the caller used: two of them are refused as well.
    """
    there = [name for name in ("max_completion_tokens", "max_tokens") if name in members]
    for name in there:
        del members[name]
    if cap is not None:
        within = cap if profile.output_limit is None else min(cap, profile.output_limit)
        members[there[0] if there else endpoint.max_tokens_member] = raw(within)


def _put_effort(members: Members, request: Request, thinking: Thinking | None, dropped: list[str]) -> None:
    """How much the model may think.

    That it may not is a default in some dialects, and then no hint that is lost. Whether a model that nobody described
    takes the word for it is not known: many hosts refuse it, and who speaks another dialect, or none, did not choose
    it.
    """
    effort = request.sampling.effort or Effort()
    level, told = _level(effort, thinking)
    is_foreign = request.source is not None and request.source.wire != NAME
    if thinking is None and is_off(effort) and (is_foreign or effort.level is None):
        level, told = None, False
    put(members, "reasoning_effort", None if level is None else raw(level))
    by_default = level is None and is_off(effort) and not thinks_unasked(request)
    if not told and not by_default:
        dropped.append(member_name(request, "effort"))


def _level(effort: Effort, thinking: Thinking | None) -> tuple[str | None, bool]:
    """The level by name, and whether that says what was meant. An effort without more is as the model likes."""
    if effort == Effort():
        return None, True
    if is_off(effort):
        return _off(thinking)
    if thinking is not None and thinking.levels:
        level = thinking.level(effort)
        return level, level is not None
    if thinking is not None and not thinking.most:
        return None, False
    if effort.level is not None or effort.tokens is None:
        return effort.level, True
    tokens = effort.tokens
    return (None if tokens < 0 else next((name for most, name in _LEVELS if tokens <= most), "high")), True


def _off(thinking: Thinking | None) -> tuple[str | None, bool]:
    """A model that thinks only when asked is not asked; one that always thinks does so as little as it can."""
    if thinking is None or thinking.off in ("disabled", "between_tools"):
        return _OFF, True
    if thinking.off == "unsaid":
        return None, True
    return (thinking.levels[0] if thinking.levels else None), False
