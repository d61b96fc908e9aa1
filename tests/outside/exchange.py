"""Recorded exchanges with hosts of the three wires, found by PODIUM_TEST_DATA."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Json = dict[str, Any]
Wire = Literal["openai_chat", "anthropic", "gemini"]

WIRES: tuple[Wire, ...] = ("openai_chat", "anthropic", "gemini")
_APIS: dict[str, Wire] = {
    "openai.chat": "openai_chat",
    "anthropic.messages": "anthropic",
    "gemini.generateContent": "gemini",
    "gemini.streamGenerateContent": "gemini",
}
_KEPT = ("anthropic-beta", "anthropic-version")


@dataclass(frozen=True)
class Reply:
    """What a host answers."""

    status: int
    kind: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def streamed(self) -> bool:
        """Whether the body is a stream: of events, or (Gemini's without `alt=sse`) a list of pieces."""
        return self.body.lstrip()[:1] != b"{"


@dataclass(frozen=True)
class Exchange:
    """One recorded exchange. `streams` is what the request asked for, `framed` how Gemini was to frame it."""

    name: str
    family: str
    wire: Wire
    model: str
    request: Json | None
    headers: tuple[tuple[str, str], ...]
    streams: bool
    framed: bool
    reply: Reply


def folder() -> Path | None:
    """Where the recordings are, or None."""
    root = os.environ.get("PODIUM_TEST_DATA")
    found = Path(root) / "recordings" if root else None
    return found if found is not None and found.is_dir() else None


def exchanges(root: Path) -> Iterator[Exchange]:
    """Every recorded exchange of the three wires, in order of name."""
    for path in sorted(root.glob("[!_]*/*.json")):
        case = json.loads(path.read_bytes())
        for at, entry in enumerate(case["interactions"]):
            if entry["request"]["api"] in _APIS and entry["response"].get("body_text") is not None:
                yield _exchange(f"{path.parent.name}/{path.stem}#{at}", path.parent.name, entry)


def _exchange(name: str, family: str, entry: Json) -> Exchange:
    asked, answered = entry["request"], entry["response"]
    wire = _APIS[asked["api"]]
    body = asked["body"] if isinstance(asked["body"], dict) else None
    model, streams, framed = (body or {}).get("model"), bool((body or {}).get("stream")), True
    if wire == "gemini":
        model, _, action = asked["path"].rpartition("/")[2].rpartition(":")
        streams = action == "streamGenerateContent"
        framed = (asked.get("query") or {}).get("alt") == "sse"
    headers = {key.lower(): value for key, value in answered["headers"].items()}
    text = answered["body_text"].encode()
    return Exchange(
        name=name,
        family=family,
        wire=wire,
        model=model if isinstance(model, str) and model else "m",
        request=body,
        headers=tuple((k.lower(), v) for k, v in asked["headers"].items() if k.lower() in _KEPT),
        streams=streams,
        framed=framed,
        reply=Reply(
            status=answered["status"],
            kind=headers.get("content-type") or _kind_of(text),
            body=text,
            headers=tuple((k, v) for k, v in headers.items() if k.startswith("retry-after")),
        ),
    )


def _kind_of(body: bytes) -> str:
    return "application/json" if body.lstrip()[:1] in (b"{", b"[") else "text/event-stream"
