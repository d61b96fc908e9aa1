"""The arguments of calls, which this wire has as an object and the vocabulary as characters."""

from msgspec import Raw

from podium.wires.gemini.member import flat
from podium.wires.member import Members, parse, raw


def write_arguments(text: str) -> Raw:
    """The `args` for a call's characters. What is no object stands in one, under `input`."""
    if not text.strip():
        return Raw(b"{}")
    given = Raw(text.encode("utf-8", "replace"))
    if parse(given, Members) is None:
        return raw({"input": text})
    return flat(given)
