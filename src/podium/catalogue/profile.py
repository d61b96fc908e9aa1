"""What a model can do and costs, as far as is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """Pico-dollars a token, in buckets that do not overlap. One without a price costs what `input` or `output` does."""

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A model at an endpoint. `model` is the name sent to the host, `name` the one that Podium's callers use.

    A model that nobody described gets the careful default: it refuses nothing, expects a modest window, has no price.
    `native_schema`, `adaptive_thinking` and `inline_system` say of a model on the wire `anthropic` that it takes a JSON
    schema for its answer, a level of effort in place of a budget for its thinking, system texts in mid-conversation.
    """

    endpoint: str
    model: str
    context_window: int = 32_000
    output_limit: int | None = None
    streaming: bool = True
    price: Price | None = None
    native_schema: bool = False
    adaptive_thinking: bool = False
    inline_system: bool = False

    @property
    def name(self) -> str:
        """`endpoint/model`."""
        return f"{self.endpoint}/{self.model}"
