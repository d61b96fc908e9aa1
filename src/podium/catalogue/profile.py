"""What a model can do and costs, as far as is known."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from podium.catalogue.thinking import Thinking

Medium = Literal["image", "audio", "video", "document"]
MEDIA: frozenset[Medium] = frozenset({"image", "audio", "video", "document"})
"""Every kind of media that a message can hold."""


@dataclass(frozen=True, slots=True)
class Price:
    """Pico-dollars a token, in buckets that do not overlap, and nano-dollars for the call itself (`request`).

    A bucket without a price costs what its kind does: `output` for `reasoning` and `audio_output`, `cache_write` for
    `cache_write_hour`, else `input`. `search` is the fee for a search of the web that the host makes.
    `tiers` are the prices of longer inputs, shortest first; each counts for the whole call. `variants` are those of a
    host's other tiers of service, `asked` the one of them that a call asked for. `source` says who named the price.
    """

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    request: int = 0
    cache_write_hour: int | None = None
    search: int = 0
    tiers: "tuple[Tier, ...]" = ()
    variants: "tuple[Variant, ...]" = field(
        default=(), hash=False
    )  # each call looks its price up by its hash
    asked: str = ""
    source: str = ""

    def at(self, tokens: int) -> "Price":
        """The price of a call with so many tokens of input, cached ones and all others counted."""
        for tier in reversed(self.tiers):
            if tokens > tier.above:
                return tier.price
        return self

    def served(self, tier: str | None) -> "Price":
        """The price of a call that its host says it served so; where it says nothing (None), as it was asked to."""
        tier = self.asked if tier is None else tier
        return next((each.price for each in self.variants if each.tier == tier), self)

    @property
    def meant(self) -> "tuple[Price, ...]":
        """Those by which a call may be served: as usual, and as it was asked to be."""
        return (self, self.served(None)) if self.asked else (self,)


@dataclass(frozen=True, slots=True)
class Tier:
    """What a call with more than `above` tokens of input costs: a price without tiers of its own."""

    above: int
    price: Price


@dataclass(frozen=True, slots=True)
class Variant:
    """What a call costs in a tier of service such as `priority`, `flex` or `fast`: a price without variants."""

    tier: str
    price: Price


@dataclass(frozen=True, slots=True)
class Profile:
    """A model at an endpoint. `model` is the name sent to the host, `name` the one that Podium's callers use.

    A model that nobody described gets the careful default: it refuses nothing, expects a modest window, has no price.
    `thinking` is None where nobody knows how it is told to think, `media` where nobody knows what it takes besides
    text. What a model does not take is refused to requests of other dialects, so that a route goes on to its next one.

    tools              takes tools
    native_schema      takes a JSON schema for its answer (wire `anthropic`)
    schema_with_tools  takes one beside tools of the client's (wire `gemini`)
    inline_system      takes system texts in mid-conversation (wire `anthropic`)
    forced_choice      can be made to call a tool (wire `anthropic`)
    sampling           takes `temperature`, `top_p` and `top_k` together, `one` of the first two, or `none` of them
                       (wire `anthropic`)
    """

    endpoint: str
    model: str
    context_window: int = 32_000
    output_limit: int | None = None
    streaming: bool = True
    price: Price | None = None
    thinking: Thinking | None = None
    media: frozenset[Medium] | None = None
    tools: bool = True
    native_schema: bool = False
    schema_with_tools: bool = True
    inline_system: bool = False
    forced_choice: bool = True
    sampling: Literal["all", "one", "none"] = "all"

    @property
    def name(self) -> str:
        """`endpoint/model`."""
        return f"{self.endpoint}/{self.model}"


def described(endpoint: str, model: str, families: Iterable[Profile]) -> Profile:
    """The profile of a model at an endpoint by the first family whose pattern fits the last part of its name.

    A family is a profile whose `model` is a shell-style pattern. A model of none has the careful default.
    """
    bare = model.rpartition("/")[2]
    family = next((each for each in families if fnmatchcase(bare, each.model)), None)
    return Profile(endpoint, model) if family is None else replace(family, endpoint=endpoint, model=model)
