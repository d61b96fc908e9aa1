"""The simulator for tests: over real TCP, in the test's own event loop.

async with simulator() as host:
    …                                   # host.url is what an SDK takes as its base URL
    await wait_until_idle(host)         # every call is in host.oracle.calls
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from podium.simulator import Options, Served, Simulator, serving


@asynccontextmanager
async def simulator(**options: Any) -> AsyncGenerator[Simulator, None]:
    """A simulator on a free port, with `Options` by name."""
    async with serving(Options(**options)) as host:
        yield host


async def wait_for(condition: Callable[[], object], *, within: float = 30.0) -> float:
    """Wait until the condition holds; the seconds that it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        assert loop.time() < began + within, f"in {within} s it never held: {condition}"
        await asyncio.sleep(0.002)
    return loop.time() - began


async def wait_until_idle(host: Simulator, *, calls: int = 0) -> Served | None:
    """Wait until at least so many calls were served and none is running; the last of them."""
    await wait_for(lambda: not host.oracle.running and len(host.oracle.calls) >= calls)
    return host.oracle.calls[-1] if host.oracle.calls else None
