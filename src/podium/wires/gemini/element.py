"""JSON objects out of bytes that come in pieces: the entries of a list as each is complete, or a single document.

Without `alt=sse` Google streams a list, written over many lines, whose entries are the chunks.
"""

import re

_SIGN = re.compile(rb'["\\{}]')


class ElementParser:
    """Gives out each outermost object as soon as it is complete; `inside` while one is not."""

    __slots__ = ("_at", "_depth", "_held", "_limit", "_quoted", "_start", "too_large")

    def __init__(self, limit: int) -> None:
        """`limit`: the most bytes that one object may hold."""
        self._limit = limit
        self._held = bytearray()
        self._at = 0
        self._start = 0
        self._depth = 0
        self._quoted = False
        self.too_large = False

    @property
    def inside(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._depth > 0

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that these bytes complete."""
        held = self._held
        held += data
        elements: list[bytes] = []
        while (found := _SIGN.search(held, self._at)) is not None:
            sign, self._at = found[0], found.end()
            if self._quoted:
                if sign == b"\\":
                    if self._at == len(held):  # what it escapes has not come yet
                        self._at -= 1
                        break
                    self._at += 1
                elif sign == b'"':
                    self._quoted = False
            elif sign == b'"':
                self._quoted = self._depth > 0
            elif sign == b"{":
                self._start = found.start() if self._depth == 0 else self._start
                self._depth += 1
            elif sign == b"}" and self._depth:
                self._depth -= 1
                if self._depth == 0:
                    elements.append(bytes(held[self._start : self._at]))
        else:
            self._at = len(held)
        self._forget()
        return elements

    def _forget(self) -> None:
        """Let go of the bytes that have been read."""
        done = self._start if self._depth else self._at
        del self._held[:done]
        self._at -= done
        self._start = 0
        self.too_large = self.too_large or len(self._held) > self._limit
