"""Gemini's generateContent, read by the official `google-genai` SDK; members that it does not know by their JSON."""

import base64
import json
import warnings
from functools import cache
from typing import Any

from google import genai
from google.genai import errors, types

from tests.outside.exchange import Json
from tests.outside.heard import Canned, Heard, frames, without_nothing

_OURS = ("modelVersion", "responseId")


class _Sdk:
    def __init__(self) -> None:
        self.canned = Canned()
        options = types.HttpOptions(base_url="http://host.invalid", httpx_client=self.canned.http)
        self.client = genai.Client(api_key="none", http_options=options)


_sdk = cache(_Sdk)


def read(body: bytes, status: int = 200, *, streamed: bool | None = None) -> Heard:
    """What the SDK makes of an answer; a list of pieces, which the SDK never asks for, is read as JSON."""
    first = body.lstrip()[:1]
    streamed = first != b"{" if streamed is None else streamed
    sdk, heard = _sdk(), Heard()
    chunks: list[Json] = []
    if first == b"[":
        chunks = json.loads(body)
        heard.error = next((("", each["error"]["message"]) for each in chunks if "error" in each), None)
        chunks = [each for each in chunks if "error" not in each]
    else:
        sdk.canned.put(status, body, stream=streamed)
        try:
            with warnings.catch_warnings(action="ignore"):  # of enumerations that the SDK does not know
                _listen(sdk.client, stream=streamed and status == 200)
        except errors.APIError as error:
            heard.error = (type(error).__name__, str(error.message))
        except (
            AttributeError
        ):  # it cannot read enumerations told by number, as a host of Vertex AI does if asked
            pass
        if status == 200:
            chunks = frames(body) if streamed else [json.loads(body)]
            chunks = [each for each in chunks if "error" not in each]
    heard.whole = merged(chunks)
    candidates = heard.whole.get("candidates") or ()
    blocked = (heard.whole.get("promptFeedback") or {}).get("blockReason")
    heard.ended = all("finishReason" in each for each in candidates) if candidates else bool(blocked)
    return heard


def _listen(client: genai.Client, *, stream: bool) -> None:
    if stream:
        for _chunk in client.models.generate_content_stream(model="m", contents="hi"):
            pass
    else:
        client.models.generate_content(model="m", contents="hi")


def merged(chunks: list[Json]) -> Json:
    """What chunks say in all: texts put together, signatures by their bytes, else the last word."""
    whole: Json = {}
    candidates: dict[int, Json] = {}
    for chunk in without_nothing(chunks):
        for at, entry in enumerate(chunk.get("candidates") or ()):
            candidate = candidates.setdefault(entry.get("index", at), {"parts": []})
            for part in (entry.get("content") or {}).get("parts") or ():
                _add(candidate["parts"], part)
            candidate.update({k: v for k, v in entry.items() if k not in ("content", "index")})
        whole.update({k: v for k, v in chunk.items() if k not in (*_OURS, "candidates")})
    whole["candidates"] = [candidates[index] for index in sorted(candidates)]
    return whole


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
        said.append(("part", _canonical(part)))
    if signature:
        said.append(("signature", _bytes(signature).hex()))


def _canonical(part: Json) -> Json:
    """A part with its bytes in the usual alphabet."""
    inline = part.get("inlineData")
    if inline and "data" in inline:
        return {**part, "inlineData": {**inline, "data": base64.b64encode(_bytes(inline["data"])).decode()}}
    return part


def _bytes(text: str) -> bytes:
    standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(standard + "=" * (-len(standard) % 4))
