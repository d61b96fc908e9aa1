"""What a model is asked, independent of any wire."""

from typing import Literal

from msgspec import Raw, Struct

from podium.vocabulary.part import Extra, Part, RawIfAny

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Line(Struct, frozen=True, omit_defaults=True):
    """One entry of the conversation as the model sees it. Tool results stand in lines of role `tool`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extra: Extra | None = None


class Tool(Struct, frozen=True, omit_defaults=True):
    """A tool that the model may call; `parameters` is its JSON schema, as given."""

    name: str
    description: str | None = None
    parameters: RawIfAny = None
    strict: bool | None = None
    kind: Literal["function", "custom", "hosted"] = "function"
    extra: Extra | None = None


class ToolChoice(Struct, frozen=True, omit_defaults=True):
    """Whether and which tools must be called; `names` limits the choice to these."""

    mode: Literal["auto", "none", "required"]
    names: tuple[str, ...] = ()
    extra: Extra | None = None


class Schema(Struct, frozen=True, omit_defaults=True):
    """The shape that the answer must have; without `schema`, any JSON object."""

    name: str | None = None
    schema: RawIfAny = None
    strict: bool | None = None
    description: str | None = None
    extra: Extra | None = None


class Effort(Struct, frozen=True, omit_defaults=True):
    """How much the model may think: a level by name, or a budget in tokens."""

    level: str | None = None
    tokens: int | None = None


class Sampling(Struct, frozen=True, omit_defaults=True):
    """How the answer is drawn. What is None is left to the host."""

    max_output: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    choices: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: RawIfAny = None
    parallel_tool_calls: bool | None = None
    effort: Effort | None = None


class Request(Struct, frozen=True, omit_defaults=True):
    """One question to one model.

    `stream` says how the caller wants to be answered and `include_usage` whether a streamed answer ends with usage;
    what the upstream is asked for is the profile's business. `model` is empty where the caller named none. `source`
    is what it was read from, if it came in through a door: the same wire starts from it and changes only what differs
    from `source.read`.
    """

    model: str
    lines: tuple[Line, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    sampling: Sampling = Sampling()
    schema: Schema | None = None
    stream: bool = False
    include_usage: bool = False
    source: "Source | None" = None


class Source(Struct, frozen=True):
    """The JSON that a request was read from: its wire and its top-level members, each as sent.

    `read` is the request as it stood after reading. A field of a later request that is still the same object as
    `read`'s was not touched by the turn, so its members travel verbatim. Where `read` has no lines, what they were read
    from is not kept. `headers` are those of the client's that mean something to a host of the same wire, in lower case.
    """

    wire: str
    members: dict[str, Raw]
    read: Request
    headers: dict[str, str] = {}
