"""Every way to put an id into every route of an OpenAPI document."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

Json = Any
Schema = dict[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")
_USUAL_HEADERS = ("Idempotency-Key", "Last-Event-ID", "x-podium-tenant")
_DEEPEST = 4
_SOME_UUID = "0a1b2c3d-0000-4000-8000-00000000abcd"


@dataclass(frozen=True)
class Request:
    """A request in which `{mark}` stands for an id, and `{own:name}` for the caller's own in a path."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Json = None
    place: str = ""

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.place})"


MARK = "{mark}"


class Document:
    """An OpenAPI document, walked."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def requests(self) -> Iterator[Request]:
        """Every operation with the mark in each place where a caller may put an id, one at a time."""
        for path, item in self._document["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield from self._of_operation(method.upper(), path, item[method])

    def _of_operation(self, method: str, path: str, operation: Schema) -> Iterator[Request]:
        body = self._body(operation)
        sample = None if body is None else self._sample(body)
        parameters = [self._resolved(each) for each in operation.get("parameters", [])]
        own = path.replace("{", "{own:")
        query = {
            each["name"]: str(self._sample(each["schema"]))
            for each in parameters
            if each["in"] == "query" and each.get("required")
        }
        for each in parameters:
            if each["in"] == "path":
                marked = own.replace("{own:" + each["name"] + "}", MARK)
                yield Request(method, marked, query, body=sample, place=f"path {each['name']}")
            elif each["in"] == "query":
                changed = {**query, each["name"]: MARK}
                yield Request(method, own, changed, body=sample, place=f"query {each['name']}")
        declared = [each["name"] for each in parameters if each["in"] == "header"]
        for header in dict.fromkeys((*declared, *_USUAL_HEADERS)):
            yield Request(method, own, query, {header: MARK}, sample, f"header {header}")
        if body is not None:
            for place, marked in self._marked(body, sample, _DEEPEST):
                yield Request(method, own, query, body=marked, place=f"body {place}")

    def _body(self, operation: Schema) -> Schema | None:
        content = operation.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if "application/json" in content else None

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Json = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _choices(self, schema: Schema) -> list[Schema]:
        schema = self._resolved(schema)
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                return [choice for each in schema[word] for choice in self._choices(each)]
        return [schema]

    def _sample(self, schema: Schema) -> Json:
        """The least value that fits."""
        schema = self._choices(schema)[0]
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        kind = schema.get("type", "string")
        match kind if isinstance(kind, str) else kind[0]:
            case "object":
                properties = schema.get("properties", {})
                return {name: self._sample(properties.get(name, {})) for name in schema.get("required", [])}
            case "array":
                return [self._sample(schema.get("items", {}))] * schema.get("minItems", 0)
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return False
        text = _SOME_UUID if schema.get("format") == "uuid" else "text"
        return None if kind == "null" else text

    def _marked(self, schema: Schema, sample: Json, depth: int) -> Iterator[tuple[str, Json]]:
        """The sample with the mark in each place that takes text, and where the place is."""
        for choice in self._choices(schema) if depth else []:
            kinds = choice.get("type", "string")
            kinds = [kinds] if isinstance(kinds, str) else kinds
            if "string" in kinds and "enum" not in choice and "const" not in choice:
                yield "", MARK
            if "object" in kinds:
                yield from self._marked_members(choice, sample, depth)
            if "array" in kinds and "items" in choice:
                for place, marked in self._marked(choice["items"], self._sample(choice["items"]), depth - 1):
                    yield f"[0]{place}", [marked]

    def _marked_members(self, schema: Schema, sample: Json, depth: int) -> Iterator[tuple[str, Json]]:
        sample = sample if isinstance(sample, dict) else self._sample(schema)
        for name, member in schema.get("properties", {}).items():
            for place, marked in self._marked(member, sample.get(name), depth - 1):
                yield f".{name}{place}", {**sample, name: marked}
        if depth == _DEEPEST or "properties" not in schema:
            yield ".*", {**sample, "conversation_id": MARK}
