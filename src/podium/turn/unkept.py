"""How turns ended whose events nobody keeps: the conversation was deleted, or it was long ago."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from podium.kit import clock, ids
from podium.store.database import Database
from podium.turn import queries
from podium.vocabulary.cost import untold
from podium.vocabulary.event import (
    Failure,
    Status,
    Terminal,
    TurnCancelled,
    TurnCompleted,
    TurnFailed,
    TurnInterrupted,
    TurnReport,
)

_ENDS: Mapping[Status, type[Terminal]] = {
    "completed": TurnCompleted,
    "failed": TurnFailed,
    "cancelled": TurnCancelled,
}


async def find_ends(database: Database, turn_ids: Sequence[str]) -> dict[str, Terminal]:
    """Of these turns, those of which no event is kept or will be, with how they ended.

    One that is not known at all was cancelled when its conversation was deleted.
    """
    rows = await database.fetch(
        """
        SELECT a.id FROM unnest($1::text[]) AS a(id)
         WHERE journal_whole(a.id) IS NULL
           AND NOT EXISTS (SELECT FROM turns t WHERE t.id = a.id AND t.status = 'queued')
        """,
        list(turn_ids),
    )
    return {row["id"]: await _end(database, row["id"]) for row in rows}


async def _end(database: Database, turn_id: str) -> Terminal:
    report = await queries.find(database, turn_id)
    if report is None:
        return TurnCancelled(_deleted(turn_id))
    return _ENDS.get(report.status, TurnInterrupted)(report)


def _deleted(turn_id: str) -> TurnReport:
    """What is left to tell of a turn that was deleted; neither what it said nor what it cost."""
    return TurnReport(
        id=turn_id,
        conversation_id=None,
        status="cancelled",
        model=None,
        output_text=None,
        output=None,
        usage=None,
        finish_reason=None,
        error=Failure(code="cancelled", message="The conversation was deleted."),
        cost=None,
        created_at=datetime.fromtimestamp(ids.stamp(turn_id), UTC),
        started_at=None,
        ended_at=clock.now(),
        cost_info=untold(None, "failed"),
    )
