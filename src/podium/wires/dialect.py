"""What a request that came in one dialect loses on its way to a host of another, and what its client calls it.

A hint is dropped and named; what carries meaning is refused under the name that the client's dialect has for it.
"""

from collections.abc import Iterator

from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.part import Extra
from podium.vocabulary.request import Request, Schema, ToolChoice
from podium.wires.member import NULL, Members, parse

_NAMES: dict[str, dict[str, str]] = {
    "openai_chat": {
        "lines": "messages",
        "choices": "n",
        "effort": "reasoning_effort",
        "schema": "response_format",
        "max_output": "max_completion_tokens",
    },
    "anthropic": {
        "lines": "messages",
        "schema": "output_config.format",
        "effort": "thinking",
        "max_output": "max_tokens",
        "stop": "stop_sequences",
    },
    "gemini": {
        "lines": "contents",
        "choices": "generationConfig.candidateCount",
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "max_output": "generationConfig.maxOutputTokens",
        "stop": "generationConfig.stopSequences",
        "seed": "generationConfig.seed",
        "presence_penalty": "generationConfig.presencePenalty",
        "frequency_penalty": "generationConfig.frequencyPenalty",
        "logprobs": "generationConfig.responseLogprobs",
        "top_logprobs": "generationConfig.logprobs",
        "schema": "generationConfig.responseSchema",
        "effort": "generationConfig.thinkingConfig",
        "tool_choice": "toolConfig.functionCallingConfig",
    },
}
"""What each dialect calls a field of `Request` or `Sampling`, where it is not the field's own name."""

_SAID: dict[str, frozenset[str]] = {
    "openai_chat": frozenset(
        {
            "model",
            "messages",
            "stream",
            "stream_options",
            "tools",
            "tool_choice",
            "functions",
            "function_call",
            "response_format",
            "temperature",
            "top_p",
            "top_k",
            "seed",
            "stop",
            "max_tokens",
            "max_completion_tokens",
            "n",
            "logprobs",
            "top_logprobs",
            "logit_bias",
            "presence_penalty",
            "frequency_penalty",
            "parallel_tool_calls",
            "reasoning_effort",
        }
    ),
    "anthropic": frozenset(
        {
            "model",
            "messages",
            "system",
            "stream",
            "tools",
            "tool_choice",
            "temperature",
            "top_p",
            "top_k",
            "stop_sequences",
            "max_tokens",
            "thinking",
            "output_config",
            "output_format",
        }
    ),
    "gemini": frozenset(
        {
            "model",
            "contents",
            "systemInstruction",
            "tools",
            "toolConfig",
            "generationConfig",
        }
    ),
}
"""Members of each dialect that the vocabulary has words for."""

_MEANT: dict[str, dict[str, str]] = {
    "openai_chat": {
        "audio": "Only OpenAI's own wire answers in sound.",
        "web_search_options": "The search is run by another kind of host.",
    },
    "anthropic": {
        "mcp_servers": "The tools of these servers are run by another kind of host.",
        "container": "The container belongs to another kind of host.",
    },
    "gemini": {"cachedContent": "The cached content belongs to another kind of host."},
}
"""Members without a word in the vocabulary that carry meaning all the same."""

_DEFAULTS: dict[str, dict[str, str]] = {
    "openai_chat": {"service_tier": "auto", "verbosity": "medium"},
    "anthropic": {"service_tier": "auto", "speed": "standard"},
    "gemini": {"mediaResolution": "MEDIA_RESOLUTION_UNSPECIFIED"},
}
"""What members that the vocabulary has no word for say by default, by the official SDKs' words: then nothing is lost.

`default` and `standard_only` are no defaults of `service_tier`: they turn down what the account has set.
"""

_BUDGETED = frozenset({"thinkingBudget", "thinkingLevel"})
_SHOWN = frozenset({"includeThoughts"})
"""A model that is made to think shows its thoughts wherever its host does."""

_SAID_WITHIN: dict[str, frozenset[str]] = {
    "generationConfig": frozenset(
        {
            "temperature",
            "topP",
            "topK",
            "maxOutputTokens",
            "stopSequences",
            "candidateCount",
            "seed",
            "presencePenalty",
            "frequencyPenalty",
            "responseLogprobs",
            "logprobs",
            "responseMimeType",
            "responseSchema",
            "responseJsonSchema",
            "_responseJsonSchema",
            "thinkingConfig",
        }
    ),
    "generationConfig.thinkingConfig": _BUDGETED,
    "toolConfig": frozenset({"functionCallingConfig"}),
    "output_config": frozenset({"effort", "format"}),
    "thinking": frozenset({"type", "budgetTokens"}),
}
"""The same within members that hold several things, of Gemini and of Anthropic, by the names that Google writes."""

_WITHIN: dict[str, tuple[str, ...]] = {
    "anthropic": ("output_config", "thinking"),
    "gemini": ("generationConfig", "generationConfig.thinkingConfig", "toolConfig"),
}

_ELSEWHERE = frozenset({"file_data", "displayName", "display_name", "type"})
"""Members that are kept for their form alone: what they say stands in the part."""

_NOTHING = (NULL, Raw(b"{}"), Raw(b"[]"), Raw(b'""'), Raw(b"false"))
_EMPTY = Raw(b"{}")
"""Nothing for a hint; for a member that carries meaning, the usual way to switch on what it stands for."""

