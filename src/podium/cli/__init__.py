"""The command line: processes that serve (serve, migrate, simulate), and commands that speak to a server over HTTP.

`command` lists the commands, each in a file of its name; what a command needs is imported when it runs, so that
`--help` is quick. `serve` is the parent of all other processes: `supervisor` runs them, `server` is one of them.
"""


def main() -> None:
    """Run `podium`."""
    from podium.cli.command import app  # the server processes share this folder and need no command line

    app()
