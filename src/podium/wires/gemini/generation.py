"""`generationConfig`, both ways: how an answer is drawn, and its shape.

Source: https://ai.google.dev/api/generate-content#generationconfig.
"""

from typing import Any

from podium.catalogue.profile import Profile
from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.request import Request, Sampling, Schema
from podium.wires.answer_tool import description_name
from podium.wires.demand import optional
from podium.wires.dialect import member_name, schema_for
from podium.wires.gemini.demand import inner, whole
from podium.wires.gemini.member import NAME, extra_of, mark, put
from podium.wires.gemini.schema import json_schema
from podium.wires.gemini.thinking import put_effort, read_effort
from podium.wires.member import Members, is_null, parse, raw

_PATH = "generationConfig."
_JSON = "application/json"
_TEXT = "text/plain"
_MOST_STOPS = 5
_MOST_CHOICES = 8
_MOST_LOGPROBS = 20
_HOTTEST = 2.0
_SEEDS = 1 << 31

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


def read_sampling(config: Members) -> Sampling:
    """What is said of drawing.

    Raises:
        InvalidRequest: a member is not what it must be; names it.
    """
    choices, cap = whole(config, "candidateCount", _PATH), whole(config, "maxOutputTokens", _PATH)
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
        choices=choices or None,  # in protocol buffers zero is what is not said
        logprobs=optional(config, "responseLogprobs", bool, _PATH),
        top_logprobs=whole(config, "logprobs", _PATH),
        effort=read_effort(inner(config, "thinkingConfig", _PATH), f"{_PATH}thinkingConfig."),
    )


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


def put_schema(config: Members, request: Request, dropped: list[str]) -> None:
    """Ask for the shape.

    Raises:
        Inexpressible: it is one that another wire alone knows.
    """
    schema = schema_for(request, NAME)
    if schema is not None and schema.description is not None:
        dropped.append(description_name(request))
    for name in ("responseSchema", "_responseJsonSchema"):
        put(config, name, None)
    mime = None if schema is None else mark(schema.extra, "mime") or raw(_JSON)
    put(config, "responseMimeType", mime)
    put(config, "responseJsonSchema", None if schema is None else schema.schema)


def put_sampling(
    config: Members, request: Request, before: Sampling, profile: Profile, dropped: list[str]
) -> None:
    """Only what differs from `before` is written; what is None is left to the host.

    Raises:
        Inexpressible: more is asked for than any host of this wire gives.
    """
    sampling = request.sampling
    _check(request, before)
    for field, name in _SAMPLED.items():
        value = getattr(sampling, field)
        if value == getattr(before, field):
            continue
        fits = _fitting(field, value, profile)
        if fits != value:
            dropped.append(member_name(request, field))
        put(config, name, None if fits is None else raw(fits))
    if sampling.stop != before.stop:
        put(config, "stopSequences", raw(sampling.stop) if sampling.stop else None)
    if sampling.effort != before.effort:
        put_effort(config, request, profile, dropped)
    if sampling.parallel_tool_calls is False and before.parallel_tool_calls is not False:
        dropped.append(member_name(request, "parallel_tool_calls"))


def _fitting(field: str, value: Any, profile: Profile) -> Any:  # noqa: ANN401 - of any field of `Sampling`
    """The value as a host takes it: a cap within what the model can say, no seed of more than 32 bits."""
    if field == "max_output" and value is not None and profile.output_limit is not None:
        return min(value, profile.output_limit)
    if field == "seed" and value is not None and not -_SEEDS <= value < _SEEDS:
        return None
    return value


def _check(request: Request, before: Sampling) -> None:
    sampling = request.sampling
    heat = sampling.temperature
    bias = parse(sampling.logit_bias, dict[str, float])
    for field, wrong, what in (
        ("stop", len(sampling.stop) > _MOST_STOPS, f"takes at most {_MOST_STOPS} stop sequences"),
        (
            "choices",
            sampling.choices is not None and not 1 <= sampling.choices <= _MOST_CHOICES,
            f"gives 1 to {_MOST_CHOICES} answers at once",
        ),
        ("temperature", heat is not None and not 0 <= heat <= _HOTTEST, "takes temperatures from 0 to 2"),
        ("top_logprobs", (sampling.top_logprobs or 0) > _MOST_LOGPROBS, "gives at most 20 alternatives"),
        ("logit_bias", bool(bias), "has no bias for single tokens"),
    ):
        if wrong and getattr(sampling, field) != getattr(before, field):
            raise Inexpressible(f"The gemini wire {what}.", param=member_name(request, field))