_TEXT_ALONE = ["text"]

WHOLE = "whole"
"""The name under which the `Extra` of a choice among tools keeps one that the vocabulary has no word for."""


def member_name(request: Request, field: str) -> str:
    """What the client who sent the request calls a field of `Request` or `Sampling`."""
    wire = request.source.wire if request.source is not None else ""
    return _NAMES.get(wire, {}).get(field, field)


def thinks_unasked(request: Request) -> bool:
    """Whether the client's dialect is one whose models think unless told not to, so that telling it is no default."""
    return request.source is None or request.source.wire != "anthropic"


def schema_for(request: Request, wire: str) -> Schema | None:
    """The shape that the answer is to have.

    Raises:
        Inexpressible: it is one that another wire than `wire` alone knows.
    """
    schema = request.schema
    if schema is not None and schema.extra is not None and schema.extra.wire != wire:
        raise Inexpressible(
            f"This form of an answer is known to the wire {schema.extra.wire} alone.",
            param=member_name(request, "schema"),
        )
    return schema


def choice_for(request: Request, wire: str) -> ToolChoice | None:
    """Whether and which tools must be called.

    Raises:
        Inexpressible: it is said in a way that another wire than `wire` alone knows.
    """
    choice = request.tool_choice
    extra = choice.extra if choice is not None else None
    if extra is not None and extra.wire != wire and WHOLE in extra.members:
        raise Inexpressible(
            f"This choice among tools is known to the wire {extra.wire} alone.",
            param=member_name(request, "tool_choice"),
        )
    return choice


def unknown_choice(wire: str, value: Raw) -> ToolChoice:
    """A choice among tools that only hosts of its own wire may know; they judge it."""
    return ToolChoice(mode="auto", extra=Extra(wire, {WHOLE: value}))


_PROMPT = {
    "openai_chat": frozenset({"messages"}),
    "anthropic": frozenset({"system", "messages"}),
    "gemini": frozenset({"systemInstruction", "system_instruction", "contents"}),
}


def without_prompt(wire: str, members: Members) -> Members:
    """The members of a request of this wire, but those that its lines were read from."""
    prompt = _PROMPT.get(wire, frozenset())
    return {name: value for name, value in members.items() if name not in prompt}


def unsaid_members(request: Request, wire: str) -> Iterator[str]:
    """The members of a request of another dialect that have no word in the vocabulary, for a host of `wire`.

    Raises:
        Inexpressible: one of them carries meaning.
    """
    source = request.source
    if source is None or source.wire == wire:
        return
    said, meant = _SAID.get(source.wire, frozenset()), _MEANT.get(source.wire, {})
    for name, value in source.members.items():
        known = _camel(name) if source.wire == "gemini" else name
        if known in said or name.startswith("x_podium") or _says_nothing(source.wire, known, value):
            continue
        if name == "modalities":
            if parse(value, list[str]) != _TEXT_ALONE:
                raise Inexpressible(f"The {wire} wire answers in text alone.", param=name)
        elif known in meant:
            raise Inexpressible(meant[known], param=name)
        else:
            yield name
    for path in _WITHIN.get(source.wire, ()):
        yield from _unsaid_within(source.wire, source.members, path, wire)
    thinking = parse(source.members.get("thinking"), Members) or {}
    if source.wire == "anthropic" and thinking and parse(thinking.get("type"), str) not in _THINKING:
        yield "thinking.type"
    yield from source.headers.keys() & _BETAS


_THINKING = frozenset({"enabled", "adaptive", "disabled", "between_tools"})
"""The types of Anthropic's `thinking` that the vocabulary has words for."""

_BETAS = {"anthropic-beta"}
"""Headers that ask for what only hosts of their own wire have."""


def _says_nothing(source: str, name: str, value: Raw) -> bool:
    """Whether a member of the dialect `source` asks for nothing that is not so by default."""
    if value == _EMPTY and name in _MEANT.get(source, {}):
        return False
    default = _DEFAULTS.get(source, {}).get(name)
    return value in _NOTHING or (default is not None and parse(value, str) == default)


def _unsaid_within(source: str, members: Members, outer: str, wire: str) -> Iterator[str]:
    """What a member holds besides what the vocabulary has words for; Gemini's may be written with low lines."""
    said, path = _SAID_WITHIN[outer], ""
    for step in outer.split("."):
        spelled = next((name for name in members if _camel(name) == _camel(step)), step)
        members, path = parse(members.get(spelled), Members) or {}, f"{path}{spelled}."
    if not _BUDGETED.isdisjoint(map(_camel, members)):
        said |= _SHOWN
    for name, value in members.items():
        if _camel(name) == "responseModalities":
            if any(each.upper() != "TEXT" for each in parse(value, list[str]) or ()):
                raise Inexpressible(f"The {wire} wire answers in text alone.", param=f"{path}{name}")
        elif not {name, _camel(name)} & said and not _says_nothing(source, _camel(name), value):
            yield f"{path}{name}"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(each.title() for each in rest)


def foreign_members(extra: Extra | None, wire: str) -> Iterator[tuple[str, Raw]]:
    """The members that an `Extra` of another wire keeps, by name; a host of `wire` does not know them as such."""
    if extra is None or extra.wire == wire:
        return
    for value in extra.members.values():
        for name, each in (parse(value, Members) or {}).items():
            if each not in _NOTHING and name not in _ELSEWHERE:
                yield name, each
