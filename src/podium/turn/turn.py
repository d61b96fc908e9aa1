"""A turn that runs here, and the draft of how it will be recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from podium.context.signed import Block, signed_blocks
from podium.errors import BudgetExceeded, PodiumError, ProviderError, RefusedError, Rejected
from podium.journal.log import Log
from podium.kit import clock, ids, money
from podium.ledger.streamed import Streamed
from podium.turn.account import Account
from podium.turn.ask import Ask, Message
from podium.vocabulary.answer import Answer, Collector
from podium.vocabulary.event import (
    VISIBLE,
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    Failure,
    ReasoningDelta,
    RefusalDelta,
    Status,
    Terminal,
    TextDelta,
    ToolCallDelta,
    TurnCancelled,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnReport,
    UsageSeen,
    is_delta,
)
from podium.vocabulary.part import Part, plain_text
from podium.vocabulary.request import Line
from podium.vocabulary.usage import Usage

_MOST_BODY = 16 << 10

Why = Literal["cancel", "interrupt", "disconnect", "shutdown"]
WHYS: Mapping[str, Why] = {"cancel": "cancel", "interrupt": "interrupt", "disconnect": "disconnect"}
"""Those that others may ask of a turn, as its row keeps them."""


class Turn(Struct, frozen=True):
    """A turn that this process owns. `history` ends with its input; a stateless turn has none.

    `model` is what the caller named, else the conversation's own; None leaves it to the default.
    """

    id: str
    ask: Ask
    model: str | None
    log: Log
    history: tuple[Line, ...]
    created_at: datetime
    started_at: datetime


@dataclass(slots=True)
class Draft:
    """What a turn has come to so far. Local to its run; adding to it is O(1)."""

    turn: Turn
    account: Account = field(default_factory=Account)
    model: str | None = None
    visible: bool = False
    dispatched: int = 0
    open_attempt: str | None = None
    asked_at: float = 0.0
    buried: AttemptFailed | None = None
    counted: Usage | None = None
    status: Status = "running"
    error: Failure | None = None
    _answer: Answer | None = None

    def add(self, event: TurnEvent) -> None:
        """Take an event of the turn's own log."""
        if isinstance(event, VISIBLE):
            self.visible = True
        elif isinstance(event, AttemptStarted):
            self.dispatched += 1
            self.open_attempt = event.attempt
            self.asked_at = clock.monotonic()
            self.model = f"{event.endpoint}/{event.model}"
            self.counted = None
        elif isinstance(event, UsageSeen):
            self.counted = event.usage
        elif isinstance(event, AttemptEnded | AttemptFailed):
            self.open_attempt = None
            self.account.add(event)

    def said(self) -> Streamed:
        """All that the answer has said."""
        words: list[str] = []
        thoughts: list[str] = []
        for entry in self.turn.log.events:
            match entry.event:
                case TextDelta(text=text) | RefusalDelta(text=text) | ToolCallDelta(arguments=text):
                    words.append(text)
                case ReasoningDelta(text=text):
                    thoughts.append(text)
                case _:
                    pass
        return Streamed("".join(words), "".join(thoughts))

    def bury(self, event: AttemptFailed) -> None:
        """An attempt was settled whose stream nobody reads any more."""
        self.buried = event

    def close_attempt(self) -> None:
        """Tell of an attempt that was broken off that it ended with its turn."""
        if self.open_attempt is None:
            return
        error = self.error or Failure(code="interrupted", message="It was broken off.")
        ending = self.buried
        if ending is None or ending.attempt != self.open_attempt:
            ending = AttemptFailed(
                attempt=self.open_attempt,
                code=error.code,
                message=error.message,
                milliseconds=round((clock.monotonic() - self.asked_at) * 1000),
            )
        ending = msgspec.structs.replace(ending, code=error.code, message=error.message)
        self.turn.log.append(ending)
        self.add(ending)

    def fail(self, error: PodiumError) -> None:
        """The turn came to nothing; or broke off, if something of it was shown."""
        if isinstance(error, BudgetExceeded):
            self.account.left = error.left or self.account.left
        self._break_off(
            Failure(
                code=error.code,
                message=error.message,
                param=error.param,
                hint=error.hint,
                retryable=(isinstance(error, RefusedError) and not isinstance(error, BudgetExceeded))
                or (isinstance(error, ProviderError) and error.retryable),
                status=getattr(error, "status", None),
                after=getattr(error, "after", None),
                body=error.body[:_MOST_BODY].decode("utf-8", "replace")
                if isinstance(error, Rejected)
                else None,
            )
        )

    def stop(self, why: Why) -> None:
        """The turn was told to stop."""
        if why == "shutdown":
            self._break_off(Failure(code="interrupted", message="The server shut down.", retryable=True))
            return
        said = {
            "cancel": "The turn was cancelled.",
            "interrupt": "A later message took its place.",
            "disconnect": "The client went away.",
        }
        self.status = "cancelled"
        self.error = Failure(code="cancelled", message=said[why])

    def orphan(self) -> None:
        """The owner died, and the turn is not run again."""
        self._break_off(
            Failure(code="interrupted", message="The server that ran this turn went away.", retryable=True)
        )
        if not self.turn.ask.kept:  # what it said is not stored: nobody knows whether something was shown
            self.status = "interrupted"

    def _break_off(self, failure: Failure) -> None:
        """It ends with less than an answer. What a conversation has of one is gone on with, not asked for again."""
        self.status = "interrupted" if self.visible else "failed"
        stands = self.visible and self.turn.ask.conversation is not None
        self.error = msgspec.structs.replace(failure, retryable=failure.retryable and not stands)

    def terminal(self) -> Terminal:
        """The event that ends the log."""
        report = self.report()
        match report.status:
            case "completed":
                return TurnCompleted(report)
            case "cancelled":
                return TurnCancelled(report)
            case "interrupted":
                return TurnInterrupted(report)
            case _:
                return TurnFailed(report)

    def report(self) -> TurnReport:
        """The turn as clients see it, ended now."""
        answer = self._whole()
        parts, account = _first(answer), self.account
        model = self.model or self.turn.model
        return TurnReport(
            id=self.turn.id,
            conversation_id=self.turn.ask.conversation,
            status=self.status,
            model=model,
            output_text=plain_text(parts),
            output=parts,
            usage=account.usage,
            finish_reason=answer.choices[0].finish if answer.choices else None,
            error=self.error,
            cost=None if account.cost is None else money.dollars(account.cost),
            created_at=self.turn.created_at,
            started_at=self.turn.started_at,
            ended_at=clock.now(),
            cost_info=account.told(model),
            waited_seconds=waited(self.turn.created_at, self.turn.started_at),
        )

    def messages(self) -> tuple[Message, ...]:
        """What goes into the conversation: the answer, if there is one."""
        parts = _first(self._whole())
        if not parts:
            return ()
        return (Message(id=ids.new("msg"), speaker=self.model or "assistant", role="assistant", parts=parts),)

    def signed(self) -> dict[str, Block]:
        """What the host signed around the calls that the answer holds, by call id."""
        blocks: dict[str, Block] = {}
        for choice in self._whole().choices:
            blocks.update(signed_blocks(choice.parts))
        return blocks

    def _whole(self) -> Answer:
        """The answer. To be asked for when it has ended: it is put together once."""
        if self._answer is None:
            collector = Collector()
            for entry in self.turn.log.events:
                if is_delta(entry.event):
                    collector.add(entry.event)
            self._answer = collector.answer()
        return self._answer


def _first(answer: Answer) -> tuple[Part, ...]:
    return answer.choices[0].parts if answer.choices else ()


_report_encoder = msgspec.json.Encoder()


def waited(since: datetime, until: datetime) -> float:
    """Seconds in a queue, to the millisecond."""
    return max(round((until - since).total_seconds(), 3), 0.0)


def encode_report(report: TurnReport) -> str:
    """A report as its turn's row keeps it."""
    return _report_encoder.encode(report).decode()
