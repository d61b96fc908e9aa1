"""How much the model thinks, of which this wire has three forms: a budget in tokens, a level, and not at all.

Sources: https://platform.claude.com/docs/en/build-with-claude/extended-thinking; `adaptive-thinking`, `effort` there.
"""

from itertools import takewhile

from podium.catalogue.profile import Profile
from podium.catalogue.thinking import Thinking, is_off
from podium.vocabulary.request import Effort, Request, Sampling
from podium.wires.dialect import member_name
from podium.wires.member import Members, parse, raw

LEAST_BUDGET = 1_024

UNKNOWN = Thinking(least=LEAST_BUDGET, most=60_000)
"""What is assumed of a model that nobody described."""

_AS_IT_LIKES = Effort(level="medium")
_LEAST_TOP_P = 0.95


def put_effort(
    members: Members, request: Request, profile: Profile, dropped: list[str], *, most: int | None
) -> None:
    """Set what the request's effort means to the model; what it cannot be told is a hint.

    `most` is the cap on thoughts and answer together; None where there is room for any budget.
    """
    members.pop("thinking", None)
    config = parse(members.pop("output_config", None), Members) or {}
    config.pop("effort", None)
    effort = request.sampling.effort
    thinking = profile.thinking or UNKNOWN
    if effort is None:
        told = True
    elif is_off(effort):
        told = _turn_off(members, config, thinking)
    elif thinking.levels:
        told = _put_level(members, config, request.sampling, thinking)
    elif thinking.most:
        told = _put_budget(members, request.sampling, thinking, most)
    else:
        told = False
    if not told:
        dropped.append(member_name(request, "effort"))
    if _thinks(members) and members.pop("top_k", None) is not None:
        dropped.append(member_name(request, "top_k"))
    if config:
        members["output_config"] = raw(config)


def _thinks(members: Members) -> bool:
    thinking = parse(members.get("thinking"), Members) or {}
    return parse(thinking.get("type"), str) in ("enabled", "adaptive")


def _turn_off(members: Members, config: Members, thinking: Thinking) -> bool:
    """A model that always thinks thinks as little as it can."""
    if thinking.off in ("disabled", "between_tools"):
        members["thinking"] = raw({"type": thinking.off})
    elif thinking.off == "never" and thinking.levels:
        config["effort"] = raw(thinking.levels[0])
    return thinking.off != "never"


def _put_level(members: Members, config: Members, sampling: Sampling, thinking: Thinking) -> bool:
    """A level, and that it may think; newer models would keep their thoughts to themselves were they not asked."""
    effort = sampling.effort or Effort()
    level = thinking.level(effort)
    if level is not None:
        config["effort"] = raw(level)
    if _is_cold(members):
        return False
    members["thinking"] = raw({"type": "adaptive", "display": "summarized"})
    return level is not None or effort == Effort()


def _put_budget(members: Members, sampling: Sampling, thinking: Thinking, most: int | None) -> bool:
    """A budget below the cap.

    A model of this wire does not think on a budget while it is forced to call a tool, at a temperature of less than 1,
    or in the middle of a tool loop that it began without a thought: then the effort is a hint that is dropped.
    """
    effort = sampling.effort or Effort()
    budget = thinking.budget(_AS_IT_LIKES if effort == Effort() else effort)
    if budget is not None and most is not None and budget >= most:
        budget = most * 3 // 4
    if (
        budget is None
        or budget < LEAST_BUDGET
        or _is_cold(members)
        or _is_forced(members)
        or _is_in_thoughtless_loop(members)
    ):
        return False
    members["thinking"] = raw({"type": "enabled", "budget_tokens": budget})
    return effort.tokens is None or thinking.least <= effort.tokens <= thinking.most


def _is_cold(members: Members) -> bool:
    """Whether the answer is drawn in a way in which no model thinks."""
    top_p = parse(members.get("top_p"), float)
    return parse(members.get("temperature"), float) not in (None, 1.0) or (
        top_p is not None and top_p < _LEAST_TOP_P
    )


def _is_forced(members: Members) -> bool:
    choice = parse(members.get("tool_choice"), Members) or {}
    return parse(choice.get("type"), str) in ("any", "tool")


def drop_unfit_budget(members: Members, request: Request, dropped: list[str]) -> None:
    """Leave out the budget that a client of this wire set, where the tool loop that it is in began without a thought.

    So it is where another host or model began the loop, whose thoughts are none to this one.
    """
    thinking = parse(members.get("thinking"), Members) or {}
    if parse(thinking.get("type"), str) == "enabled" and _is_in_thoughtless_loop(members):
        del members["thinking"]
        dropped.append(member_name(request, "effort"))


def _is_in_thoughtless_loop(members: Members) -> bool:
    """Whether the last message gives results in a turn of the assistant's that does not begin with a thought.

    A turn is all that follows what the user said last; results of tools alone do not end it. Hosts refuse a budget
    there: "a final `assistant` message must start with a thinking block"; further messages of the turn need none
    (https://platform.claude.com/docs/en/build-with-claude/thinking#thinking-with-tool-use).
    """
    messages = parse(members.get("messages"), list[Members]) or []
    if not messages or "tool_result" not in _kinds(messages[-1]):
        return False
    turn = takewhile(_is_of_turn, reversed(messages[:-1]))
    said = [message for message in turn if parse(message.get("role"), str) == "assistant"]
    return bool(said) and not {"thinking", "redacted_thinking"}.intersection(_kinds(said[-1])[:1])


def _is_of_turn(message: Members) -> bool:
    return parse(message.get("role"), str) != "user" or set(_kinds(message)) == {"tool_result"}


def _kinds(message: Members) -> list[str]:
    blocks = parse(message.get("content"), list[Members]) or []
    return [parse(block.get("type"), str) or "" for block in blocks]


def budget_of(members: Members) -> int:
    """The tokens that the model is given to think."""
    thinking = parse(members.get("thinking"), Members) or {}
    return parse(thinking.get("budget_tokens"), int) or 0


def keep_budget_below(members: Members, sampling: Sampling) -> None:
    """A cap that was lowered must stay above the budget for thinking."""
    thinking = parse(members.get("thinking"), Members) or {}
    budget, cap = budget_of(members), sampling.max_output
    if cap is None or budget < cap:
        return
    if cap * 3 // 4 < LEAST_BUDGET:
        del members["thinking"]
    else:
        members["thinking"] = raw({**thinking, "budget_tokens": cap * 3 // 4})
