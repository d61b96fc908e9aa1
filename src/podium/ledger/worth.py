"""What an attempt may cost at most, before it leaves."""

from dataclasses import dataclass

from msgspec.structs import replace

from podium.catalogue.profile import Price, Profile
from podium.ledger.tariff import cost
from podium.vocabulary.request import Request
from podium.vocabulary.usage import Usage

USUAL_OUTPUT = 16_384
"""Tokens of output that are held for where neither the caller nor the profile sets a cap; more is held as it comes."""

_USEFUL_OUTPUT = 256  # tokens: with less than this an answer is hardly worth its input
# What a caller says may be nonsense; the amount must still be a number.
_MOST = 1 << 31
_MOST_CHOICES = 1 << 10


@dataclass(frozen=True, slots=True)
class Worth:
    """An attempt's price tag: for `tokens` of input and up to `cap` of output in each of `choices` answers."""

    price: Price
    tokens: int
    cap: int
    choices: int

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
        """With an answer of so many tokens, whichever of the buckets they turn out to be in."""
        count = output * self.choices
        entering = [Usage(input=self.tokens), Usage(cache_write=self.tokens)]
        leaving = [Usage(output=count), Usage(reasoning=count)]
        if self.price.audio_input is not None:
            entering.append(Usage(audio_input=self.tokens))
        if self.price.audio_output is not None:
            leaving.append(Usage(audio_output=count))
        return max(cost(there + back, self.price) for there in entering for back in leaving)

    def covered(self, amount: int) -> int:
        """The longest answer, up to the cap, that `amount` covers."""
        low, high = 0, self.cap
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.at(middle) <= amount else (low, middle - 1)
        return low


def worth(request: Request, profile: Profile, price: Price, tokens: int) -> Worth:
    """The price tag of a request whose input is `tokens` at the most."""
    caps = [each for each in (request.sampling.max_output, profile.output_limit) if each is not None]
    cap = min(caps, default=USUAL_OUTPUT)
    choices = request.sampling.choices or 1
    return Worth(price, tokens, max(min(cap, _MOST), 0), max(min(choices, _MOST_CHOICES), 1))


def capped(request: Request, cap: int) -> Request:
    """The request with a lower cap on its output."""
    return replace(request, sampling=replace(request.sampling, max_output=cap))
