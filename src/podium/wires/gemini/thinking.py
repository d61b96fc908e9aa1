"""`thinkingConfig`, both ways: a budget in tokens, of which 0 is none and -1 as the model likes, or a level.

Source: https://ai.google.dev/gemini-api/docs/thinking. A request may not have both.
"""

from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.catalogue.thinking import Thinking, is_off
from podium.vocabulary.request import Effort, Request
from podium.wires.demand import optional
from podium.wires.dialect import member_name
from podium.wires.gemini.demand import whole
from podium.wires.gemini.member import TRUE, put
from podium.wires.member import Members, parse, raw

_AS_IT_LIKES = -1
_OFF: Members = {"thinkingBudget": Raw(b"0")}

_UNKNOWN = Thinking(levels=("minimal", "low", "medium", "high"), off="disabled")
"""What is assumed of a model that nobody described; a budget goes to it as it came."""


def read_effort(thinking: Members, path: str) -> Effort | None:
    """How much is to be thought; `thinking` are the members of a `thinkingConfig`.

    Raises:
        InvalidRequest: a member is not what it must be; names it.
    """
    level, budget = optional(thinking, "thinkingLevel", str, path), whole(thinking, "thinkingBudget", path)
    level = level.lower() if level and not level.upper().endswith("UNSPECIFIED") else None
    if budget is not None and level is None and budget <= 0:
        return Effort(level="none") if budget == 0 else Effort()
    return None if level is None and budget is None else Effort(level=level, tokens=budget)


def put_effort(config: Members, request: Request, profile: Profile, dropped: list[str]) -> None:
    """What an effort means to the model; thoughts are shown wherever there are any."""
    effort = request.sampling.effort
    thinking: Members = parse(config.get("thinkingConfig"), Members) or {}
    for name in ("thinkingBudget", "thinkingLevel"):
        put(thinking, name, None)
    if effort is not None:
        said, exact = _said(effort, profile.thinking)
        thinking.update(said)
        if (
            "includeThoughts" not in thinking
            and "include_thoughts" not in thinking
            and said not in ({}, _OFF)
        ):
            thinking["includeThoughts"] = TRUE
        if not exact:
            dropped.append(member_name(request, "effort"))
    put(config, "thinkingConfig", raw(thinking) if thinking else None)


def _said(effort: Effort, thinking: Thinking | None) -> tuple[Members, bool]:
    """The members that come nearest, and whether they say just what was meant."""
    if thinking is None:
        if effort.tokens is not None and not is_off(effort):
            return {"thinkingBudget": raw(effort.tokens)}, True
        thinking = _UNKNOWN
    if is_off(effort):
        return _off(thinking)
    if effort == Effort():
        return ({"thinkingBudget": raw(_AS_IT_LIKES)} if thinking.most else {}), True
    if thinking.levels:
        level = thinking.level(effort)
        return ({"thinkingLevel": raw(level)} if level is not None else {}), level is not None
    budget = thinking.budget(effort) if thinking.most else None
    if budget is None:
        return {}, False
    return {"thinkingBudget": raw(budget)}, effort.tokens in (None, budget)


def _off(thinking: Thinking) -> tuple[Members, bool]:
    """A model that always thinks thinks as little as it can."""
    if thinking.off != "never":
        return (_OFF if thinking.off == "disabled" else {}), True
    if thinking.levels:
        return {"thinkingLevel": raw(thinking.levels[0])}, False
    return {"thinkingBudget": raw(thinking.least)}, False
