"""`podium serve`: everything that one machine needs, from one command."""

from typing import TYPE_CHECKING, Annotated

import typer

from podium.cli.option import Config, DataDir

if TYPE_CHECKING:
    from podium.config.load import Flags


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on. [PODIUM_HOST; 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 for any free one. [PODIUM_PORT; 8080]")
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    workers: Annotated[int | None, typer.Option(help="Server processes. [PODIUM_WORKERS; 1]")] = None,
) -> None:
    """Serve, with a database and a model of its own unless others are named."""
    import asyncio

    from podium.cli.told import told

    flags = {"host": host, "port": port, "data_dir": data_dir, "config": config, "workers": workers}
    with told():
        asyncio.run(_serve(flags))


async def _serve(flags: "Flags") -> None:
    """The first server process loads its code while this one loads its own: half a second less to wait."""
    import asyncio

    from podium.cli.crew import Crew
    from podium.cli.wishes import Wishes

    crew, wishes = Crew(), Wishes()
    crew.enlist(1)
    await asyncio.sleep(0)  # in which it is started

    from podium.cli.supervisor import supervise

    await supervise(crew, flags, wishes)
