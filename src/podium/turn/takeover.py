"""Read a turn that became this process's: by hand-over from its predecessor, or from a dead owner."""

import logging
from dataclasses import dataclass

import asyncpg
import msgspec

from podium.context.history import history_bytes
from podium.errors import BugError
from podium.journal.journal import Journal
from podium.journal.log import read_lines
from podium.store.database import Lane
from podium.turn.ask import Ask, Once, decode, decode_history
from podium.turn.turn import WHYS, Draft, Turn, Why
from podium.vocabulary.request import Request

logger = logging.getLogger(__name__)

_WIDEST_WINDOW = 2_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A turn, what it had come to, how often it was run again, and why it should stop, if it should."""

    turn: Turn
    draft: Draft
    reruns: int
    stop: Why | None


async def load(lane: Lane, owner: str, turn_id: str, journal: Journal) -> Taken | None:
    """The turn, ready to run or to be recorded; None if it is not this owner's after all, or runs here already.

    One whose question cannot be read any more has failed with that: nobody else could read it either.

    Raises:
        Unavailable: the database does not answer.
    """
    rows = await lane.fetch(
        "SELECT * FROM turn_load($1, $2, $3)", owner, turn_id, history_bytes(_WIDEST_WINDOW)
    )
    here = journal.find(turn_id)
    if not rows or (here is not None and here.owner == owner):
        return None
    row = rows[0]
    events = read_lines(row["lines"].encode(), 1)
    is_broken = False
    try:
        ask, history = _ask(row), decode_history(row["history"]) if row["conversation_id"] else ()
    except msgspec.DecodeError:
        logger.exception("turn.unreadable", extra={"turn": turn_id})
        ask, history, is_broken = _unasked(row), (), True
    turn = Turn(
        id=turn_id,
        ask=ask,
        model=ask.model or row["model"],
        log=journal.begin(turn_id, owner, events, stored=row["whole"]),
        history=history,
        created_at=row["created_at"],
        started_at=row["started_at"] or row["created_at"],
    )
    draft = Draft(turn)
    for entry in events:
        draft.add(entry.event)
    if is_broken:
        draft.fail(BugError())
    stop = None if row["stop"] is None else WHYS.get(row["stop"], "cancel")
    return Taken(turn=turn, draft=draft, reruns=row["reruns"], stop=stop)


def _ask(row: asyncpg.Record) -> Ask:
    if row["conversation_id"] is not None:
        return decode(
            row["ask"].encode(),
            tenant=row["tenant"],
            user=row["user_id"],
            conversation=row["conversation_id"],
        )
    return _unasked(row)  # what a stateless turn asked is not kept


def _unasked(row: asyncpg.Record) -> Ask:
    """An ask that tells no more than whose it is: of a turn that is never run again, only recorded."""
    return Ask(
        tenant=row["tenant"],
        user=row["user_id"],
        sees_all=False,
        request=Request(model="", lines=()),
        model=None,
        trace="",
        conversation=row["conversation_id"],
        once=Once(scope="", hash="") if row["whole"] else None,
    )
