"""What happens during a turn: deltas (pieces of the answer), facts (decisions), and the turn's own beginning and end.

Each event's tag is its `type` on the SSE stream, in storage and on the bus. `index` counts the parts of an answer from
0 in order of appearance; `choice` counts alternative answers and is left out when 0.
"""

from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct
from typing_extensions import TypeIs

from podium.vocabulary.cost import CostBreakdown, CostInfo, CountingMethod
from podium.vocabulary.part import Extra, Part, RawIfAny
from podium.vocabulary.usage import HostUsage, Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "other"]
UsageSource = Literal["provider", "estimate", "none"]
Status = Literal["queued", "running", "completed", "failed", "cancelled", "interrupted"]


class AnswerStarted(Struct, frozen=True, tag="answer.started", omit_defaults=True):
    """The host's first word: its id for the answer and the model's name as it echoes it."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    extra: Extra | None = None


class TextDelta(Struct, frozen=True, tag="text.delta", omit_defaults=True):
    """More text of a text part."""

    index: int
    text: str
    choice: int = 0
    logprobs: RawIfAny = None
    extra: Extra | None = None


class RefusalDelta(Struct, frozen=True, tag="refusal.delta", omit_defaults=True):
    """More text of a refusal."""

    index: int
    text: str
    choice: int = 0
    logprobs: RawIfAny = None
    extra: Extra | None = None


class ReasoningDelta(Struct, frozen=True, tag="reasoning.delta", omit_defaults=True):
    """More of the model's reasoning."""

    index: int
    text: str
    choice: int = 0
    extra: Extra | None = None


class ToolCallStarted(Struct, frozen=True, tag="tool_call.started", omit_defaults=True):
    """A tool call begins; its arguments follow."""

    index: int
    id: str
    name: str
    choice: int = 0
    kind: Literal["function", "custom"] = "function"
    extra: Extra | None = None


class ToolCallDelta(Struct, frozen=True, tag="tool_call.delta", omit_defaults=True):
    """More characters of a call's arguments."""

    index: int
    arguments: str
    choice: int = 0
    extra: Extra | None = None


class ToolCallCompleted(Struct, frozen=True, tag="tool_call.completed", omit_defaults=True):
    """A call's arguments are whole. A call without this event was cut off and is never executed."""

    index: int
    choice: int = 0


class PartDone(Struct, frozen=True, tag="part.done", omit_defaults=True):
    """A part that came whole, or the whole form of a part that was streamed (with signature or annotations)."""

    index: int
    part: Part
    choice: int = 0
    extra: Extra | None = None


class UsageSeen(Struct, frozen=True, tag="usage", omit_defaults=True):
    """The host's count so far. Always cumulative: the last one is the truth, never the sum.

    `tier` is the tier of service that the host says it served, in its own word.
    """

    usage: Usage
    host: HostUsage | None = None
    extra: Extra | None = None
    tier: str | None = None


class Finished(Struct, frozen=True, tag="finished", omit_defaults=True):
    """One choice has ended, by the host's own word; `raw` is that word where it is not the vocabulary's."""

    reason: FinishReason
    choice: int = 0
    raw: str | None = None
    extra: Extra | None = None


class AttemptStarted(Struct, frozen=True, tag="attempt.started", omit_defaults=True):
    """An HTTP call to a host is about to leave. Durable before the first byte does."""

    attempt: str
    endpoint: str
    model: str
    at: datetime


class AttemptFailed(Struct, frozen=True, tag="attempt.failed", omit_defaults=True):
    """The attempt came to nothing, or broke off. `after`: in how many seconds its host wants to be asked again.

    Usage and money are as in `AttemptEnded`; `in_suspense` says that more may be owed than is told. `milliseconds` is
    absent where its server died with it, and nobody knows when.
    """

    attempt: str
    code: str
    message: str
    milliseconds: int | None = None
    retryable: bool = False
    status: int | None = None
    after: float | None = None
    usage: Usage | None = None
    usage_source: UsageSource = "none"
    in_suspense: bool = False
    cost: str | None = None
    cost_breakdown: CostBreakdown | None = None
    counting_method: CountingMethod | None = None
    budget_warnings: tuple[str, ...] = ()
    budget_left: str | None = None


