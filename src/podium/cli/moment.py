"""Days and moments as people write them."""


def moment(text: str | None, param: str) -> str | None:
    """A day or a moment with its zone, as the API wants it; without a zone it is this machine's.

    Raises:
        InvalidRequest: it is neither.
    """
    from datetime import datetime

    from podium.errors import InvalidRequest
    from podium.kit import clock

    if text is None:
        return None
    try:
        return clock.rfc3339(datetime.fromisoformat(text).astimezone())
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{text!r} is no moment.", param=param, hint="Write 2027-01-31 or 2027-01-31T12:00:00Z."
        ) from None
