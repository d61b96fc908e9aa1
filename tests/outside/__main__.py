"""`python -m tests.outside`: the four numbers, by kind and by where they were recorded, and every disagreement."""

import argparse
import asyncio
import random
import re
import sys
import time
from collections import defaultdict

from tests.outside.exchange import exchanges, folder
from tests.outside.outcome import GOOD, NUMBERS, REASONS, Outcome, table
from tests.outside.run import run


def _print(outcomes: list[Outcome]) -> None:
    for number, title in NUMBERS.items():
        print(f"\n## {number}. {title}\n")
        print(table(number, outcomes, by="check"), table(number, outcomes, by="family"), sep="\n\n")
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        if each.kind not in GOOD:
            reason = next((why for pattern, why in REASONS if re.search(pattern, each.how)), "")
            by_kind[f"{each.kind}: {reason}" if reason and each.kind == "meant" else each.kind].append(each)
    for kind, found in by_kind.items():
        print(f"\n### {kind} ({len(found)})\n")
        for each in found:
            print(f"- {each.check}: `{each.exchange}`: {each.how}")


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only exchanges whose name contains this")
    parser.add_argument("--sample", type=int, default=0, help="only so many of them, the same ones each time")
    options = parser.parse_args()
    root = folder()
    if root is None:
        sys.exit("PODIUM_TEST_DATA names no folder with recordings.")
    chosen = [each for each in exchanges(root) if options.only in each.name]
    if options.sample:
        chosen = random.Random(0).sample(chosen, min(options.sample, len(chosen)))
    began = time.monotonic()
    outcomes = asyncio.run(run(chosen))
    print(f"{len(chosen)} exchanges, {len(outcomes)} checks, {time.monotonic() - began:.0f} s")
    _print(outcomes)


if __name__ == "__main__":
    main()
