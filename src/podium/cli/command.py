"""Every command of `podium`, in the order in which `--help` lists them."""

from typing import Annotated

import typer

import podium
from podium.cli.chat import Resuming, chat
from podium.cli.doctor import doctor
from podium.cli.explain import explain
from podium.cli.keys import keys
from podium.cli.ledger import ledger
from podium.cli.migrate import migrate
from podium.cli.models import models
from podium.cli.serve import serve
from podium.cli.simulate import simulate


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"podium {podium.__version__}")
        raise typer.Exit


# Help without rich's frames: they cost 300 ms, most of what a person would wait.
app = typer.Typer(
    name="podium",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def podium_(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The server between an application and language models."""


app.command()(serve)
app.command(cls=Resuming)(chat)
app.command()(models)
app.command()(explain)
app.add_typer(keys, name="keys")
app.add_typer(ledger, name="ledger")
app.command()(simulate)
app.command()(migrate)
app.command()(doctor)
