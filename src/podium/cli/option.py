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
