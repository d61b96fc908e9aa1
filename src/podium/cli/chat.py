"""`podium chat`: talk to a model from the terminal, or through a pipe."""

from typing import Annotated

import typer
from typer.core import TyperCommand
from typing_extensions import override

from podium.cli.option import DataDir, Key, Url


class Resuming(TyperCommand):
    """A command whose option `--resume` needs no value: click would take any word after it for one."""

    @override
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # its name is private
        """Read the command line."""
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, _resuming(args[:end]) + args[end:])


def _resuming(words: list[str]) -> list[str]:
    """`--resume conv_…` as `--resume=conv_…`, and before any other word, or none, as `--resume=`."""
    told = list(words)
    for at in reversed(range(len(told))):
        if told[at] == "--resume":
            named = [word for word in told[at + 1 : at + 2] if word.startswith("conv_")]
            told[at : at + 1 + len(named)] = [f"--resume={''.join(named)}"]
    return told


def chat(  # noqa: PLR0913, PLR0917  # the options of a command
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to say; what comes through a pipe is added to it. Without either: at the prompt."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Who answers. [the conversation's; the default]")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="[ID]", help="Go on with the last conversation, or with the one of this id."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin another conversation.")] = False,
    url: Url = None,
    key: Key = None,
    data_dir: DataDir = None,
) -> None:
    """Talk to a model. At the prompt the last conversation goes on; a question from outside begins its own.

    Where no server answers, one is started for as long as the chat lasts.
    """
    import signal
    import sys

    from podium.cli.converse import converse
    from podium.cli.own_server import OwnServer
    from podium.cli.screen import Screen
    from podium.cli.talk import Talk
    from podium.cli.target import find_target
    from podium.cli.told import told

    def leave(*_: object) -> None:
        for number in ending:
            signal.signal(number, signal.SIG_IGN)  # so that a server of our own is stopped in peace
        sys.exit(1)

    ending = (signal.SIGTERM, signal.SIGHUP)
    for number in ending:
        signal.signal(number, leave)
    with told():
        target, screen = find_target(url, key, data_dir), Screen()
        question = _question(" ".join(words or ()))
        with OwnServer(target, screen.note) as server:
            talk = Talk(server, screen, target=target.name, model=model)
            if resume is not None or (question is None and not new):
                talk.resume(resume or None)
            if question is None:
                converse(talk, server, screen)
            elif not talk.say(question):
                sys.exit(1)


def _question(words: str) -> str | None:
    """What is to be said from outside: the words of the command line, then what comes through a pipe.

    Raises:
        InvalidRequest: there is a pipe, and nothing comes.
    """
    import sys

    from podium.errors import InvalidRequest

    if sys.stdin is not None and sys.stdin.isatty():
        return words or None
    piped = sys.stdin.buffer.read().decode(errors="replace").strip() if sys.stdin is not None else ""
    question = "\n\n".join(filter(None, (words, piped)))
    if not question:
        raise InvalidRequest("There is nothing to say.", hint='Try: echo "Hello" | podium chat')
    return question
