"""What a client accepts: an answer as a whole, or as events."""

import re

_EVENTS, _JSON = b"text/event-stream", b"application/json"
_QUALITY = re.compile(rb"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def prefers_events(accept: bytes) -> bool:
    """Whether this value of the header `accept` lists events, and JSON no higher; `*/*` alone means JSON.

    Types and qualities (`;q=`) are those of RFC 9110, 12.5.1; one that is malformed is 1, and 0 is never.
    """
    listed: dict[bytes, float] = {}
    for each in accept.lower().split(b","):
        kind, *parameters = [part.strip() for part in each.split(b";")]
        listed[kind] = max(_quality(parameters), listed.get(kind, 0.0))
    events = listed.get(_EVENTS, 0.0)
    return events > 0 and events >= listed.get(_JSON, 0.0)


def _quality(parameters: list[bytes]) -> float:
    for each in parameters:
        if each.startswith(b"q="):
            said = each.removeprefix(b"q=")
            return float(said) if _QUALITY.fullmatch(said) else 1.0
    return 1.0
