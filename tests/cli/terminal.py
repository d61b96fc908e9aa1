"""A person at a terminal: types into a program's pty, and reads what is on the screen."""

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LONG = 30.0
_STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """The other end of a program's pty. `wait_for` reads on from where the last one ended."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master = master
        self._read_to = 0
        self.process = process
        self.raw = ""

    @property
    def screen(self) -> str:
        """All that was shown, without styles."""
        return _STYLE.sub("", self.raw).replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type a line."""
        self.press(f"{text}\r")

    def press(self, keys: str) -> None:
        """Press keys: `\x03` is Ctrl-C, `\x04` is Ctrl-D."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str, *, within: float = LONG) -> str:
        """What was shown since the last wait, up to and with this text."""
        deadline = time.monotonic() + within
        while (at := self.screen.find(text, self._read_to)) < 0:
            assert self._read(deadline - time.monotonic()), f"never shown: {text!r}\n{self.screen}"
        start, self._read_to = self._read_to, at + len(text)
        return self.screen[start : self._read_to]

    def press_until_end(self, key: str, *, within: float = LONG) -> int:
        """The exit status, of a program that a key ends; the key is pressed again for as long as it has no effect.

        For Ctrl-C at a prompt: the interpreter's `input` does not notice a signal that comes after it has shown the
        prompt and before it waits for a key, and takes it with the next one.
        """
        return self._until_end(lambda: self.press(key), within)

    def signal_until_end(self, number: int, *, within: float = LONG) -> int:
        """The same of a signal from elsewhere."""
        return self._until_end(lambda: self.process.send_signal(number), within)

    def _until_end(self, tell: Callable[[], None], within: float) -> int:
        deadline = time.monotonic() + within
        while self.process.poll() is None and time.monotonic() < deadline:
            tell()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2.0)
        return self.wait_end(within=deadline - time.monotonic())

    def wait_end(self, *, within: float = LONG) -> int:
        """The exit status, when the program has ended."""
        deadline = time.monotonic() + within
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(max(0.0, deadline - time.monotonic()))

    def _read(self, seconds: float) -> bool:
        """Whether more was shown in time."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the program has closed its end
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(
    command: Sequence[str | Path], environment: dict[str, str], directory: Path
) -> Iterator[Terminal]:
    """Run a program in a terminal of 80 columns; it is gone afterwards."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=directory,
        env={**environment, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509  # it calls the kernel once, and takes no lock
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LONG)
            process.kill()
            process.wait()
        os.close(master)


def _take_terminal() -> None:
    """Make the pty the controlling terminal, so that Ctrl-C comes as a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
