"""How long a host asks to be left alone."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_LONGEST_WAIT = 24 * 3600.0


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, by `retry-after-ms`, else `retry-after` in seconds or as a date; absurd values are ignored.

    Azure sends `retry-after: 1` with `retry-after-ms: 0`, so a zero says nothing. A date is measured against the
    host's own `date`, whatever the time is here.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds:
        return _sane(milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return _sane(seconds)
    try:
        return _sane((parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\s*\d{1,9}(\.\d*)?\s*", text) else None


def _sane(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 <= seconds <= _LONGEST_WAIT else None
