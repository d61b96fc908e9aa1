"""Every error that Podium raises on purpose, as one tree that says who must act.

PodiumError                    the docstring is the message; carries no HTTP
├── CallerError                the request is wrong: change it
│   ├── InvalidRequest         a member is missing, malformed or not understood
│   │   └── Inexpressible      the target wire has no way to say this member
│   ├── Unauthenticated        no key, or not one of ours
│   ├── Forbidden              a good key that may not do this
│   ├── Unknown                no such thing, or not yours: the two are never told apart
│   │   └── UnknownModel       no configured endpoint answers to this model name
│   ├── Unpriced               nobody knows what this model costs
│   ├── Gone                   it was there, and is not kept
│   ├── Conflict               it contradicts what is there
│   ├── Mismatch               an idempotency key was used before with another body
│   └── TooLarge               beyond a size that the operator set
├── RefusedError               the request is right, but not now: try again later
│   ├── Busy                   the conversation is speaking and `on_busy` is `reject`
│   ├── QueueFull              as many turns wait in the conversation as may
│   ├── RateLimited            more was asked for than a user, key or tenant may have
│   ├── Overwhelmed            this server has as many turns under way as it may
│   ├── Draining               this server is going away
│   ├── Cancelled              somebody asked the turn to stop
│   ├── Interrupted            the turn's server went away
│   ├── BudgetExceeded         a budget has not enough left
│   │   └── BudgetExhausted    … for the rest of an answer
│   └── Unavailable            the database does not answer
├── ProviderError              the model's host failed; says whether another try can help
│   ├── Unreachable            no connection: nothing was sent
│   ├── TimedOut               connected, then silent for too long
│   ├── Overloaded             429, 500, 502, 503, 529 and their like
│   ├── Rejected               the host refused the request itself (a 4xx)
│   │   └── Overlong           … because it holds more tokens than the model takes
│   ├── Exhausted              every candidate of a route failed
│   ├── Garbled                an answer that is not the wire's
│   ├── Truncated              a stream that ended without its terminator
│   └── Untold                 an answer of which the caller's dialect can show nothing
├── Lost                       this process no longer owns the turn; another does
├── OperatorError              the installation is wrong; the operator can mend it
└── BugError                   ours
"""

from collections.abc import Mapping
from typing import ClassVar

Standings = Mapping[str, tuple[int, int, float]]
"""Of `requests` and `tokens`: how many there are at once, how many are left, seconds until all are there again."""


def ended(text: str) -> str:
    """A text before another: with a stop, where it does not end a sentence itself."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


class PodiumError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(
        self, message: str | None = None, *, param: str | None = None, hint: str | None = None
    ) -> None:
        """Without a message the class's own docstring is the message."""
        self.message = message or (self.__doc__ or "").strip()
        self.param = param
        self.hint = hint
        super().__init__(self.message)

    @property
    def text(self) -> str:
        """The message and the hint as one text, for dialects that have no place for a hint."""
        return f"{ended(self.message)} {self.hint}" if self.hint else self.message


class CallerError(PodiumError):
    """The request is wrong."""

    code = "invalid_request"


class InvalidRequest(CallerError):
    """The request is not understood."""


class Inexpressible(InvalidRequest):
    """The model's host has no way to express this."""

    code = "inexpressible"


class Unauthenticated(CallerError):
    """No valid API key was given."""

    code = "invalid_api_key"


class Forbidden(CallerError):
    """This key may not do that."""

    code = "forbidden"


class Unknown(CallerError):
    """There is no such thing."""

    code = "not_found"


class UnknownModel(Unknown):
    """No configured endpoint answers to this model name."""

    code = "model_not_found"


class Unpriced(CallerError):
    """No price is known for this model."""

    code = "model_unpriced"


class Gone(CallerError):
    """It is no longer kept."""

    code = "gone"


class Conflict(CallerError):
    """It contradicts the present state."""

    code = "conflict"


class Mismatch(CallerError):
    """This idempotency key was used before with another request."""

    code = "idempotency_mismatch"


class TooLarge(CallerError):
    """The request is too large."""

    code = "too_large"


class RefusedError(PodiumError):
    """The request is right, but not now."""

    code = "refused"

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        hint: str | None = None,
        after: float | None = None,
    ) -> None:
        """`after`: seconds after which another try is sensible, if that is known."""
        super().__init__(message, param=param, hint=hint)
        self.after = after


class Busy(RefusedError):
    """The conversation is busy with another turn."""

    code = "conversation_busy"


class QueueFull(RefusedError):
    """As many turns wait in this conversation as may."""

    code = "queue_full"


class RateLimited(RefusedError):
    """More was asked for than may be."""

    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, after: float, standings: Standings) -> None:
        """`standings`: how the tightest limits stand."""
        super().__init__(message, after=after)
        self.standings = standings


class Overwhelmed(RefusedError):
    """This server has as many turns under way as it may."""

    code = "overloaded"


class Draining(RefusedError):
    """This server is shutting down."""

    code = "draining"


class Cancelled(RefusedError):
    """The turn was cancelled."""

    code = "cancelled"


class Interrupted(RefusedError):
    """The server that ran this turn went away."""

    code = "interrupted"
    retryable: bool = True


class BudgetExceeded(RefusedError):
    """A budget has not enough left."""

    code = "insufficient_quota"

    left: str | None = None
    """What it has left, in dollars, where that is known."""


class BudgetExhausted(BudgetExceeded):
    """A budget has not enough left for the rest of the answer."""

    code = "budget_exhausted"


class Unavailable(RefusedError):
    """The database does not answer."""

    code = "storage_unavailable"


class ProviderError(PodiumError):
    """The model's host failed."""

    code = "upstream_error"
    retryable: bool = False

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int | None = None,
        after: float | None = None,
        body: bytes = b"",
        param: str | None = None,
        hint: str | None = None,
    ) -> None:
        """`status`: the host's HTTP status; `after`: its Retry-After in seconds; `body`: its error as sent."""
        super().__init__(message, param=param, hint=hint)
        self.status = status
        self.after = after
        self.body = body


class Unreachable(ProviderError):
    """The model's host cannot be reached."""

    code = "upstream_unreachable"
    retryable = True


class TimedOut(ProviderError):
    """The model's host was silent for too long."""

    code = "upstream_timeout"
    retryable = True


class Overloaded(ProviderError):
    """The model's host is overloaded or failing."""

    code = "upstream_overloaded"
    retryable = True


class Exhausted(ProviderError):
    """No candidate could answer."""

    code = "upstream_exhausted"


class Rejected(ProviderError):
    """The model's host refused the request."""

    code = "upstream_rejected"


class Overlong(Rejected):
    """The request holds more tokens than the model takes."""

    code = "context_length_exceeded"


class Garbled(ProviderError):
    """The model's host sent something that is not an answer."""

    code = "upstream_protocol_error"
    retryable = True


class Truncated(ProviderError):
    """The model's answer broke off before its end."""

    code = "upstream_truncated"
    retryable = True


class Untold(ProviderError):
    """The model's answer holds nothing that this API can show, such as a picture alone."""

    code = "answer_inexpressible"


class Lost(PodiumError):
    """This process no longer owns the turn."""

    code = "ownership_lost"


class OperatorError(PodiumError):
    """The installation needs the operator."""

    code = "operator"


class BugError(PodiumError):
    """An error of Podium's own."""

    code = "internal_error"
