"""Addresses of databases: what can never be one is told before anything connects, and no secret in it is shown.

How they are read is libpq's way (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS) as
asyncpg has it, and redis-py's (https://redis.readthedocs.io/en/stable/connections.html#redis.Redis.from_url).
"""

from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_ENCODE = (
    'percent-encode the password: "@" as %40, ":" as %3A, "/" as %2F, "?" as %3F, "#" as %23, "[" as %5B'
)
_MOST_PORT = 65_535
_WORDS: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": ("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
    "protocol": ("2", "3"),
    "ssl_cert_reqs": ("none", "optional", "required"),
    "ssl_check_hostname": ("true", "false"),
}
"""Members of the query that know only these words."""

_REDIS_MEMBERS = (
    *("db", "username", "password", "client_name", "health_check_interval", "protocol"),
    *("ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_ciphers"),
    *("ssl_keyfile", "ssl_password"),
)
_NUMBERS = ("db", "health_check_interval")


def postgres(url: str) -> str:
    """The address of a database of Postgres, checked.

    Raises:
        ValueError: it can never be reached; says which part is wrong, to follow its name.
    """
    url = url.strip()
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("should begin with postgresql://")
    parts = _split(url)
    user, at, hosts = parts.netloc.partition("@")
    if "@" in hosts:
        raise ValueError(f'has more than one "@" before its host; {_ENCODE}')
    for host in (hosts if at else user).split(",") if parts.netloc.strip("@") else ():
        _check_host(host)
    members = _members(parts)
    for port in members.get("port", "").split(",") if members.get("port") else ():
        _check_port(port)
    return url


def redis(url: str) -> str:
    """The address of Redis, checked.

    Raises:
        ValueError: as `postgres`.
    """
    url = url.strip()
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("should begin with redis://, rediss:// or unix://")
    parts = _split(url)
    if parts.scheme != "unix":
        _check_host(parts.netloc.rpartition("@")[2])
        if (number := unquote(parts.path).strip("/")) and not number.isdecimal():
            raise ValueError('should end with the number of a database, such as "/0"')
    for name, value in _members(parts).items():
        if name not in _REDIS_MEMBERS:
            raise ValueError(
                f'has a member after its "?" that is none of {", ".join(_REDIS_MEMBERS)}; {_ENCODE}'
            )
        if name in _NUMBERS and not value.isdecimal():
            raise ValueError(f'needs a whole number for "{name}" after its "?"')
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(
            f"has a bracket at a wrong place: only an IPv6 address stands in brackets, [::1]; {_ENCODE}"
        ) from None
    if parts.fragment or url.endswith("#"):
        raise ValueError(f'holds a bare "#"; {_ENCODE}')
    if "@" not in parts.netloc and "@" in parts.path + parts.query and parts.netloc:
        raise ValueError(f'has an "@" behind its host; {_ENCODE}')
    return parts


def _check_host(host: str) -> None:
    """Of `db.example.org:5432`, or `[::1]:5432`, or a socket's directory."""
    if host.startswith(("/", "%2F", "%2f")):
        return
    closed = host.partition("]")[2] if host.startswith("[") else None
    if closed is None and host.count(":") > 1:
        raise ValueError(f"has more than one port; {_ENCODE}, and put an IPv6 address in brackets, [::1]")
    behind = host if closed is None else closed
    if port := behind.partition(":")[2]:
        _check_port(port)


def _check_port(port: str) -> None:
    """The port may be what is left of a password, so it is not shown."""
    if not (port.isdecimal() and port.isascii() and 0 < int(port[:6]) <= _MOST_PORT):
        raise ValueError(f"has a port that is no number from 1 to {_MOST_PORT:,}; {_ENCODE}")


def _members(parts: SplitResult) -> dict[str, str]:
    """What stands behind the `?`, each of a kind that is known held to its words."""
    try:
        members = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise ValueError(f'should have "name=value" after its "?"; {_ENCODE}') from None
    for name, value in members.items():
        words = _WORDS.get(name, ())
        if words and value.lower() not in words:
            known = " or ".join(f'"{word}"' for word in words)
            raise ValueError(f'should have {known} for "{name}"')
    return members