class AttemptEnded(Struct, frozen=True, tag="attempt.ended", omit_defaults=True):
    """The attempt gave a whole answer. `cost` is in dollars, absent where the model has no known price.

    `cost_breakdown` says what the cost was for; `counting_method` whose count an estimate is. `budget_warnings`
    name the budgets that passed their threshold with it, `budget_left` is what was left of the tightest, in dollars.
    """

    attempt: str
    milliseconds: int
    first_byte_milliseconds: int | None = None
    usage: Usage | None = None
    usage_source: UsageSource = "none"
    cost: str | None = None
    cost_breakdown: CostBreakdown | None = None
    counting_method: CountingMethod | None = None
    budget_warnings: tuple[str, ...] = ()
    budget_left: str | None = None
    response_id: str | None = None
    response_model: str | None = None


class Decided(Struct, frozen=True, tag="decision", omit_defaults=True):
    """A choice that the server made for the caller, and why."""

    step: str
    chosen: str
    reason: str
    candidates: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


class Failure(Struct, frozen=True, omit_defaults=True):
    """Why a turn did not complete, in the words of the error that a client gets; `body` is a host's own, as sent."""

    code: str
    message: str
    param: str | None = None
    hint: str | None = None
    retryable: bool = False
    status: int | None = None
    after: float | None = None
    body: str | None = None


class Queue(Struct, frozen=True):
    """Where a turn stands among the `depth` that wait in its conversation; the one at `position` 1 speaks next."""

    position: int
    depth: int


class TurnReport(Struct, frozen=True):
    """A turn as clients see it, complete in itself. A stateless turn's output is not kept: null, later.

    `cost_info` tells of money in full; null in turns that ended before it was kept. `queue` is null unless it waits;
    `waited_seconds` is for how long it has waited, or had when it began or was cancelled.
    """

    id: str
    conversation_id: str | None
    status: Status
    model: str | None
    output_text: str | None
    output: tuple[Part, ...] | None
    usage: Usage | None
    finish_reason: FinishReason | None
    error: Failure | None
    cost: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cost_info: CostInfo | None = None
    queue: Queue | None = None
    waited_seconds: float = 0.0


class TurnStarted(Struct, frozen=True, tag="turn.started", omit_defaults=True):
    """The turn has begun; always the first event of its log. `model` is what the caller named."""

    turn: str
    conversation: str | None = None
    model: str | None = None


class TurnCompleted(Struct, frozen=True, tag="turn.completed"):
    """The answer is whole and stored."""

    turn: TurnReport


class TurnFailed(Struct, frozen=True, tag="turn.failed"):
    """No answer came, and nothing of one was shown."""

    turn: TurnReport


class TurnCancelled(Struct, frozen=True, tag="turn.cancelled"):
    """Somebody asked it to stop; what was said is kept."""

    turn: TurnReport


class TurnInterrupted(Struct, frozen=True, tag="turn.interrupted"):
    """The answer broke off after its beginning was shown; what was said is kept and can be continued."""

    turn: TurnReport


Delta = (
    AnswerStarted
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ToolCallStarted
    | ToolCallDelta
    | ToolCallCompleted
    | PartDone
    | UsageSeen
    | Finished
)
Fact = AttemptStarted | AttemptFailed | AttemptEnded | Decided
Spoken = Delta | Fact
Terminal = TurnCompleted | TurnFailed | TurnCancelled | TurnInterrupted
TurnEvent = TurnStarted | Spoken | Terminal

VISIBLE = (TextDelta, RefusalDelta, ReasoningDelta, ToolCallStarted, ToolCallDelta, PartDone)
"""Deltas that a person can have seen; after the first of them nothing starts over."""

_DELTAS = frozenset(get_args(Delta))


def is_delta(event: TurnEvent) -> TypeIs[Delta]:
    """Whether an event is a piece of the answer rather than a fact about the turn; in less time than `isinstance`."""
    return type(event) in _DELTAS
