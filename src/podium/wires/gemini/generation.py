"""`generationConfig`, both ways: how an answer is drawn, its shape, how much is thought before it.

Source: https://ai.google.dev/api/generate-content#generationconfig.
"""

from msgspec import Raw

from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.request import Effort, Request, Sampling, Schema
from podium.wires.demand import optional
from podium.wires.dialect import member_name
from podium.wires.gemini.demand import inner, whole
from podium.wires.gemini.member import TRUE, extra_of, mark, put
from podium.wires.gemini.schema import json_schema
from podium.wires.gemini.signature import is_older
from podium.wires.member import Members, is_null, parse, raw

_PATH = "generationConfig."
_JSON = "application/json"
_TEXT = "text/plain"
_MOST_STOPS = 5
_MOST_CHOICES = 8
_MOST_LOGPROBS = 20
_HOTTEST = 2.0
_MOST_CHOICES_READ = 128

_SAMPLED = {
    "max_output": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "choices": "candidateCount",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Fields of `Sampling` that are one member each."""

_BUDGETS = {
    "none": 0,
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
    "max": 24_576,
}
_LEVELS = {"none": "minimal", "xhigh": "high", "max": "high"}
"""What an effort means to models that think by budget, and to those that think by level.

Source: https://ai.google.dev/gemini-api/docs/openai#thinking. No level turns thinking off.
"""


def read_sampling(config: Members) -> Sampling:
    """What is said of drawing.

    Raises:
        InvalidRequest: a member is not what it must be; names it.
    """
    choices, cap = whole(config, "candidateCount", _PATH), whole(config, "maxOutputTokens", _PATH)
    if choices is not None and not 1 <= choices <= _MOST_CHOICES_READ:
        raise InvalidRequest(
            f"`{_PATH}candidateCount` must be between 1 and {_MOST_CHOICES_READ}.",
            param=f"{_PATH}candidateCount",
        )
    if cap is not None and cap < 1:
        raise InvalidRequest(f"`{_PATH}maxOutputTokens` must be at least 1.", param=f"{_PATH}maxOutputTokens")
    return Sampling(
        max_output=cap,
        temperature=optional(config, "temperature", float, _PATH),
        top_p=optional(config, "topP", float, _PATH),
        top_k=whole(config, "topK", _PATH),
        stop=tuple(optional(config, "stopSequences", list[str], _PATH) or ()),
        seed=whole(config, "seed", _PATH),
        presence_penalty=optional(config, "presencePenalty", float, _PATH),
        frequency_penalty=optional(config, "frequencyPenalty", float, _PATH),
        choices=choices,
        logprobs=optional(config, "responseLogprobs", bool, _PATH),
        top_logprobs=whole(config, "logprobs", _PATH),
        effort=_read_effort(config),
    )


def _read_effort(config: Members) -> Effort | None:
    thinking = inner(config, "thinkingConfig", _PATH)
    path = f"{_PATH}thinkingConfig."
    level, budget = optional(thinking, "thinkingLevel", str, path), whole(thinking, "thinkingBudget", path)
    level = level.lower() if level and not level.upper().endswith("UNSPECIFIED") else None
    return None if level is None and budget is None else Effort(level=level, tokens=budget)


def read_schema(config: Members) -> Schema | None:
    """The shape of the answer. A type that is neither text nor JSON is kept as it came.

    Raises:
        InvalidRequest: the schema is none.
    """
    mime = optional(config, "responseMimeType", str, _PATH)
    schema = config.get("responseJsonSchema", config.get("_responseJsonSchema"))
    if is_null(schema):
        optional(config, "responseSchema", Members, _PATH)
        own = config.get("responseSchema")
        schema = None if own is None or is_null(own) else json_schema(own)
    else:
        optional(config, "responseJsonSchema", Members, _PATH)
    if schema is None and (mime is None or mime == _TEXT):
        return None
    unusual = mime is not None and mime != _JSON
    return Schema(schema=schema, extra=extra_of(("mime", raw(mime))) if unusual else None)


def put_schema(config: Members, schema: Schema | None) -> None:
    """Ask for the shape."""
    for name in ("responseSchema", "_responseJsonSchema"):
        put(config, name, None)
    mime = None if schema is None else mark(schema.extra, "mime") or raw(_JSON)
    put(config, "responseMimeType", mime)
    put(config, "responseJsonSchema", None if schema is None else schema.schema)


def put_sampling(config: Members, request: Request, before: Sampling, model: str, dropped: list[str]) -> None:
    """Only what differs from `before` is written; what is None is left to the host.

    Raises:
        Inexpressible: more is asked for than any host of this wire gives.
    """
    sampling = request.sampling
    _check(request, before)
    for field, name in _SAMPLED.items():
        value = getattr(sampling, field)
        if value != getattr(before, field):
            put(config, name, None if value is None else raw(value))
    if sampling.stop != before.stop:
        put(config, "stopSequences", raw(sampling.stop) if sampling.stop else None)
    if sampling.effort != before.effort:
        _put_effort(config, request, model, dropped)
    if sampling.parallel_tool_calls is False and before.parallel_tool_calls is not False:
        dropped.append(member_name(request, "parallel_tool_calls"))


def _check(request: Request, before: Sampling) -> None:
    sampling = request.sampling
    heat = sampling.temperature
    bias = parse(sampling.logit_bias, dict[str, float])
    for field, wrong, what in (
        ("stop", len(sampling.stop) > _MOST_STOPS, f"takes at most {_MOST_STOPS} stop sequences"),
        (
            "choices",
            (sampling.choices or 1) > _MOST_CHOICES,
            f"gives at most {_MOST_CHOICES} answers at once",
        ),
        ("temperature", heat is not None and not 0 <= heat <= _HOTTEST, "takes temperatures from 0 to 2"),
        ("top_logprobs", (sampling.top_logprobs or 0) > _MOST_LOGPROBS, "gives at most 20 alternatives"),
        ("logit_bias", bool(bias), "has no bias for single tokens"),
    ):
        if wrong and getattr(sampling, field) != getattr(before, field):
            raise Inexpressible(f"The gemini wire {what}.", param=member_name(request, field))


def _put_effort(config: Members, request: Request, model: str, dropped: list[str]) -> None:
    """A budget in tokens, or a level for models that know levels; thoughts are shown wherever there are any."""
    effort = request.sampling.effort
    thinking: Members = parse(config.get("thinkingConfig"), Members) or {}
    for name in ("thinkingBudget", "thinkingLevel"):
        put(thinking, name, None)
    said = None if effort is None else _thinking(effort, model)
    if said is not None:
        thinking.update(said)
        thinks = said.get("thinkingBudget") != Raw(b"0")
        if "includeThoughts" not in thinking and "include_thoughts" not in thinking and thinks:
            thinking["includeThoughts"] = TRUE
        if effort is not None and effort.level == "none" and thinks:
            dropped.append(member_name(request, "effort"))
    elif effort is not None and effort != Effort():
        dropped.append(member_name(request, "effort"))
    put(config, "thinkingConfig", raw(thinking) if thinking else None)


def _thinking(effort: Effort, model: str) -> Members | None:
    if effort.tokens is not None:
        return {"thinkingBudget": raw(effort.tokens)}
    name = (effort.level or "").lower()
    if name not in _BUDGETS:
        return None
    if is_older(model):
        return {"thinkingBudget": raw(_BUDGETS[name])}
    level = _LEVELS.get(name, name)
    return {"thinkingLevel": raw("low" if level == "minimal" and "flash" not in model else level)}
