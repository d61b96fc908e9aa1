"""What an attempt may cost at most, before it leaves."""

import dataclasses
from bisect import bisect_right

from msgspec import Struct
from msgspec.structs import replace

from podium.catalogue.profile import Price, Profile
from podium.kit import money
from podium.vocabulary.request import Request
from podium.wires.surcharge import searches, tier_of, writes_for_an_hour

USUAL_OUTPUT = 16_384
"""Tokens of output that are held for where neither the caller nor the profile sets a cap; more is held as it comes."""

_USEFUL_OUTPUT = 256  # tokens: with less than this an answer is hardly worth its input
# What a caller says may be nonsense; the amount must still be a number.
_MOST = 1 << 31
_MOST_CHOICES = 1 << 10


class Worth(Struct, frozen=True):
    """An attempt's price tag: for `tokens` of input and up to `cap` of output in each of `choices` answers.

    `is_hourly` says that input may be written to a cache for an hour; `searches` is how often the web may be searched.
    """

    price: Price
    tokens: int
    cap: int
    choices: int
    is_hourly: bool = False
    searches: int = 0

    @property
    def floor(self) -> int:
        """What the input costs at the most, in nano-dollars."""
        return self.at(0)

    @property
    def least(self) -> int:
        """With the shortest answer that is of use."""
        return self.at(min(self.cap, _USEFUL_OUTPUT))

    @property
    def most(self) -> int:
        """With the longest."""
        return self.at(self.cap)

    def at(self, output: int) -> int:
        """With an answer of so many tokens, whichever of the buckets they turn out to be in.

        Where another tier of service was asked for, its host may serve it so or as usual.
        """
        return max([self._by(price, output) for price in self.price.meant])

    def _by(self, price: Price, output: int) -> int:
        price = price.at(self.tokens)
        hourly = price.cache_write_hour if self.is_hourly else None
        entering = _dearest(price.input, price.cached_input, price.cache_write, price.audio_input, hourly)
        leaving = _dearest(price.output, price.reasoning, price.audio_output)
        fees = price.request + self.searches * price.search
        return fees + money.nano_from_pico(self.tokens * entering + output * self.choices * leaving)

    def covered(self, amount: int) -> int:
        """The longest answer, up to the cap, that `amount` covers."""
        return bisect_right(range(1, self.cap + 1), amount, key=self.at)


def worth(request: Request, profile: Profile, price: Price, tokens: int) -> Worth:
    """The price tag of a request whose input is `tokens` at the most."""
    caps = [each for each in (request.sampling.max_output, profile.output_limit) if each is not None]
    cap = min(caps, default=USUAL_OUTPUT)
    choices = request.sampling.choices or 1
    return Worth(
        price,
        tokens,
        max(min(cap, _MOST), 0),
        max(min(choices, _MOST_CHOICES), 1),
        is_hourly=price.cache_write_hour is not None and writes_for_an_hour(request),
        searches=searches(request) if price.search and request.tools else 0,
    )


def asked(price: Price, request: Request) -> Price:
    """The price with the tier of service that the request asks for, if it has another price."""
    tier = tier_of(request)
    if tier is None or all(each.tier != tier for each in price.variants):
        return price
    return dataclasses.replace(price, asked=tier)


def capped(request: Request, cap: int) -> Request:
    """The request with a lower cap on its output."""
    return replace(request, sampling=replace(request.sampling, max_output=cap))


def _dearest(*prices: int | None) -> int:
    return max([price for price in prices if price is not None])
