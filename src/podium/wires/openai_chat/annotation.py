"""Citations beside a text: `{"type": "url_citation", "url_citation": {"start_index", "end_index", "title", "url"}}`."""

from collections.abc import Sequence

from msgspec import Raw

from podium.vocabulary.part import Annotation
from podium.wires.openai_chat.member import Members, extra_of, level, parse, raw

_OUTER = frozenset({"type", "url_citation", "index"})
_INNER = frozenset({"start_index", "end_index", "title", "url"})


def read_annotations(values: Sequence[Raw], *, before: int = 0) -> tuple[Annotation, ...]:
    """Each entry as an annotation; one of another shape keeps its members.

    They count characters of all text; those of the part that they are to stand with begin after `before`.
    """
    return tuple(_read(parse(value, Members) or {}, before) for value in values)


def write_annotation(annotation: Annotation, at: int | None = None, *, before: int = 0) -> Raw:
    """The entry for an annotation; `at` is its index in a streamed list, whose entries must have one.

    This dialect has one text for all text parts: `before` is how many characters of it stand before the part's.
    """
    members: Members = {"type": raw(annotation.kind)}
    if at is not None:
        members["index"] = raw(at)
    members.update(level(annotation.extra, "part"))
    inner: Members = {}
    for name, value in (
        ("start_index", None if annotation.start is None else before + annotation.start),
        ("end_index", None if annotation.end is None else before + annotation.end),
        ("title", annotation.title),
        ("url", annotation.url),
    ):
        if value is not None:
            inner[name] = raw(value)
    inner.update(level(annotation.extra, "function"))
    if inner:
        members["url_citation"] = raw(inner)
    return raw(members)


def _read(members: Members, before: int) -> Annotation:
    inner = parse(members.get("url_citation"), Members) or {}
    start, end = parse(inner.get("start_index"), int), parse(inner.get("end_index"), int)
    is_here = start is not None and start >= before
    kept = _INNER if is_here else _INNER - {"start_index", "end_index"}
    return Annotation(
        kind=parse(members.get("type"), str) or "url_citation",
        url=parse(inner.get("url"), str),
        title=parse(inner.get("title"), str),
        start=start - before if is_here and start is not None else None,
        end=end - before if is_here and end is not None else None,
        extra=extra_of(
            part={name: value for name, value in members.items() if name not in _OUTER},
            function={name: value for name, value in inner.items() if name not in kept},
        ),
    )
