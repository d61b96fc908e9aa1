"""The variables of the environment: which are settings, and which only look like one."""

import re
from collections.abc import Iterator, Mapping

from podium.config.alerts import WEBHOOK_SECRET, WEBHOOK_URL
from podium.config.document import Document
from podium.config.limits import VARIABLES as LIMITS
from podium.config.mistake import nearest
from podium.config.price import ALLOW_UNPRICED
from podium.config.resilience import VARIABLES as RESILIENCE
from podium.config.server import Server

NAMES = {name: f"PODIUM_{name.upper()}" for name in Server.model_fields} | {
    "database_url": "DATABASE_URL",
    "redis_url": "REDIS_URL",
    "max_tokens": "MAX_TOKENS",
    "thinking_budget": "THINKING_BUDGET",
    "session_timeout": "SESSION_TIMEOUT",
    "default_daily_budget": "DEFAULT_DAILY_BUDGET",
    "default_monthly_budget": "DEFAULT_MONTHLY_BUDGET",
    "default_user_budget": "DEFAULT_USER_BUDGET",
}
"""What the environment may say of the server, by the name of the setting."""

_PREFIX = "PODIUM_"
_KNOWN = (
    *NAMES.values(),
    *LIMITS.values(),
    *RESILIENCE.values(),
    *(
        "PODIUM_CONFIG",
        "PODIUM_DEFAULT_MODEL",
        "PODIUM_ADMIN_KEY",
        ALLOW_UNPRICED,
        WEBHOOK_URL,
        WEBHOOK_SECRET,
    ),
    *("PODIUM_URL", "PODIUM_KEY"),  # of the commands that ask a server
)
_BARE = {name.removeprefix(_PREFIX): name for name in _KNOWN}

# Kubernetes gives every container such variables of each service in its namespace, also of one whose name begins so:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_OF_A_SERVICE = re.compile(r".+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")
_OF_THE_TESTS = re.compile(r"PODIUM_(TEST_\w+|REQUIRE_ALL)")


def strangers(environment: Mapping[str, str], document: Document) -> Iterator[str]:
    """What to tell of variables that begin with PODIUM_ and that nobody reads. Their values may be secrets."""
    tables = document.file.endpoints.values()
    named = {document.file.alerts.webhook_secret_env, *(table.api_key_env for table in tables)}
    for name, value in sorted(environment.items()):
        is_read = name in _KNOWN or name in named or _OF_THE_TESTS.fullmatch(name)
        is_a_service = _OF_A_SERVICE.fullmatch(name) or _ADDRESS.match(value)
        if name.startswith(_PREFIX) and not is_read and not is_a_service:
            # Without what all begin with, which would make all of them near.
            near = nearest(name.removeprefix(_PREFIX), _BARE)
            hint = f"; did you mean {_BARE[near]}?" if near else ""
            yield f"{name} in the environment is no known setting and does nothing{hint}"
