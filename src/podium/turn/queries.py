"""Reading turns."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import msgspec

from podium.errors import Unknown
from podium.journal.log import Numbered, read_lines
from podium.kit import ids
from podium.store.database import Database
from podium.turn.ask import Ask, decode
from podium.turn.turn import waited
from podium.vocabulary.cost import untold
from podium.vocabulary.event import Queue, TurnReport, is_delta

_report = msgspec.json.Decoder(TurnReport)
_SELECT = """
SELECT t.id, t.tenant, t.user_id, t.conversation_id, t.status, t.opening, t.report, t.created_at, t.started_at,
       coalesce(t.started_at, clock_timestamp()) AS waited_until, queue.position, queue.depth
  FROM turns t CROSS JOIN LATERAL (
       SELECT count(*) AS depth, count(*) FILTER (WHERE (NOT w.urgent, w.id) <= (NOT t.urgent, t.id)) AS position
         FROM turns w
        WHERE t.status = 'queued' AND w.conversation_id = t.conversation_id AND w.status = 'queued') queue
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A turn as its row shows it. `kept` says whether its events can be listened to."""

    report: TurnReport
    kept: bool


async def get(database: Database, turn_id: str, *, tenant: str, user: str | None) -> Seen:
    """A turn of this tenant; with `user`, only if it is that user's.

    Raises:
        Unknown: there is none, or it is somebody else's.
    """
    row = None
    if ids.is_id("turn", turn_id):
        row = await database.first(
            _SELECT + "WHERE t.id = $1 AND t.tenant = $2 AND ($3::text IS NULL OR t.user_id = $3)",
            turn_id,
            tenant,
            user,
        )
    if row is None:
        raise Unknown("There is no such turn.")
    whole = await database.value("SELECT journal_whole($1)", turn_id)
    return Seen(report=_reported(row), kept=row["status"] == "queued" if whole is None else whole)


async def unsay(database: Database, conversation_id: str) -> bool:
    """Take back a conversation's one message whose turn was refused before a host was asked; False if there is more."""
    return bool(await database.value("SELECT turn_unsay($1)", conversation_id))


async def find(database: Database, turn_id: str) -> TurnReport | None:
    """A turn, whoever it belongs to."""
    row = await database.first(_SELECT + "WHERE t.id = $1", turn_id)
    return None if row is None else _reported(row)


async def get_ask(database: Database, turn_id: str, *, tenant: str, user: str, conversation: str) -> Ask:
    """What a conversation's turn was asked, for going on with it. The caller has checked whose turn it is."""
    text = await database.value("SELECT ask FROM turns WHERE id = $1", turn_id)
    return decode(text.encode(), tenant=tenant, user=user, conversation=conversation)


async def facts(database: Database, turn_id: str) -> list[Numbered]:
    """What the turn decided and attempted, as far as it is stored, with its beginning and end."""
    rows = await database.fetch("SELECT first_seq, lines FROM journal_read($1, $2)", [turn_id], [0])
    entries = [entry for row in rows for entry in read_lines(row["lines"].encode(), row["first_seq"])]
    return [entry for entry in entries if not is_delta(entry.event)]


async def page(
    database: Database,
    *,
    tenant: str,
    user: str | None,
    conversation: str | None,
    after: str | None,
    limit: int,
) -> list[TurnReport]:
    """Turns, newest first, after the one named."""
    rows = await database.fetch(
        _SELECT + "WHERE t.tenant = $1 AND ($2::text IS NULL OR t.user_id = $2)"
        " AND ($3::text IS NULL OR t.conversation_id = $3) AND ($4::text IS NULL OR t.id < $4)"
        " ORDER BY t.id DESC LIMIT $5",
        tenant,
        user,
        conversation,
        after,
        limit,
    )
    return [_reported(row) for row in rows]


class _Opening(msgspec.Struct):
    model: str | None = None


_opening = msgspec.json.Decoder(_Opening)


def _reported(row: asyncpg.Record) -> TurnReport:
    if row["report"]:
        return _report.decode(row["report"])
    model = _opening.decode(row["opening"]).model
    return TurnReport(
        id=row["id"],
        conversation_id=row["conversation_id"],
        status=row["status"],
        model=model,
        output_text="",
        output=(),
        usage=None,
        finish_reason=None,
        error=None,
        cost=None,
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=None,
        cost_info=untold(model, "pending"),
        queue=Queue(row["position"], row["depth"]) if row["status"] == "queued" else None,
        waited_seconds=waited(row["created_at"], row["waited_until"]),
    )


@dataclass(frozen=True, slots=True)
class Queued:
    """Those that wait in a conversation: how many, and for how many seconds the first of them has."""

    depth: int
    seconds: float


async def queues(database: Database, conversations: Sequence[str]) -> dict[str, Queued]:
    """Of these conversations those in which turns wait. The caller has checked whose they are."""
    rows = await database.fetch(
        """
        SELECT conversation_id, count(*) AS depth,
               extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS seconds
          FROM turns WHERE status = 'queued' AND conversation_id = ANY($1) GROUP BY 1
        """,
        list(conversations),
    )
    return {row["conversation_id"]: Queued(row["depth"], row["seconds"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Backlog:
    """Turns of all processes together: how many run, how many wait, and for how many seconds the first of these has."""

    running: int
    queued: int
    seconds: float


async def backlog(database: Database) -> Backlog:
    """How much there is to do."""
    [row] = await database.fetch("SELECT running, queued, seconds FROM turn_backlog()")
    return Backlog(row["running"], row["queued"], row["seconds"])


async def is_known(database: Database, ask: Ask) -> bool:
    """Whether the idempotency key, or an earlier try of the same request, has started a turn that opening will join."""
    if ask.once is not None:
        return bool(
            await database.value(
                "SELECT EXISTS (SELECT FROM turn_keys k JOIN turns t ON t.id = k.turn_id"
                " WHERE k.scope = $1 AND NOT (t.status = 'failed' OR $2 AND t.status = 'interrupted'))",
                ask.once.scope,
                ask.shows_all_or_nothing,
            )
        )
    if ask.tries is None or not ask.tries.is_again or ask.conversation is None:
        return False
    status = await database.value(
        """
        SELECT status FROM turns WHERE mark = $1 AND tenant = $2 AND user_id = $3
           AND (ended_at IS NULL OR ended_at > clock_timestamp() - interval '10 minutes')
         ORDER BY id DESC LIMIT 1
        """,
        ask.tries.mark,
        ask.tenant,
        ask.user,
    )
    return status not in (None, "failed")
