"""A place that hosts models: where it is, which wire it speaks, how patient and how persistent to be with it."""

from dataclasses import dataclass, field

from podium.catalogue.profile import Price


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an endpoint, in seconds; and how much to take from it, in bytes."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 30.0
    total: float = 600.0
    event_bytes: int = 1 << 20
    body_bytes: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Resilience:
    """How an endpoint is treated that fails or wants to be asked less.

    `attempts` is how often a call is made in all, 1 for no retries; after `breaker_failures` failed calls in a row no
    more are made for a while, 0 for never. The two rates are per minute and for all of this installation; None is no
    limit.
    """

    attempts: int = 3
    breaker_failures: int = 5
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One host. `base_url` is what the wire's official SDK takes; `api_key` is None where none is needed.

    `models` are the only ones that it has; None where only the host knows.

    `patterns` are shell-style patterns of bare model names that plainly belong here, such as `gpt-*`. `headers` are
    sent with each call.

    `price` is that of its models, where no profile has another; `price_list` names the published one that counts else,
    as `catalogue.book` has them.

    With `count_tokens` the host is asked for its own count of a request where our estimate decides: near a budget's
    limit, and for an estimate.

    What openai_chat hosts differ in: `auth_header` takes the key, as a bearer token if it is `authorization`, else as
    it is; `max_tokens_member` is the name of the output cap; `call_id_length` how many letters and digits the ids of
    calls must have; `stream_usage` whether a stream may be asked for its usage.
    """

    name: str
    wire: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()
    patience: Patience = Patience()
    resilience: Resilience = Resilience()
    proxy: str | None = None
    models: tuple[str, ...] | None = None
    price: Price | None = None
    price_list: str | None = None
    count_tokens: bool = False
    auth_header: str = "authorization"
    max_tokens_member: str = "max_completion_tokens"
    call_id_length: int | None = None
    stream_usage: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """`endpoint/model` of each of its models, as far as it is told which they are."""
        return tuple(f"{self.name}/{each}" for each in self.models or ())

    def has(self, model: str) -> bool:
        """Whether it may have a model of this name."""
        return self.models is None or model in self.models
