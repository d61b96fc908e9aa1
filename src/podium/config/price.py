"""price = { … }: what a model costs, in podium.toml; and whether one may be called of which that is not known."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from podium.catalogue.profile import Price
from podium.kit.money import NANO_PER_DOLLAR, pico_per_token

ALLOW_UNPRICED = "PODIUM_ALLOW_UNPRICED"

_MOST_DOLLARS = 1_000_000


def _is_price(dollars: str) -> str:
    pico_per_token(dollars)
    return dollars


def _is_fee(dollars: str) -> str:
    try:
        nano = Decimal(dollars) * NANO_PER_DOLLAR
    except InvalidOperation:
        raise ValueError(f"{dollars!r} is not a decimal number") from None
    if not nano.is_finite() or not 0 <= nano <= _MOST_DOLLARS * NANO_PER_DOLLAR:
        raise ValueError(f"{dollars!r} is not a price in dollars a call")
    if nano != nano.to_integral_value():
        raise ValueError(f"{dollars!r} is finer than a nano-dollar")
    return dollars


Dollars = Annotated[str, AfterValidator(_is_price)]
"""Dollars per million tokens, as text: "0.15"."""

Fee = Annotated[str, AfterValidator(_is_fee)]
"""Dollars a call, as text: "0.012"."""


class PriceTable(BaseModel):
    """price = { … }: dollars per million tokens, and for each call (`request`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None
    cache_write: Dollars | None = None
    reasoning: Dollars | None = None
    audio_input: Dollars | None = None
    audio_output: Dollars | None = None
    request: Fee = "0"

    def price(self, source: str) -> Price:
        """The same in pico-dollars a token and nano-dollars a call."""
        told = self.model_dump(exclude_none=True, exclude={"request"})
        pico: dict[str, Any] = {bucket: pico_per_token(dollars) for bucket, dollars in told.items()}
        return Price(**pico, request=int(Decimal(self.request) * NANO_PER_DOLLAR), source=source)


class Allowed(BaseModel):
    """Whether models without a price may be called, where the environment says it."""

    allow_unpriced: bool | None = None


def allowed_by(environment: Mapping[str, str]) -> bool | None:
    """What the environment says.

    Raises:
        ValidationError: of pydantic, about `PODIUM_ALLOW_UNPRICED`.
    """
    return Allowed.model_validate({"allow_unpriced": environment.get(ALLOW_UNPRICED)}).allow_unpriced
