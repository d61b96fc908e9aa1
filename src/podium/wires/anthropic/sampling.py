"""How an answer is drawn: the cap, the temperature, what stops it."""

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.request import Request, Sampling
from podium.wires.anthropic.thinking import budget_of, keep_budget_below, put_effort
from podium.wires.dialect import member_name
from podium.wires.member import Members, parse, raw

_PLAIN = ("temperature", "top_p", "top_k")
_DEFAULTS = {"temperature": 1.0, "top_p": 1.0}
_CAREFUL_CAP = 4_096
"""Where neither the client nor the profile names a cap: every model of this wire can do as much."""
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
    _put_plain(members, request, was, profile, dropped)
    dropped.extend(member_name(request, name) for name in _HINTS if _says(sampling, was, name))
    if sampling.stop != was.stop:
        put(members, "stop_sequences", raw(sampling.stop) if sampling.stop else None)
    most = _most(sampling, profile)
    if sampling.effort != was.effort:
        put_effort(members, request, profile, dropped, most=most)
    else:
        keep_budget_below(members, sampling)
    if before is None or sampling.max_output != before.max_output:
        members["max_tokens"] = raw(_CAREFUL_CAP + budget_of(members) if most is None else most)
        if sampling.max_output is not None and most != sampling.max_output:
            dropped.append(member_name(request, "max_output"))


def _put_plain(
    members: Members, request: Request, was: Sampling, profile: Profile, dropped: list[str]
) -> None:
    """How an answer is drawn. What a model does not take is a hint; its default says nothing."""
    sampling = request.sampling
    untaken = _untaken(sampling, profile)
    for name in _PLAIN:
        value = getattr(sampling, name)
        if value == getattr(was, name):
            continue
        if value is None or name not in untaken:
            put(members, name, None if value is None else raw(value))
        elif value != _DEFAULTS.get(name):
            dropped.append(member_name(request, name))


def _untaken(sampling: Sampling, profile: Profile) -> tuple[str, ...]:
    if profile.sampling == "none":
        return _PLAIN
    if profile.sampling == "one" and sampling.temperature is not None and sampling.top_p is not None:
        return ("temperature",) if sampling.temperature == _DEFAULTS["temperature"] else ("top_p",)
    return ()


def _says(sampling: Sampling, was: Sampling, name: str) -> bool:
    """Whether a hint says something new; a penalty of 0 is none."""
    value = getattr(sampling, name)
    return value is not None and value != getattr(was, name) and (name == "seed" or value != 0)


def _refuse(request: Request, was: Sampling) -> None:
    sampling = request.sampling
    wrong = (
        ("choices", sampling.choices not in (None, 1), "The anthropic wire gives one answer at a time."),
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


def _most(sampling: Sampling, profile: Profile) -> int | None:
    """The client's cap, but no more than the model can say; else all that it can say; None where nobody knows."""
    caps = [each for each in (sampling.max_output, profile.output_limit) if each is not None]
    return min(caps, default=None)
