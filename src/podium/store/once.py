"""Do something once for an idempotency key, and give whoever asks again the same answer.

For what is no turn: turns claim their keys where they are opened. What is done, the key and the answer are one
transaction: what was refused leaves no key, and no death of anything leaves one without the other. Keys are forgotten
with those of turns, after a day.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from podium.errors import Mismatch
from podium.store.database import Database

_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Done:
    """The answer, and whether it is one that was given before."""

    answer: bytes
    again: bool


async def done_once(
    database: Database, scope: str, digest: str, work: Callable[[Database], Awaitable[bytes]]
) -> Done:
    """Do the work and keep its answer under the key `scope`, or give the answer that is kept there.

    While another does it this waits, for as long as its caller has patience, without a connection. `work` does all that
    it does by the database that it is given.

    Args:
        digest: of the request, which must be the same each time.

    Raises:
        Mismatch: the key came with another request before.
        PodiumError: whatever the work raised; nothing of it was done.
    """
    while True:
        async with database.together() as here:
            if await here.value("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", scope):
                kept = await here.first("SELECT hash, answer FROM turn_keys WHERE scope = $1", scope)
                if kept is None:
                    answer = await work(here)
                    await here.fetch(
                        "INSERT INTO turn_keys (scope, hash, answer) VALUES ($1, $2, $3)",
                        scope,
                        digest,
                        answer,
                    )
                    return Done(answer, again=False)
                if kept["hash"] != digest:
                    raise Mismatch(param="Idempotency-Key", hint="Use a new key for a new request.")
                return Done(kept["answer"], again=True)
        await asyncio.sleep(_PAUSE)
