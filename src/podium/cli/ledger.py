"""`podium ledger`: write the ledger out, and reckon every balance anew."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from podium.cli.option import Config, DataDir, Key, Url

ledger = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Export the ledger, and verify it.")

_BUCKETS = ("input", "cached_input", "cache_write", "output", "reasoning", "audio")
_BEFORE = ("id", "at", "turn_id", "attempt_id", "conversation_id", "tenant", "user", "key_id", "model")
_COLUMNS = (*_BEFORE, "provider_response_id", *_BUCKETS, "usage_source", "amount", "tariff")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = dict[str, Any]


@ledger.command()
def export(  # the options of a command
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format", help="Of the output.")] = "csv",
    since: Annotated[str | None, typer.Option("--from", help="2027-01-31, or 2027-01-31T12:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="That moment itself is left out.")] = None,
    url: Url = None,
    key: Key = None,
    data_dir: DataDir = None,
) -> None:
    """Print the ledger, oldest first: one line for each attempt, net of corrections, in dollars."""
    import os
    import sys

    from podium.cli.moment import moment
    from podium.cli.target import find_target
    from podium.cli.told import told
    from podium.cli.walk import walk

    with told():
        named = {"from": moment(since, "from"), "to": moment(until, "to")}
        target = find_target(url, key, data_dir)
        try:
            write = _WRITERS[form]()
            for rows in walk(target, {name: value for name, value in named.items() if value is not None}):
                write(rows)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever reads has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@ledger.command()
def verify(data_dir: DataDir = None, config: Config = None) -> None:
    """Reckon every balance anew from the rows behind it, while servers go on. Ends with 1 if any is wrong."""
    import asyncio
    import sys

    from podium.cli.told import told

    with told():
        wrong, count = asyncio.run(_verify({"data_dir": data_dir, "config": config}))
    print(f"{wrong} of {count} balances wrong." if wrong else f"{count} balances, none of them wrong.")
    sys.exit(1 if wrong else 0)


async def _verify(options: dict[str, Path | None]) -> tuple[int, int]:
    """How many balances are wrong, and how many there are."""
    import contextlib

    from podium.cli.storage import stored
    from podium.kit import clock, money
    from podium.ledger.verify import balances

    wrong = count = 0
    async with stored(options) as database, contextlib.aclosing(balances(database)) as found:
        async for each in found:
            count += 1
            if each.said != each.found:
                wrong += 1
                print(
                    f"budget {each.budget_id}, period from {clock.rfc3339(each.starts_at)}: "
                    f"{each.name} is {money.dollars(each.said)}, its rows come to {money.dollars(each.found)}"
                )
    return wrong, count


class _Csv:
    """Lines of CSV below one line of names."""

    def __init__(self) -> None:
        self._has_begun = False

    def __call__(self, rows: Sequence[Row]) -> None:
        import csv
        import json
        import sys

        writer = csv.writer(sys.stdout, lineterminator="\n")
        if not self._has_begun:
            writer.writerow(_COLUMNS)
            self._has_begun = True
        for row in rows:
            flat = {**row, **row["usage"], "tariff": json.dumps(row["tariff"])}
            writer.writerow([_inert(flat[name]) for name in _COLUMNS])


def _inert(cell: object) -> object:
    """Names are other people's words: what a spreadsheet would take for a formula becomes text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _print_lines(rows: Sequence[Row]) -> None:
    import json

    for row in rows:
        print(json.dumps(row, ensure_ascii=False))


_WRITERS: dict[str, Callable[[], Callable[[Sequence[Row]], None]]] = {
    "csv": _Csv,
    "jsonl": lambda: _print_lines,
}
