"""So many a minute, as a generic cell rate algorithm (ITU-T I.371), in whole nanoseconds.

What was taken is owed as time: each costs its share of a minute, and time pays. One number says all: how much is owed,
or, where the clock never goes back, the moment at which nothing will be.
"""

from dataclasses import dataclass
from typing import Self

MINUTE = 60_000_000_000
"""In nanoseconds."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate: what may be taken at once (`most`), what each costs (`each`), and how much may be owed (`span`).

    Times are in nanoseconds. Who owes nothing may take a minute's worth at once, and then one each `each`: never more
    than `most` + t / `each` in any stretch of time t.
    """

    most: int
    each: int
    span: int

    @classmethod
    def of(cls, per_minute: int, share: int = 1) -> Self:
        """The rate of one of `share` processes that divide so many a minute; at least one may be taken at once."""
        each = -(-MINUTE * share // per_minute)
        most = max(per_minute // share, 1)
        return cls(most=most, each=each, span=each * most)

    def wait(self, owed: int, amount: int) -> int:
        """Time until so many may be taken, 0 for at once. For more than `most` it is the time until nothing is owed."""
        return max(0, owed - self.span + min(self.each * amount, self.span))

    def left(self, owed: int) -> int:
        """How many may be taken now by whom owes so much."""
        return (self.span - owed) // self.each if owed < self.span else 0
