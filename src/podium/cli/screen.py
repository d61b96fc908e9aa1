"""What a chat shows: answers on standard output, everything about them dimly beside, or on standard error in a pipe."""

import os
import re
import sys

from podium.errors import PodiumError

_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"
# A model may write anything; what would command the terminal is not passed on to it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Screen:
    """Standard output as a terminal, or as a pipe that gets the bare answer."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self._is_styled = (
            self.is_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"
        )
        self._is_mid_line = False
        self._is_dim = False

    def answer(self, text: str) -> None:
        """A piece of what the model says."""
        self._write(text, is_dim=False)

    def aside(self, text: str) -> None:
        """A piece of what it does besides: thinks, calls tools. Nothing of it goes into a pipe."""
        if self.is_terminal:
            self._write(text, is_dim=True)

    def note(self, text: str) -> None:
        """A line about the chat."""
        if self.is_terminal:
            self.end_line()
            self._write(f"{text}\n", is_dim=True)
            self._set_dim(is_dim=False)
        else:
            print(f"podium: {text}", file=sys.stderr)

    def tell(self, error: PodiumError) -> None:
        """What went wrong and what to do."""
        self.end_line()
        print(f"podium: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"        {error.hint}", file=sys.stderr)

    def end_line(self) -> None:
        """Begin what follows on a line of its own."""
        self._set_dim(is_dim=False)
        if self._is_mid_line:
            self._write("\n", is_dim=False)

    def prompt(self) -> str:
        """What stands before the person's words, for readline: what has no width is marked as such."""
        return f"\x01{_BOLD}\x02> \x01{_PLAIN}\x02" if self._is_styled else "> "

    def _write(self, text: str, *, is_dim: bool) -> None:
        if not text:
            return
        self._set_dim(is_dim=is_dim)
        sys.stdout.write(_CONTROL.sub("", text) if self.is_terminal else text)
        sys.stdout.flush()
        self._is_mid_line = not text.endswith("\n")

    def _set_dim(self, *, is_dim: bool) -> None:
        if self._is_styled and is_dim != self._is_dim:
            sys.stdout.write(_DIM if is_dim else _PLAIN)
            sys.stdout.flush()
        self._is_dim = is_dim
