"""The ledger page by page: over HTTP, or from the database itself where no server serves."""

import asyncio
import contextlib
import json
from collections.abc import Generator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from podium.api.resources.ledger import shown
from podium.cli.storage import stored
from podium.cli.target import NotServing, Target
from podium.ledger.budgets import Reach
from podium.ledger.entries import Place, Wish, find_page

Row = dict[str, Any]

_PAGE = 1000


def walk(target: Target, wish: dict[str, str]) -> Generator[list[Row], None, None]:
    """Pages of entries as `GET /v1/ledger` has them, oldest first; at least one, which may be empty.

    Args:
        wish: `from` and `to`, as the API takes them.

    Raises:
        PodiumError: the server refuses, or is wrong.
    """
    try:
        client = target.client()
    except NotServing:
        yield from _stored(target, wish)
        return
    after = None
    while True:
        query = {"limit": str(_PAGE), **wish, **({"after": after} if after else {})}
        page = client.ask("GET", f"/v1/ledger?{urlencode(query)}")
        yield page["data"]
        after = page["next"]
        if after is None:
            return


def _stored(target: Target, wish: dict[str, str]) -> Generator[list[Row], None, None]:
    moments = {name: datetime.fromisoformat(text) for name, text in wish.items()}
    wanted = Wish(since=moments.get("from"), until=moments.get("to"))
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            database = runner.run(stack.enter_async_context(stored({"data_dir": target.data_dir})))
            after: Place | None = None
            while True:
                found = runner.run(find_page(database, Reach(None), wanted, after=after, limit=_PAGE))
                yield [json.loads(msgspec.json.encode(row)) for row in runner.run(shown(database, found))]
                if len(found) < _PAGE:
                    return
                after = Place(found[-1].xid, found[-1].id)
        finally:
            runner.run(stack.aclose())
