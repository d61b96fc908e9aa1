"""What a call without a conversation costs: JSON in, JSON out."""

from bench.lab import MODEL, Lab, completion
from bench.load import Call, Run, Target, keep_busy, offer, poisson, valid
from bench.table import Asked, Figure, of_postgres, of_runs

_CALLERS = 64
_CALLS_A_SECOND = 500  # of measuring: enough for a median, few enough for a slow server


async def measure(lab: Lab) -> list[Figure]:
    """Calls at drawn times, and 64 callers who each wait for their answer; the relay in turn with Podium."""
    drawn: dict[str, list[Run]] = {"relay": [], "podium": []}
    busy: dict[str, list[Run]] = {"relay": [], "podium": []}
    for number in range(lab.plan.rounds):
        for target in (lab.relay, lab.podium):
            drawn[target.name].append(await _at_drawn_times(lab, target, number))
            busy[target.name].append(await keep_stateless_busy(lab, target))
    asked = Asked(limit=3, goal=2, of="ratio")
    rate, together = f"Poisson, {lab.plan.rate:.0f}/s", f"{_CALLERS} callers at once"
    return [
        of_runs("stateless call", busy["podium"], busy["relay"], asked, note=together),
        of_postgres("stateless call: Postgres", busy["podium"], note=together),
        of_runs("stateless call, drawn times", drawn["podium"], drawn["relay"], asked, note=rate),
        of_postgres("stateless call, drawn times: Postgres", drawn["podium"], note=rate),
    ]


async def keep_stateless_busy(lab: Lab, target: Target) -> Run:
    """64 callers, as fast as they are answered."""
    each = max(8, int(lab.plan.seconds * _CALLS_A_SECOND / _CALLERS))
    return await keep_busy(target, [[completion(target.client, MODEL)] * each] * _CALLERS)


async def _at_drawn_times(lab: Lab, target: Target, number: int) -> Run:
    request = completion(target.client, MODEL)
    plan = lab.plan
    calls = [Call(at, request) for at in poisson(plan.rate, plan.seconds, plan.seed + number)]
    return await valid(lambda: offer(target, calls))
