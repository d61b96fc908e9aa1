"""Options that several commands share. The environment is read with podium.toml, so that all keep one order."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None, typer.Option(help="Where data lies. [PODIUM_DATA_DIR; your data home]", show_default=False)
]
Config = Annotated[
    Path | None,
    typer.Option(help="The settings file. [PODIUM_CONFIG; ./podium.toml, else that in the data directory]"),
]
Url = Annotated[
    str | None, typer.Option(help="A server elsewhere. [PODIUM_URL; the one of the data directory]")
]
Key = Annotated[
    str | None,
    typer.Option(help="The key to it. [PODIUM_KEY; the operator's, in the data directory]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
