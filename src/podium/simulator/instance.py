"""A JSON value that fits a JSON schema: always the same one, as plain as the schema allows."""

from collections.abc import Mapping

_DEEP = 8
"""Beyond this depth optional members are left out, so that recursive schemas end."""

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

Schema = Mapping[str, object]


def instance(schema: object, *, text: str = "text") -> object:
    """A value that fits `schema`; strings say `text` where they may. Patterns are not understood."""
    root = schema if isinstance(schema, Mapping) else {}
    return _Maker(root, text).make(root, 0)


class _Maker:
    def __init__(self, root: Schema, text: str) -> None:
        self._root = root
        self._text = text

    def make(self, schema: object, depth: int) -> object:
        if not isinstance(schema, Mapping):
            return None if schema is False else self._text
        schema = self._whole(schema)
        for word in ("const", "default"):
            if word in schema:
                return schema[word]
        if isinstance(choices := schema.get("enum") or schema.get("examples"), list) and choices:
            return choices[0]
        if isinstance(choices := schema.get("anyOf") or schema.get("oneOf"), list) and choices:
            return self.make({**_without_choice(schema), **self._choose(choices, depth)}, depth)
        return self._of_type(schema, depth)

    def _whole(self, schema: Schema) -> Schema:
        """The schema with its reference and its `allOf` put in."""
        seen = 0
        while "$ref" in schema and seen < _DEEP:
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            schema, seen = {**self._at(str(schema["$ref"])), **rest}, seen + 1
        parts = schema.get("allOf")
        if isinstance(parts, list):
            merged: dict[str, object] = {name: value for name, value in schema.items() if name != "allOf"}
            for part in parts:
                merged = _merged(merged, self._whole(part) if isinstance(part, Mapping) else {})
            return merged
        return schema

    def _at(self, pointer: str) -> Schema:
        found: object = self._root
        for step in pointer.lstrip("#").strip("/").split("/") if pointer.strip("#/") else ():
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    def _choose(self, choices: list[object], depth: int) -> Schema:
        whole = [self._whole(each) for each in choices if isinstance(each, Mapping)]
        if depth >= _DEEP:  # the way out of a recursion is a choice that is no object and no array
            whole.sort(key=lambda each: _kind(each) in ("object", "array"))
        return whole[0] if whole else {}

    def _of_type(self, schema: Schema, depth: int) -> object:
        match _kind(schema):
            case "object":
                made: object = self._object(schema, depth)
            case "array":
                made = self._array(schema, depth)
            case "integer":
                made = int(_number(schema, whole=True))
            case "number":
                made = _number(schema, whole=False)
            case "boolean" | "null" as kind:
                made = True if kind == "boolean" else None
            case _:
                made = self._string(schema)
        return made

    def _object(self, schema: Schema, depth: int) -> dict[str, object]:
        members = schema.get("properties")
        required = schema.get("required")
        needed = required if isinstance(required, list) else []
        known = members if isinstance(members, Mapping) else {}
        names = [*known, *(name for name in needed if name not in known)]
        return {
            str(name): self.make(known.get(name, {}), depth + 1)
            for name in names
            if depth < _DEEP or name in needed
        }

    def _array(self, schema: Schema, depth: int) -> list[object]:
        first = schema.get("prefixItems")
        made = [self.make(each, depth + 1) for each in first] if isinstance(first, list) else []
        least = _bound(schema, "minItems", 0 if depth >= _DEEP else 1)
        most = _bound(schema, "maxItems", max(least, 1))
        items = schema.get("items", {})
        if items is False or depth > 4 * _DEEP:
            return made
        while len(made) < min(least, most):
            made.append(self.make(items, depth + 1))
        return made

    def _string(self, schema: Schema) -> str:
        text = _FORMATS.get(str(schema.get("format")), self._text)
        text = text.ljust(_bound(schema, "minLength", 0), ".")
        return text[: _bound(schema, "maxLength", len(text))]


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind is None:
        kind = next(
            (kind for word, kind in (("properties", "object"), ("items", "array")) if word in schema),
            "string",
        )
    return str(kind)


def _without_choice(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}


def _merged(one: Schema, other: Schema) -> dict[str, object]:
    merged = {**one, **other}
    for word in ("properties", "required"):
        first, second = one.get(word), other.get(word)
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            merged[word] = {**first, **second}
        elif isinstance(first, list) and isinstance(second, list):
            merged[word] = [*first, *second]
    return merged


def _bound(schema: Schema, word: str, otherwise: int) -> int:
    value = schema.get(word)
    return value if isinstance(value, int) else otherwise


def _number(schema: Schema, *, whole: bool) -> float:
    """Between two bounds the middle, else the one bound, else 1; a multiple where one is asked for."""
    step = schema.get("multipleOf", 1 if whole else 0)
    size = step if isinstance(step, int | float) and step > 0 else 0
    nudge = 1 if whole else 0.5
    low = _edge(schema, {"minimum": 0, "exclusiveMinimum": nudge})
    high = _edge(schema, {"maximum": 0, "exclusiveMaximum": -nudge})
    if low is None and high is None:
        return size or 1.0
    if low is not None and high is not None and not size:
        return (
            (low if "minimum" in schema else low - nudge) + (high if "maximum" in schema else high + nudge)
        ) / 2
    if low is not None:
        return -(-low // size) * size if size else low
    return (high or 0.0) // size * size if size else high or 0.0


def _edge(schema: Schema, words: Mapping[str, float]) -> float | None:
    """The bound that one of these words sets, moved inwards by what stands beside it."""
    for word, nudge in words.items():
        bound = schema.get(word)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            return bound + nudge
    return None
