"""The story of one turn."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from podium.context.compose import compose
from podium.context.signed import Block, restored, unsigned_calls
from podium.errors import BugError, Lost, PodiumError
from podium.journal.journal import Journal
from podium.kit import clock
from podium.providers.provider import Call, Provider
from podium.routing.choose import Plan
from podium.store.failure import BadItem
from podium.turn.record import Recorded, Recording
from podium.turn.turn import Draft, Turn, Why
from podium.vocabulary.event import AttemptStarted, Spoken
from podium.vocabulary.request import Request
from podium.wires.seal import wants_back

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Steps:
    """What a turn needs to run.

    `find_blocks` gives what was signed around a tenant's calls; `voice` the provider that speaks for a plan; `seconds`
    bounds a whole turn.
    """

    choose: Callable[[str | None], Plan]
    find_blocks: Callable[[str, Sequence[str]], Awaitable[Mapping[str, Block]]]
    voice: Callable[[Plan], Provider]
    record: Recording
    journal: Journal
    seconds: float


async def run(turn: Turn, steps: Steps, draft: Draft, stopped: Callable[[], Why | None]) -> Recorded:
    """Choose, compose, answer, record. Ends in a recorded terminal state whatever happens, unless the turn was lost.

    `draft` holds what an earlier owner had got to, or that it has failed already; `stopped` says why the task was
    cancelled.
    """
    if draft.status != "running":
        return await steps.record(draft)
    log = turn.log
    try:
        plan = steps.choose(turn.model)
        await steps.journal.put(log, plan.decided)
        request = await _composed(turn, plan, steps)
        async with contextlib.aclosing(_answer(turn, plan, request, steps, draft)) as spoken:
            async for event in spoken:
                draft.add(event)
                await steps.journal.put(log, event)
                if isinstance(event, AttemptStarted):
                    await steps.journal.stored(log)
        draft.status = "completed"
    except asyncio.CancelledError:
        # Only `Turns.stop` cancels this task, and never once the draft has an end: recording is not interrupted.
        draft.stop(stopped() or "shutdown")
    except Lost:
        return Recorded(written=False, next=None)
    except Exception as error:
        draft.fail(_told(error, turn))
    return await steps.record(draft)


def _told(error: Exception, turn: Turn) -> PodiumError:
    """What a turn says of its failure. What the database makes of our data is a defect of ours, and none of theirs."""
    if isinstance(error, PodiumError) and not isinstance(error, BadItem):
        return error
    logger.error("turn.broken", extra={"turn": turn.id}, exc_info=error)
    return BugError()


async def _composed(turn: Turn, plan: Plan, steps: Steps) -> Request:
    """The request. What a stateless client leaves out of its signatures is looked up; a conversation holds its own."""
    request = turn.ask.request
    if turn.ask.conversation is not None:
        return compose(request, turn.history, plan.window, continues=turn.ask.continues is not None)
    if not any(wants_back(each.endpoint.wire, each.profile, request) for each in plan.candidates):
        return request
    calls = unsigned_calls(request.lines)
    if not calls:
        return request
    lines = restored(request.lines, await steps.find_blocks(turn.ask.tenant, calls))
    return request if lines is request.lines else msgspec.structs.replace(request, lines=lines)


def _answer(
    turn: Turn, plan: Plan, request: Request, steps: Steps, draft: Draft
) -> AsyncGenerator[Spoken, None]:
    call = Call(
        turn=turn.id,
        purpose="turn",
        deadline=clock.monotonic() + steps.seconds,
        trace=turn.ask.trace,
        strict=turn.ask.strict,
        payer=turn.ask.payer,
        buried=draft.bury,
    )
    return steps.voice(plan).stream(request, call)
