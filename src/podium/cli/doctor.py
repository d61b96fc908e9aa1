"""`podium doctor`: is everything well, and if not, what is to be done?"""

from typing import TYPE_CHECKING, Annotated

import typer

from podium.cli.option import Config, DataDir

if TYPE_CHECKING:
    from podium.cli.finding import Finding
    from podium.config.settings import Settings


def doctor(
    call: Annotated[bool, typer.Option("--call", help="Ask each host of models something small.")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Show where each setting is from; check database, Redis, server and hosts. Ends with 1 if something is wrong."""
    import asyncio
    import os
    import sys
    from pathlib import Path

    from podium.cli.finding import Finding
    from podium.cli.table import table
    from podium.config.load import load
    from podium.config.mistake import Misconfigured

    try:
        settings = load({"data_dir": data_dir, "config": config}, os.environ, Path.cwd())
    except Misconfigured as error:
        for mistake in error.mistakes:
            _show(Finding("WRONG", "settings", mistake))
        sys.exit(1)
    rows = [(each.name, each.value or "-", each.source) for each in settings.origins]
    print(table(("SETTING", "VALUE", "FROM"), rows), end="\n\n", flush=True)
    findings = asyncio.run(_examine(settings, with_calls=call))
    wrong = sum(each.state == "WRONG" for each in findings)
    print(f"\n{wrong} of {len(findings)} wrong." if wrong else "\nNothing is wrong.")
    sys.exit(bool(wrong))


async def _examine(settings: "Settings", *, with_calls: bool) -> "list[Finding]":
    """Show each finding as it comes."""
    from contextlib import aclosing

    from podium.cli.checkup import check

    findings = []
    async with aclosing(check(settings, with_calls=with_calls)) as found:
        async for each in found:
            _show(each)
            findings.append(each)
    return findings


def _show(finding: "Finding") -> None:
    import textwrap

    def lines(text: str, first: str) -> str:
        return textwrap.fill(
            text,
            80,
            initial_indent=first,
            subsequent_indent=" " * 20,
            break_on_hyphens=False,
            break_long_words=False,
        )

    print(lines(finding.text, f"{finding.state:<6}{finding.name:<13} "))
    if finding.advice:
        print(lines(finding.advice, " " * 18 + "> "), flush=True)
