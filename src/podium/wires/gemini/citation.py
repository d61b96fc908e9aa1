"""What a text rests on: `groundingMetadata` and `citationMetadata` into annotations, and annotations back.

Source: https://ai.google.dev/api/generate-content#GroundingMetadata. Places are counted there in bytes of UTF-8, within
one part; in annotations in characters.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Raw

from podium.vocabulary.part import Annotation, Extra, Text
from podium.wires.gemini.member import NAME
from podium.wires.member import parse, raw

_OWN = Extra(NAME, {})
"""Marks an annotation whose source travels beside it, as the host sent it."""

_Object = dict[str, Any]


def read_citations(
    grounding: Raw | None, citations: Raw | None, texts: Mapping[int, str]
) -> dict[int, tuple[Annotation, ...]]:
    """The annotations of each text part, by its index."""
    found: dict[int, list[Annotation]] = {}
    if not texts:
        return {}
    for index, annotation in (*_grounded(grounding, texts), *_cited(citations, texts)):
        found.setdefault(index, []).append(annotation)
    return {index: tuple(annotations) for index, annotations in found.items()}


def _grounded(value: Raw | None, texts: Mapping[int, str]) -> list[tuple[int, Annotation]]:
    metadata = parse(value, _Object) or {}
    chunks = [_source(chunk) for chunk in _objects(metadata, "groundingChunks")]
    last = max(texts)
    supports = _objects(metadata, "groundingSupports")
    if not supports:
        return [(last, _annotation(uri, title)) for uri, title in chunks if uri]
    found: list[tuple[int, Annotation]] = []
    for support in supports:
        index, start, end = _place(support.get("segment"), texts)
        found.extend(
            (index, _annotation(*chunks[at], start, end))
            for at in support.get("groundingChunkIndices") or ()
            if isinstance(at, int) and 0 <= at < len(chunks) and any(chunks[at])
        )
    return found


def _cited(value: Raw | None, texts: Mapping[int, str]) -> list[tuple[int, Annotation]]:
    metadata = parse(value, _Object) or {}
    found = []
    for source in (*_objects(metadata, "citationSources"), *_objects(metadata, "citations")):
        uri, title = source.get("uri"), source.get("title")
        if isinstance(uri, str):
            index, start, end = _place(source, texts)
            found.append((index, _annotation(uri, title if isinstance(title, str) else None, start, end)))
    return found


def _objects(of: _Object, name: str) -> list[_Object]:
    value = of.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _source(chunk: _Object) -> tuple[str | None, str | None]:
    """Address and title of what was found, on the web or in a store of documents."""
    for kind in ("web", "retrievedContext", "maps"):
        found = chunk.get(kind)
        if isinstance(found, dict):
            uri, title = found.get("uri"), found.get("title")
            return uri if isinstance(uri, str) else None, title if isinstance(title, str) else None
    return None, None


def _annotation(
    uri: str | None, title: str | None, start: int | None = None, end: int | None = None
) -> Annotation:
    kind = "file_citation" if uri is None else "url_citation"
    return Annotation(kind, url=uri, title=title, start=start, end=end, extra=_OWN)


def _place(segment: object, texts: Mapping[int, str]) -> tuple[int, int | None, int | None]:
    """The part and the characters that a segment means; no characters where it fits none."""
    last = max(texts)
    if not isinstance(segment, dict):
        return last, None, None
    start, end, said = segment.get("startIndex", 0), segment.get("endIndex"), segment.get("text")
    if not isinstance(start, int) or not isinstance(end, int):
        return last, None, None
    for index, text in texts.items():
        data = text.encode("utf-8", "replace")
        cut = data[start:end].decode("utf-8", "ignore")
        if end <= len(data) and (said is None or cut == said):
            before = len(data[:start].decode("utf-8", "ignore"))
            return index, before, before + len(cut)
    for index, text in texts.items():  # a place that is counted otherwise is found by its words
        if isinstance(said, str) and said and (before := text.find(said)) >= 0:
            return index, before, before + len(said)
    return last, None, None


def write_citations(texts: Sequence[Text]) -> Raw | None:
    """The `groundingMetadata` for other hosts' annotations; None where there are none."""
    chunks: list[_Object] = []
    supports: list[_Object] = []
    for text in texts:
        for each in text.annotations:
            if each.url is None or (each.extra is not None and each.extra.wire == NAME):
                continue
            chunks.append({"web": {"uri": each.url, "title": each.title or each.url}})
            if each.start is not None and each.end is not None:
                segment = {
                    "startIndex": len(text.text[: each.start].encode()),
                    "endIndex": len(text.text[: each.end].encode()),
                    "text": text.text[each.start : each.end],
                }
                supports.append({"segment": segment, "groundingChunkIndices": [len(chunks) - 1]})
    return raw({"groundingChunks": chunks, "groundingSupports": supports}) if chunks else None
