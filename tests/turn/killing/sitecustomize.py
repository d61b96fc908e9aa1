"""Kills the server process that loads this, at a named step: imported by itself where PYTHONPATH names this folder.

The file that PODIUM_TEST_KILL names holds `WHO WHEN STEP NUMBER`: who dies (`server`, or its `parent` and it with it),
`before` or `after`, which step (an SQL function of Podium's, after a slash what it is given, or `post`: the request to
a model's host), and at which occurrence from now on. The file is removed before the blow, so each one strikes once.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

ORDER = Path(os.environ.get("PODIUM_TEST_KILL", "/nowhere"))
met = 0


def strike(moment: str, step: str, given: object = None) -> None:
    """Die, if this is the moment that was ordered."""
    global met  # noqa: PLW0603  # one process, one count
    try:
        who, when, ordered, number = ORDER.read_text().split()
    except (FileNotFoundError, ValueError):
        met = 0
        return
    ordered, _, part = ordered.partition("/")
    if (when, ordered) != (moment, step) or (part and part not in str(given)):
        return
    met += 1
    if met < int(number):
        return
    ORDER.unlink()
    os.kill(os.getppid() if who == "parent" else os.getpid(), signal.SIGKILL)
    time.sleep(60)  # sleep: the kernel kills who loses its parent; nothing else happens until then


def arm() -> None:
    from podium.providers.remote import Remote
    from podium.store.database import Lane

    fetch, post = Lane.fetch, Remote._post

    async def dying_fetch(self: Lane, sql: str, *args: object, **more: Any) -> Any:
        step = sql.partition("(")[0].split()[-1]
        strike("before", step, args)
        rows = await fetch(self, sql, *args, **more)
        strike("after", step, args)
        return rows

    async def dying_post(self: Remote, *args: Any) -> Any:
        strike("before", "post")
        response = await post(self, *args)
        strike("after", "post")
        return response

    Lane.fetch = dying_fetch  # type: ignore[method-assign]  # for the test's sake
    Remote._post = dying_post  # type: ignore[method-assign,assignment]  # for the test's sake


if "podium.cli.server" in sys.orig_argv:
    arm()
