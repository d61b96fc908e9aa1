"""The parent's own log: a few lines in its life, on standard error."""

import json
import logging
import sys

from typing_extensions import override

from podium.config.server import Server
from podium.kit import clock


class Json(logging.Formatter):
    """A line of JSON for each record."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": clock.rfc3339(clock.now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said)


def log_plainly(server: Server) -> None:
    """Send what the standard logging module gets to standard error, as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
    handler.setFormatter(Json() if server.log_format == "json" else plain)
    logging.basicConfig(level=server.log_level.upper(), handlers=[handler], force=True)
