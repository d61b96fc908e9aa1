"""Tells how many tokens a request would be, where a dialect has a question for that."""

import msgspec

from podium.simulator.count import prompt_tokens
from podium.simulator.dialect import Dialect
from podium.simulator.fault import BEFORE, INSTEAD, refuse, strike
from podium.simulator.oracle import Ended, Served
from podium.simulator.pipe import Pipe
from podium.simulator.plan import Fault
from podium.vocabulary.request import Request


async def tally(dialect: Dialect, request: Request, fault: Fault | None, pipe: Pipe, served: Served) -> Ended:
    """Tell the count, unless something is to go wrong before it. Nothing is used up by it."""
    if fault is not None and fault.kind in INSTEAD:
        await refuse(fault, pipe, dialect.wire)
        return "refused" if served.status != 200 else "fault"
    if fault is not None and fault.kind in BEFORE:
        writer = dialect.wire.writer(request, answer_id="", created=0, model=request.model)
        if not await strike(fault, pipe, writer):
            return "cut"
    body = msgspec.json.encode({dialect.counted: prompt_tokens(request)})
    await pipe.whole(200, {"content-type": "application/json"}, body)
    return "complete"
