"""The chat's prompt: a person's lines, until they leave."""

import contextlib
import readline
from collections.abc import Callable
from urllib.parse import quote

from podium.cli.own_server import OwnServer
from podium.cli.recent import state_dir
from podium.cli.screen import Screen
from podium.cli.story import tell_story
from podium.cli.talk import Talk
from podium.errors import PodiumError

_MOST_LINES = 1000


def converse(talk: Talk, server: OwnServer, screen: Screen) -> None:
    """Prompt, say, show; until Ctrl-C or Ctrl-D at the prompt, or /quit."""
    person = Person(talk, server, screen)
    person.greet()
    _read_history()
    try:
        while not person.has_left:
            try:
                line = input(screen.prompt())
            except (EOFError, KeyboardInterrupt):
                print()
                return
            person.say(line.strip())
    finally:
        _write_history()


class Person:
    """What a line at the prompt does: a command where it begins with a slash, else a message."""

    def __init__(self, talk: Talk, server: OwnServer, screen: Screen) -> None:
        self._talk = talk
        self._server = server
        self._screen = screen
        self._commands: dict[str, tuple[Callable[[str], None], str]] = {
            "/new": (self._renew, "begin another conversation"),
            "/continue": (self._go_on, "let the model go on where its answer broke off"),
            "/model": (self._choose, "NAME: who answers from now on; without a name: who could"),
            "/explain": (self._explain, "how the last answer came to be, and what it cost"),
            "/help": (self._help, "this"),
            "/quit": (self._leave, "leave; so do Ctrl-D and Ctrl-C"),
        }
        self.has_left = False

    def greet(self) -> None:
        """Say who answers.

        Raises:
            PodiumError: nobody does.
        """
        models = self._server.client().ask("GET", "/v1/models")["data"]
        model = self._talk.model or next((each["id"] for each in models if each["default"]), "No model")
        self._screen.note(f"{model} answers. Ctrl-C stops an answer, Ctrl-D leaves, /help tells more.")

    def say(self, line: str) -> None:
        """Do what a line wants; errors are told, and the chat goes on."""
        try:
            if line.startswith("/") and not line.startswith("//"):
                word, _, rest = line.partition(" ")
                do, _ = self._commands.get(word, (self._strange, ""))
                do(rest.strip())
            elif line:
                self._talk.say(line.removeprefix("/"))
        except PodiumError as error:
            self._screen.tell(error)
        except KeyboardInterrupt:
            self._screen.note("The chat no longer listens; the answer may go on at the server.")

    def _renew(self, _rest: str) -> None:
        self._talk.renew()
        self._screen.note("The next message begins another conversation.")

    def _go_on(self, _rest: str) -> None:
        self._talk.go_on()

    def _choose(self, name: str) -> None:
        client = self._server.client()
        if name:
            client.ask("GET", f"/v1/models/{quote(name)}")
            self._talk.model = name
            self._screen.note(f"{name} answers from now on.")
            return
        for each in client.ask("GET", "/v1/models")["data"]:
            self._screen.note(f"{each['id']}{'  (default)' if each['default'] else ''}")

    def _explain(self, _rest: str) -> None:
        turn = self._talk.last_turn()
        if turn is None:
            self._screen.note("Nothing has been said yet.")
        else:
            self._screen.note(tell_story(self._server.client().ask("GET", f"/v1/turns/{turn}/explain")))

    def _help(self, _rest: str) -> None:
        for word, (_, does) in self._commands.items():
            self._screen.note(f"{word:<10} {does}")
        self._screen.note("//…        say something that begins with a slash")

    def _leave(self, _rest: str) -> None:
        self.has_left = True

    def _strange(self, _rest: str) -> None:
        self._screen.note("There is no such command; /help lists those there are.")


def _read_history() -> None:
    with contextlib.suppress(OSError):
        readline.read_history_file(state_dir() / "history")
    readline.set_history_length(_MOST_LINES)


def _write_history() -> None:
    with contextlib.suppress(OSError):
        state_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
        readline.write_history_file(state_dir() / "history")
