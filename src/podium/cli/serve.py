"""`podium serve`: everything that one machine needs, from one command."""

from typing import Annotated

import typer

from podium.cli.option import Config, DataDir


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
    import os
    from pathlib import Path

    from podium.cli.logs import log_plainly
    from podium.cli.supervisor import supervise
    from podium.cli.told import told
    from podium.config.load import load

    flags = {"host": host, "port": port, "data_dir": data_dir, "config": config, "workers": workers}
    with told():
        settings = load(flags, os.environ, Path.cwd())
        log_plainly(settings.server)
        asyncio.run(supervise(settings))
