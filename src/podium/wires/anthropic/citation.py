"""Citations of a text block, each kept as it came.

A citation of this wire belongs to its whole block, so `start` and `end` are the block's; the indexes that stand in it
count characters, pages or blocks of the cited document.
"""

from collections.abc import Sequence

from msgspec import Raw

from podium.vocabulary.part import Annotation, Extra
from podium.wires.anthropic.member import NAME
from podium.wires.member import Members, parse, raw


def read_citations(values: Sequence[Raw], text: str) -> tuple[Annotation, ...]:
    """The citations of a block with this text."""
    return tuple(_read(value, len(text)) for value in values)


def write_citation(annotation: Annotation, text: str) -> Raw | None:
    """The citation for an annotation; None where it cites nothing that has an address."""
    if annotation.extra is not None and annotation.extra.wire == NAME:
        return annotation.extra.members.get("citation")
    if annotation.url is None:
        return None
    return raw(
        {
            "type": "web_search_result_location",
            "cited_text": text[annotation.start or 0 : annotation.end],
            "url": annotation.url,
            "title": annotation.title,
            "encrypted_index": "",
        }
    )


def _read(value: Raw, length: int) -> Annotation:
    members = parse(value, Members) or {}
    url = parse(members.get("url"), str) or parse(members.get("source"), str)
    return Annotation(
        kind="url_citation" if url is not None else parse(members.get("type"), str) or "citation",
        url=url,
        title=parse(members.get("title"), str) or parse(members.get("document_title"), str),
        start=0,
        end=length,
        extra=Extra(NAME, {"citation": value}),
    )
