"""The size of a picture, read from the first bytes of its file.

Formats: PNG https://www.w3.org/TR/png-3/#11IHDR, GIF https://www.w3.org/Graphics/GIF/spec-gif89a.txt (§18),
JPEG ITU-T T.81 §B.2.2, WebP https://developers.google.com/speed/webp/docs/riff_container.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from struct import unpack_from

_HEADS = (1 << 12, 1 << 18)
"""As much base64 as is looked into, at first and at most: a JPEG may carry previews and profiles before its size."""

_SIZED = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of a frame, which tells the size."""

_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
"""JPEG's markers without a length after them."""


@dataclass(frozen=True, slots=True)
class Size:
    """In pixels."""

    width: int
    height: int


def size_of(content: str) -> Size | None:
    """The size of a picture in base64; None where it is no PNG, GIF, JPEG or WebP, or its head is broken."""
    for length in _HEADS:
        head = content[: min(length, len(content) // 4 * 4)]
        try:
            size = _read(base64.b64decode(head))
        except (binascii.Error, ValueError, struct.error):
            continue
        if size is not None:
            return size if size.width > 0 and size.height > 0 else None
    return None


def _read(data: bytes) -> Size | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Size(*unpack_from(">II", data, 16))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Size(*unpack_from("<HH", data, 6))
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return None


def _jpeg(data: bytes) -> Size | None:
    """The size in the first frame's header, behind any number of other segments."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _SIZED:
            height, width = unpack_from(">HH", data, at + 5)
            return Size(width, height)
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + int(unpack_from(">H", data, at + 2)[0])
    return None


def _webp(data: bytes) -> Size | None:
    """Lossy, lossless and extended files each say it in their own way."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = unpack_from("<HH", data, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        wide, high = data[24:27], data[27:30]
        if len(high) < 3:
            return None
        return Size(int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1)
    return None
