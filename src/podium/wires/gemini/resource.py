"""A model's name as Google's paths have it (https://google.aip.dev/122)."""

from urllib.parse import quote

from podium.errors import Inexpressible

_COLLECTIONS = frozenset({"models", "tunedModels", "publishers", "projects"})
_NO_NAMES = frozenset({"", ".", ".."})
"""Segments that hosts, or what stands before them, take for another path."""


def resource_name(model: str) -> str:
    """The name with its collection: `models/` stands before one that brings none.

    Raises:
        Inexpressible: a segment of it would lead elsewhere, and the endpoint's key with it.
    """
    if not _NO_NAMES.isdisjoint(model.split("/")):
        raise Inexpressible(f"No host of the gemini wire has a model of the name {model!r}.", param="model")
    return model if _has_collection(model) else f"models/{model}"


def resource_path(model: str) -> str:
    """The same within a path: only the slashes of Google's own names are slashes there.

    Raises:
        Inexpressible: as `resource_name`.
    """
    name = resource_name(model)
    return quote(name, safe="/:@") if _has_collection(model) else f"models/{quote(model, safe=':@')}"


def _has_collection(model: str) -> bool:
    head, slash, _ = model.partition("/")
    return bool(slash) and head in _COLLECTIONS
