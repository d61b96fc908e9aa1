"""What the operator wishes, by signals."""

import asyncio
import signal


class Wishes:
    """What the operator wants: the first Ctrl-C or SIGTERM asks to stop, the second to stop at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._hear)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which is how nohup says it
            loop.add_signal_handler(signal.SIGHUP, self._hear)

    def _hear(self) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()
