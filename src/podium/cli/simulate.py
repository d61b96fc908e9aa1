"""`podium simulate`: a model's host that needs no network, on a port of its own."""

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 for any free one.", min=0, max=65_535)] = 8090,
    script: Annotated[Path | None, typer.Option(help="A file of rules by which it answers.")] = None,
    oracle: Annotated[
        Path | None, typer.Option(help="Append the true usage of each call to this file.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Tokens a second; 0 for at once.", min=0)] = 0.0,
    first: Annotated[float, typer.Option(help="Seconds before the first token.", min=0)] = 0.0,
) -> None:
    """Play a model's host: scripted answers, realistic pacing, faults on request, usage counted truly."""
    import asyncio

    from podium.cli.told import told
    from podium.errors import OperatorError
    from podium.simulator import Options, Simulator, serve

    def started(simulator: Simulator) -> None:
        print(
            f"The simulator answers at {simulator.url} (as endpoint: model simulator/echo). Ctrl-C stops it."
        )
        print(f"What it served: {simulator.root}/oracle", flush=True)

    def check_oracle() -> None:
        if oracle is None:
            return
        try:
            oracle.open("ab").close()
        except OSError as error:
            raise OperatorError(f"--oracle {oracle} cannot be written: {error.strerror}.") from error

    options = Options(rate=rate, first=first, script=script, oracle=oracle)
    with told():
        check_oracle()
        asyncio.run(serve(options, host=host, port=port, started=started))
