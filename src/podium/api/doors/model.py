"""A model that can be named, and lists of them, in the shapes of the three dialects."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from podium.catalogue.catalogue import Catalogue

_MADE = 1_700_000_000  # OpenAI's shape wants a time of making; nobody knows one
_UNKNOWN_TIME = "1970-01-01T00:00:00Z"
"""Anthropic's word for a time of release that is not known."""
METHODS = ("generateContent", "countTokens")


class Model(Struct, frozen=True):
    """One model, or one route. `context_window` is in tokens; `default` marks the one that answers who names none."""

    id: str
    object: str
    created: int
    owned_by: str
    context_window: int
    default: bool


class ModelList(Struct, frozen=True):
    """All of them."""

    object: str
    data: tuple[Model, ...]


class AnthropicModel(Struct, frozen=True, kw_only=True):
    """One model, or one route, as Anthropic tells of it; null is not known."""

    id: str
    display_name: str
    max_input_tokens: int
    max_tokens: int | None
    type: Literal["model"] = "model"
    lifecycle: Literal["active"] = "active"
    created_at: str = _UNKNOWN_TIME
    deprecated_at: None = None
    retires_at: None = None
    line: None = None
    capabilities: None = None


class AnthropicModelList(Struct, frozen=True):
    """A page of them; `last_id` is the next page's `after_id`."""

    data: tuple[AnthropicModel, ...]
    has_more: bool
    first_id: str | None
    last_id: str | None


class GeminiModel(Struct, frozen=True, rename="camel", kw_only=True):
    """One model, or one route, as Google tells of it; what is not known is left out."""

    name: str
    display_name: str
    description: str
    input_token_limit: int
    output_token_limit: int | UnsetType = UNSET
    version: str = ""
    supported_generation_methods: tuple[str, ...] = METHODS


class GeminiModelList(Struct, frozen=True, rename="camel"):
    """A page of them; `nextPageToken` is the next page's `pageToken`, absent on the last."""

    models: tuple[GeminiModel, ...]
    next_page_token: str | UnsetType = UNSET


class Named:
    """The models of a catalogue, each by the name that callers use."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def names(self) -> list[str]:
        """All that can be named, the default model among them."""
        catalogue = self._catalogue
        names = [name for name in catalogue.models() if catalogue.find(name)]
        default = catalogue.default_model
        if default and default not in names and catalogue.find(default):
            names.insert(0, default)
        return names

    def openai(self, name: str) -> Model:
        """One model; any name that would be answered is found.

        Raises:
            UnknownModel: none would.
        """
        first = self._catalogue.resolve(name)[0]
        return Model(
            id=name,
            object="model",
            created=_MADE,
            owned_by=first.endpoint.name,
            context_window=first.profile.context_window,
            default=name == self._catalogue.default_model,
        )

    def anthropic(self, name: str) -> AnthropicModel:
        """The same in Anthropic's shape."""
        profile = self._catalogue.resolve(name)[0].profile
        return AnthropicModel(
            id=name,
            display_name=name,
            max_input_tokens=profile.context_window,
            max_tokens=profile.output_limit,
        )

    def gemini(self, name: str) -> GeminiModel:
        """The same in Google's shape."""
        first = self._catalogue.resolve(name)[0]
        limit = first.profile.output_limit
        return GeminiModel(
            name=f"models/{name}",
            display_name=name,
            description=f"Answered by {first.endpoint.name}.",
            input_token_limit=first.profile.context_window,
            output_token_limit=UNSET if limit is None else limit,
        )
