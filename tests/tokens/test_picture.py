"""Pictures cost what their hosts publish, by the size that stands in their files."""

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.catalogue.profile import Profile
from podium.tokens.count import ceiling, count_request
from podium.tokens.family import FAMILIES, family_of
from podium.tokens.picture import Size, size_of
from podium.vocabulary.part import Image, Media, Text
from podium.vocabulary.request import Line, Request


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0)


def jpeg(width: int, height: int, *, profile: int = 0) -> bytes:
    """With a profile of so many bytes, in segments, before its size."""
    segments = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    for at in range(0, profile, 60_000):
        many = min(60_000, profile - at)
        segments += b"\xff\xe2" + struct.pack(">H", many + 2) + b"\xff" * many
    return (
        b"\xff\xd8" + segments + b"\xff\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    )


def webp_lossy(width: int, height: int) -> bytes:
    return b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\x30\x01\0\x9d\x01\x2a" + struct.pack("<HH", width, height)


def webp_lossless(width: int, height: int) -> bytes:
    return b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)


def webp_extended(width: int, height: int) -> bytes:
    sides = (side.to_bytes(3, "little") for side in (width - 1, height - 1))
    return b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"".join(sides)


FORMATS = [png, gif, jpeg, webp_lossy, webp_lossless, webp_extended]


def encoded(data: bytes) -> str:
    return base64.b64encode(data + bytes(-len(data) % 3)).decode()


@pytest.mark.parametrize("written", FORMATS, ids=lambda each: each.__name__)
@given(st.integers(1, 16_000), st.integers(1, 16_000))
def test_the_size_is_read_from_every_format(written: object, width: int, height: int) -> None:
    assert callable(written)
    assert size_of(encoded(written(width, height))) == Size(width, height)


def test_the_size_is_found_behind_a_long_colour_profile() -> None:
    assert size_of(encoded(jpeg(640, 480, profile=150_000))) == Size(640, 480)


@given(st.one_of(st.text(), st.binary().map(encoded)))
def test_what_is_no_picture_has_no_size(content: str) -> None:
    assert size_of(content) is None


@given(st.sampled_from(FORMATS), st.integers(0, 60))
def test_a_head_cut_short_has_no_size_or_the_right_one(written: object, cut: int) -> None:
    assert callable(written)
    assert size_of(base64.b64encode(written(640, 480)[:cut]).decode()) in (None, Size(640, 480))


@pytest.mark.parametrize(
    ("model", "size", "detail", "tokens"),
    [  # the examples that the hosts publish
        ("gpt-4o", Size(1024, 1024), "high", 765),
        ("gpt-4o", Size(2048, 4096), None, 1105),
        ("gpt-4o", Size(4096, 8192), "low", 85),
        ("gpt-4o-mini", Size(512, 512), None, 8_500),
        ("gpt-4.1-mini", Size(1024, 1024), None, 1_659),
        ("claude-sonnet-4-5", Size(200, 200), None, 64),
        ("claude-sonnet-4-5", Size(1000, 1000), None, 1_296),
        ("claude-sonnet-4-5", Size(4000, 4000), None, 1_568),
        ("claude-opus-4-7", Size(4000, 4000), None, 4_784),
        ("gemini-2.5-flash", Size(300, 300), None, 258),
        ("gemini-3-flash-preview", Size(300, 300), None, 1_120),
    ],
)
def test_a_picture_costs_what_its_host_publishes(
    model: str, size: Size, detail: str | None, tokens: int
) -> None:
    assert family_of(model).pictures.tokens(size, detail)[0] == tokens


@given(st.sampled_from([model for model, _ in FAMILIES]), st.integers(1, 20_000), st.integers(1, 20_000))
def test_no_picture_costs_more_than_its_familys_costliest(model: str, width: int, height: int) -> None:
    pictures = dict(FAMILIES)[model].pictures
    likely, most = pictures.tokens(Size(width, height), None)
    assert 0 < likely <= most <= pictures.most
    assert pictures.tokens(None, None)[1] == pictures.most


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "llama-9"])
async def test_a_picture_counts_by_its_size_not_by_its_bytes(model: str) -> None:
    def asked(data: str, kind: str = "inline") -> Request:
        picture = Image(Media("inline" if kind == "inline" else "url", data, "image/png"))
        return Request(model, (Line("user", (Text("What is it?"), picture)),))

    profile = Profile("host", model)
    small = await count_request(asked(encoded(png(100, 100))), profile)
    heavy = await count_request(asked(encoded(png(100, 100) + bytes(900_000))), profile)
    unseen = await count_request(asked("https://example.org/a.png", "url"), profile)
    assert small == heavy
    assert small.method == "estimate"
    assert small.ceiling <= unseen.ceiling <= 10_000
    assert ceiling(asked(encoded(png(100, 100) + bytes(900_000))), profile) <= 10_000
