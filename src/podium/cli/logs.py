"""The log of a process: lines on standard error, for people or, as JSON, for machines."""

import json
import logging
import sys

from typing_extensions import override

from podium.config.server import Server
from podium.kit import clock

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""What every record has; the rest is what the caller had to say besides."""


class Json(logging.Formatter):
    """A line of JSON for each record."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": clock.rfc3339(clock.now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_besides(record),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class Plain(logging.Formatter):
    """A line for people: time, level, what happened, and what was said besides as `name=value`."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        said = " ".join(f"{name}={value}" for name, value in _besides(record).items())
        return f"{super().formatMessage(record)} {said}".rstrip()


class Brief(logging.Filter):
    """Tells what the pool of connections warns of in a line: it tries again by itself, for no request in particular.

    To be added to handlers after what correlates their records.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if record.name == "asyncpg.pool":
            reason = record.exc_info[1] if record.exc_info else None
            record.msg = f"{record.getMessage()}: {reason}" if reason else record.getMessage()
            record.args, record.exc_info, record.request_id = (), None, ""
        return True


def _besides(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD and value != ""}


def log_plainly(server: Server, *filters: logging.Filter) -> None:
    """Send what the standard logging module gets to standard error, as the settings say.

    `filters` may add to each record, such as the id of the request that it belongs to.
    """
    handler = logging.StreamHandler(sys.stderr)
    for each in (*filters, Brief()):
        handler.addFilter(each)
    plain = Plain("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
    handler.setFormatter(Json() if server.log_format == "json" else plain)
    logging.basicConfig(level=server.log_level.upper(), handlers=[handler], force=True)
