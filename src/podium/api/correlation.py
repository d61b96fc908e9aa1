"""The id of the request that is being served, wherever a line is logged on its behalf."""

import logging
import re

from typing_extensions import override

from podium.kit import ids
from podium.kit.trace import REQUEST_ID

_ACCEPTABLE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}\Z")


def request_id(given: bytes | None) -> str:
    """The caller's own `x-request-id` if it is short and plain, else a new one."""
    if given is not None and _ACCEPTABLE.match(given):
        return given.decode("ascii")
    return ids.new("req")


class Correlated(logging.Filter):
    """Gives every log record a `request_id`; to be added to handlers by whoever sets up logging."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.request_id = REQUEST_ID.get()
        return True
