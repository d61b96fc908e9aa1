"""How limits are told in headers, in OpenAI's words, and requests for which there is no room refused early."""

from collections.abc import Callable, Iterator

from podium.api.passage import Scope, passage_of
from podium.errors import InvalidRequest, Standings

_BATCH_SHARE = 0.8
_PRIORITIES = (b"interactive", b"batch")

_TOLD, _WHAT = ("limit", "remaining", "reset"), ("requests", "tokens")
LIMIT_HEADERS = (
    *[f"x-ratelimit-{told}-{what}" for what in _WHAT for told in _TOLD],
    "retry-after",
    "retry-after-ms",
)
"""What a web page of another origin may read."""


def limit_headers(standings: Standings) -> Iterator[tuple[str, str]]:
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`: reset is the time until all are there again."""
    for what, (limit, left, reset) in standings.items():
        yield f"x-ratelimit-limit-{what}", str(limit)
        yield f"x-ratelimit-remaining-{what}", str(left)
        yield f"x-ratelimit-reset-{what}", duration(reset)


def duration(seconds: float) -> str:
    """As OpenAI writes it: `17ms`, `8.64s`, `1m3.2s`; rounded up."""
    milliseconds = -int(-seconds * 1000 // 1)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    told = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    return f"{minutes}m{told}s" if minutes else f"{told}s"


class Shedding:
    """Refuses turns before their bodies are read while too many are under way.

    What can wait (`x-podium-priority: batch`) is refused while four fifths are.
    """

    def __init__(self, find_room: Callable[[float], None]) -> None:
        """`find_room` raises Overwhelmed where there is none, by this share of all the room there is."""
        self._find_room = find_room

    def __call__(self, scope: Scope) -> None:
        """Let a request be read, or not.

        Raises:
            Overwhelmed: too many turns are under way.
            InvalidRequest: the priority is none.
        """
        priority = passage_of(scope).found.get(b"x-podium-priority", b"interactive")
        if priority not in _PRIORITIES:
            raise InvalidRequest(
                "`x-podium-priority` is `interactive` or `batch`.", param="x-podium-priority"
            )
        self._find_room(_BATCH_SHARE if priority == b"batch" else 1.0)
