"""The headers that answers carry beside their dialect's, as the OpenAPI document tells of them."""

from collections.abc import Iterator, Mapping
from typing import Any

_SECONDS = {"type": "number", "minimum": 0}
_COUNT = {"type": "integer", "minimum": 0}
_DOLLARS = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
_TEXT = {"type": "string"}

_HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "x-podium-turn": ("The turn's id.", _TEXT),
    "x-podium-cost": ("What it cost, in dollars; where the answer is not streamed.", _DOLLARS),
    "x-podium-budget-remaining": ("What it left of the tightest budget, in dollars; likewise.", _DOLLARS),
    "x-podium-queue-depth": (
        "How many turns waited in the conversation when it came, itself among them; where it had to wait.",
        _COUNT,
    ),
    "x-podium-queue-wait": ("For how many seconds it waited; where the answer is not streamed.", _SECONDS),
    "idempotent-replayed": (
        "`true` where an earlier request with the same key started the turn.",
        {"const": "true"},
    ),
    "x-ratelimit-limit-requests": ("How many requests may be made at once.", _COUNT),
    "x-ratelimit-remaining-requests": ("How many of them are left.", _COUNT),
    "x-ratelimit-reset-requests": ("When all are there again, such as `17.2s`.", _TEXT),
    "x-ratelimit-limit-tokens": ("How many tokens may be used at once.", _COUNT),
    "x-ratelimit-remaining-tokens": ("How many of them are left.", _COUNT),
    "x-ratelimit-reset-tokens": ("When all are there again.", _TEXT),
    "retry-after": ("In how many seconds to come again.", _COUNT),
    "retry-after-ms": ("The same in milliseconds.", _COUNT),
    "x-should-retry": ("Whether coming again can help.", {"enum": ["true", "false"]}),
}
_LIMITS = [name for name in _HEADERS if name.startswith("x-ratelimit-")]
_AGAIN = ["retry-after", "retry-after-ms", "x-should-retry"]
_TURN = [name for name in _HEADERS if name.startswith("x-podium-")] + ["idempotent-replayed", *_LIMITS]

TURN_REFUSED: Mapping[str, str] = {
    "429": "More than may be asked for, spent or kept waiting; `x-should-retry` is `false` where it is money.",
    "503": "No room, or nobody to answer, for now.",
}
"""How a route that takes turns may refuse them."""


def components() -> dict[str, Any]:
    """Every header, by name."""
    return {name: {"description": told, "schema": schema} for name, (told, schema) in _HEADERS.items()}


def headers(status: str, *, takes_turn: bool) -> dict[str, Any]:
    """Those of an answer of this status, each as a reference to its component."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _names(status, takes_turn=takes_turn)}


def _names(status: str, *, takes_turn: bool) -> Iterator[str]:
    if status == "200" and takes_turn:
        yield from _TURN
    if status in ("429", "503"):
        yield from _AGAIN
    if status == "429":
        yield from _LIMITS
