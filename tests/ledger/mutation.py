"""Change every line of the ledger, one at a time, and see whether a test notices: `make mutation`.

Python is changed by mutmut, as pyproject.toml says, SQL by `mutation_sql`. Arguments choose: names of mutants, such as
`*till*`, or of SQL functions, such as `ledger_hold`. Who survives is printed, and then the exit code is 1.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.stats import status_by_exit_code

from tests.ledger import mutation_sql
from tests.serving import running_cluster

PROGRAMS = Path(sys.executable).parent
LEDGER = Path("src/podium/ledger")
GOOD = {"killed", "timeout", "caught by type check"}


async def run_mutmut(chosen: list[str]) -> None:
    """One Postgres for all mutants. Which tests reach which function is asked anew: a test may have changed."""
    Path("mutants/mutmut-stats.json").unlink(missing_ok=True)
    async with running_cluster() as cluster:
        path = f"{PROGRAMS}:{os.environ['PATH']}"  # it calls mypy
        running = await asyncio.create_subprocess_exec(
            PROGRAMS / "mutmut",
            "run",
            "--max-children=2",
            *chosen,
            env={**os.environ, "PODIUM_TEST_CLUSTER": cluster.dsn, "PATH": path},
        )
        if await running.wait():
            sys.exit("mutation: mutmut could not run")


def report(good: set[str]) -> int:
    """Print what became of the mutants of each file, and all that did not come to a good end; how many of these."""
    survivors: list[str] = []
    for path in sorted(LEDGER.glob("*.py")):
        data = SourceFileMutationData(path=path)
        data.load()
        ends = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
        told = ", ".join(f"{number} {end}" for end, number in sorted(Counter(ends.values()).items()))
        print(f"mutation: {path.name}: {told or 'nothing to change'}")
        survivors += [name for name, end in ends.items() if end not in good]
    for name in survivors:
        shown = subprocess.run(
            [PROGRAMS / "mutmut", "show", name], capture_output=True, text=True, check=False
        )
        print(shown.stdout)
    return len(survivors)


def main() -> None:
    chosen = sys.argv[1:]
    functions = [name for name in chosen if name in mutation_sql.FUNCTIONS]
    mutants = [name for name in chosen if name not in functions]
    survived = 0
    if mutants or not functions:
        asyncio.run(run_mutmut(mutants))
        survived += report(GOOD | ({"not checked"} if mutants else set()))
    if functions or not mutants:
        survived += mutation_sql.run(functions)
    sys.exit(f"mutation: {survived} survived" if survived else 0)


if __name__ == "__main__":
    main()
