"""The chunk that repeats: hosts send thousands that differ in one string only.

What stood before and after the text in the last chunk is kept; the next one that begins and ends just so, with nothing
between that JSON writes otherwise than it means it, is read by cutting. Anything else is parsed.
"""

import msgspec

_encode = msgspec.json.Encoder().encode


class Repeat:
    """The frame of the last chunk of plain text; none until one was seen."""

    __slots__ = ("_after", "_before", "_between", "_length")

    def __init__(self) -> None:
        self._before = self._between = self._after = b""
        self._length = 0

    def learn(self, data: bytes, text: str) -> None:
        """Keep the frame of `data`, one whole event whose text is `text`."""
        before, found, after = data.partition(b'"content":' + _encode(text))
        if found and data.startswith(b"data:") and data.endswith(b"\n\n") and data.count(b"\n") == 2:
            self._before, self._after = before + b'"content":"', b'"' + after
            self._between = self._after + self._before
            self._length = len(self._before) + len(self._after)

    def forget(self) -> None:
        """Something else came."""
        self._length = 0

    def cut(self, data: bytes) -> list[str] | None:
        """The texts of one or more chunks in the same frame; None if anything of it has to be parsed."""
        if not self._length or len(data) <= self._length:
            return None
        if not (data.startswith(self._before) and data.endswith(self._after)):
            return None
        texts: list[str] = []
        try:
            for piece in data[len(self._before) : -len(self._after)].split(self._between):
                text = piece.decode()
                if not text.isprintable() or '"' in text or "\\" in text or not text:
                    return None  # there is no text, or JSON does not write it as it is
                texts.append(text)
        except UnicodeDecodeError:
            return None
        return texts
