"""What the official SDK makes of bytes, and what an answer says, in one form."""

import base64
import json
import warnings
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from podium.vocabulary.answer import Answer, Choice
from podium.vocabulary.part import Audio, Document, Image, Opaque, Part, Reasoning, Text, ToolCall, Video

Json = dict[str, Any]

_OF_THE_SDK = {"sdk_http_response", "parsed", "automatic_function_calling_history"}


class Host:
    """A host that answers whatever it is asked with the same bytes, and the official client before it."""

    def __init__(self) -> None:
        self.answer = httpx2.Response(500)
        self.client = genai.Client(
            api_key="none",
            http_options=types.HttpOptions(
                base_url="http://host.invalid",
                httpx_client=httpx2.Client(transport=httpx2.MockTransport(lambda request: self.answer)),
            ),
        )

    def answering(self, body: bytes, *, status: int = 200, stream: bool = False) -> Any:
        kind = "text/event-stream" if stream else "application/json"
        self.answer = httpx2.Response(status, content=body, headers={"content-type": kind})
        return self.client.models


_host = cache(Host)


def sdk_chunks(body: bytes) -> list[Json]:
    """The chunks of a stream that the SDK gives its user."""
    models = _host().answering(body, stream=True)
    try:
        return [_dumped(chunk) for chunk in models.generate_content_stream(model="m", contents="hi")]
    except AttributeError:  # it cannot read enumerations told by number, as a host of Vertex AI does if asked
        frames = body.replace(b"\r\n", b"\n").split(b"\n\n")
        return [json.loads(frame.removeprefix(b"data: ")) for frame in frames if frame]


def sdk_document(body: bytes) -> Json:
    """The answer that the SDK gives its user."""
    try:
        return _dumped(_host().answering(body).generate_content(model="m", contents="hi"))
    except AttributeError:  # the same
        document: Json = json.loads(body)
        return document


def sdk_error(body: bytes, status: int) -> tuple[type, Any, Any, Any]:
    """The class, code, status word and message of the error that the SDK raises."""
    try:
        _host().answering(body, status=status).generate_content(model="m", contents="hi")
    except errors.APIError as error:
        return type(error), error.code, error.status, error.message
    raise AssertionError(f"the SDK takes status {status} for an answer")


def _dumped(response: types.GenerateContentResponse) -> Json:
    with warnings.catch_warnings(action="ignore"):  # of enumerations that the SDK does not know
        dumped: Json = response.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_OF_THE_SDK)
    return dumped


# ── what an answer says, in one form ────────────────────────────────────────────────────────────────────────────────


def facts_of(chunks: Iterable[Json]) -> Json:
    """What chunks say in all: texts put together, signatures by their bytes, else the last word."""
    facts: Json = {}
    candidates: dict[int, Json] = {}
    for chunk in chunks:
        facts.update(
            {name: value for name, value in chunk.items() if name not in ("candidates", "usageMetadata")}
        )
        facts["usage"] = chunk.get("usageMetadata") or facts.get("usage")
        for at, entry in enumerate(chunk.get("candidates") or ()):
            candidate = candidates.setdefault(entry.get("index") or at, {"said": []})
            for part in (entry.get("content") or {}).get("parts") or ():
                _add(candidate["said"], part)
            candidate.update({k: v for k, v in entry.items() if k not in ("content", "index")})
    return {**facts, "candidates": [candidates[index] for index in sorted(candidates)]}


def _add(said: list[Any], part: Json) -> None:
    part = dict(part)
    signature = part.pop("thoughtSignature", None)
    text = part.get("text")
    if text is not None and part.keys() <= {"text", "thought"}:
        kind = "thought" if part.get("thought") else "text"
        if said and said[-1][0] == kind:
            said[-1] = (kind, said[-1][1] + text)
        elif text:
            said.append((kind, text))
    elif part and part != {"thought": True}:
        said.append(("part", canonical(part)))
    if signature:
        said.append(("signature", _bytes(signature).hex()))


def canonical(part: Json) -> Json:
    """A part with its bytes in the usual alphabet."""
    inline = part.get("inlineData")
    if inline and "data" in inline:
        return {**part, "inlineData": {**inline, "data": base64.b64encode(_bytes(inline["data"])).decode()}}
    return part


def _bytes(text: str) -> bytes:
    standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(standard + "=" * (-len(standard) % 4))


def facts_of_answer(answer: Answer) -> list[list[Any]]:
    """What each candidate of an answer in the vocabulary says, in the same form."""
    return [_said(choice) for choice in answer.choices if choice.parts or choice.finish]


def _said(choice: Choice) -> list[Any]:
    said: list[Any] = []
    for part in choice.parts:
        for each in _as_json(part):
            _add(said, each)
    return said


def _as_json(part: Part) -> Iterable[Json]:
    match part:
        case Text():
            yield {"text": part.text}
        case Reasoning():
            seal = {"thoughtSignature": part.signature.value} if part.signature else {}
            yield {"text": part.text, "thought": True, **seal} if part.text else {"thought": True, **seal}
        case ToolCall():
            call: Json = {"name": part.name, "args": json.loads(part.arguments)}
            if part.extra is None or "idless" not in part.extra.members:
                call["id"] = part.id
            yield {"functionCall": call}
            if part.signature:
                yield {"thoughtSignature": part.signature.value}
        case Image() | Audio() | Video() | Document():
            inner = {"mimeType": part.media.media_type, "data": part.media.value}
            yield {"inlineData": inner}
        case Opaque():
            yield json.loads(bytes(part.value))
        case _:
            raise AssertionError(f"{type(part).__name__} is nothing that this host says")
