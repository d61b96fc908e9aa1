"""What a durable turn of a conversation costs the server and Postgres."""

from dataclasses import dataclass

from bench.database import written
from bench.figures.stateless import keep_stateless_busy
from bench.lab import Lab
from bench.load import Call, Run, keep_busy, offer, poisson, valid
from bench.table import Asked, Figure, of_postgres, of_runs, of_values

_CALLERS = 64
_TURNS = 8  # in each conversation, so that what is measured is a turn and not a long history
_TURNS_A_SECOND = 300  # of measuring


@dataclass(frozen=True)
class _Busy:
    run: Run
    transactions: float
    wal_bytes: float


async def measure(lab: Lab) -> list[Figure]:
    """64 callers, each with a conversation of its own: as fast as they are answered, and at drawn times.

    The relay's calls, made in turn with the turns, tell how fast the machine is while they run.
    """
    drawn, busy, floor = [], [], []
    for number in range(lab.plan.rounds):
        floor.append(await keep_stateless_busy(lab, lab.relay))
        busy.append(await _busy(lab))
        drawn.append(await _at_drawn_times(lab, number))
    runs = [each.run for each in busy]
    asked, of_database = Asked(limit=800, goal=500), Asked(limit=250)
    rate, together = f"Poisson, {lab.plan.rate / 2:.0f}/s, 64 conversations", f"{_CALLERS} callers at once"
    return [
        of_runs("durable turn", runs, floor, asked, note=together),
        of_postgres("durable turn: Postgres", runs, floor, of_database, note=together),
        of_values("writing transactions a turn", "", [each.transactions for each in busy], note=together),
        of_values("write-ahead log a turn", "kB", [each.wal_bytes / 1000 for each in busy], note=together),
        of_values("durable turns a second", "/s", [run.units / run.wall for run in runs], note=together),
        of_runs("durable turn, drawn times", drawn, floor, asked, note=rate),
        of_postgres("durable turn, drawn times: Postgres", drawn, note=rate),
    ]


async def _busy(lab: Lab) -> _Busy:
    many = max(1, int(lab.plan.seconds * _TURNS_A_SECOND / _CALLERS / _TURNS))
    conversations = await lab.conversations(_CALLERS * many)
    callers = [
        [lab.turn(each) for each in conversations[caller::_CALLERS] for _ in range(_TURNS)]
        for caller in range(_CALLERS)
    ]
    before = await written(lab.server.directory)
    run = await keep_busy(lab.podium, callers)
    after = await written(lab.server.directory)
    return _Busy(
        run,
        transactions=(after.transactions - before.transactions) / run.units,
        wal_bytes=(after.wal_bytes - before.wal_bytes) / run.units,
    )


async def _at_drawn_times(lab: Lab, number: int) -> Run:
    plan = lab.plan

    async def attempt() -> Run:
        times = poisson(plan.rate / 2, plan.seconds, plan.seed + number)
        conversations = await lab.conversations(max(_CALLERS, len(times) // _TURNS + 1))
        calls = [
            Call(at, lab.turn(conversations[index % len(conversations)])) for index, at in enumerate(times)
        ]
        return await offer(lab.podium, calls)

    return await valid(attempt)
