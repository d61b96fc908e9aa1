"""The settings of the server itself: the table [server], and PODIUM_<NAME> in the environment."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from podium.config import address
from podium.kit import money


def _split(value: object) -> object:
    """The environment has no lists: "a, b" stands for two."""
    if isinstance(value, str):
        return tuple(filter(None, (each.strip() for each in value.split(","))))
    return tuple(value) if isinstance(value, list) else value


def _is_http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("should begin with http:// or https://")
    return url


def _is_dollars(text: str) -> str:
    if not _DOLLARS.fullmatch(text) or money.nano(text) > _MOST_DOLLARS * money.NANO_PER_DOLLAR:
        raise ValueError("should be dollars as text with at most nine decimals")
    return text


HttpUrl = Annotated[str, AfterValidator(_is_http)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Dollars = Annotated[str, AfterValidator(_is_dollars)]

_DOLLARS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
_MOST_DOLLARS = 1_000_000_000


class Server(BaseModel):
    """How the server runs. Durations are in seconds, sizes in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    data_dir: Path | None = None
    database_url: Annotated[str, AfterValidator(address.postgres)] | None = Field(default=None, repr=False)
    redis_url: Annotated[str, AfterValidator(address.redis)] | None = Field(default=None, repr=False)

    local: bool = True
    """Whether the model in the house may run."""
    local_model: Path | None = None
    """Another weights file for it, in GGUF."""
    simulator_url: HttpUrl = "http://127.0.0.1:8090/v1"

    lease_seconds: Annotated[float, Field(ge=1, le=600)] = 15.0
    """How long a silent process keeps its turns."""
    drain_seconds: Annotated[float, Field(ge=0, le=3_600)] = 30.0
    """How long running turns may take to end when the server stops."""
    turn_seconds: Seconds = 600.0
    """How long a turn may take in all."""
    synchronous_commit: bool = False
    """Whether what is shown waits for the disk; without, a power loss may cost the last 0.6 seconds of a stream."""

    connect_seconds: Seconds = 5.0
    first_byte_seconds: Seconds = 60.0
    idle_seconds: Seconds = 30.0
    total_seconds: Seconds = 600.0
    """How patient to be with endpoints that do not say it themselves."""

    body_bytes: Annotated[int, Field(ge=1_024, le=1 << 30)] = 32 << 20
    header_bytes: Annotated[int, Field(ge=1_024, le=1 << 20)] = 64 << 10
    """The largest request that is read."""
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    """Web pages that may call this server: "https://chat.example.org", or "*"."""

    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] = 4_000
    thinking_budget: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    session_timeout: Annotated[float, Field(gt=0, le=1e9)] = 3_600.0
    """Of the doors that have sessions: what an answer and its thoughts may come to where a request does not say it; how
    long a session lives after its last message."""

    default_daily_budget: Dollars | None = None
    default_monthly_budget: Dollars | None = None
    default_user_budget: Dollars | None = None
    """What a user who has no budget may spend in a day, in a month and in all."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
