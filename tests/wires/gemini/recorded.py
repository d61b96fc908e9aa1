"""Recorded exchanges with Gemini and Vertex AI, found by PODIUM_TEST_DATA."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_APIS = ("gemini.generateContent", "gemini.streamGenerateContent")


@dataclass(frozen=True)
class Recording:
    """One recorded exchange; `model` and `action` are those of its path."""

    name: str
    provider: str
    model: str
    action: str
    request: dict[str, Any] | None
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def framing(self) -> str:
        """What the answer is: a document, a list of chunks, or a stream of events."""
        return {b"{": "document", b"[": "list"}.get(self.body.lstrip()[:1], "stream")


def recordings(root: Path) -> Iterator[Recording]:
    """Every recorded exchange, in order of name."""
    for path in sorted(root.glob("[!_]*/*.json")):
        case = json.loads(path.read_bytes())
        for at, exchange in enumerate(case["interactions"]):
            request, response = exchange["request"], exchange["response"]
            if request["api"] not in _APIS or response.get("body_text") is None:
                continue
            model, _, action = request["path"].rpartition("/")[2].rpartition(":")
            body = request["body"]
            yield Recording(
                name=f"{path.parent.name}/{path.stem}#{at}",
                provider=path.parent.name,
                model=model,
                action=action,
                request=body if isinstance(body, dict) and body.get("contents") else None,
                status=response["status"],
                headers={name.lower(): value for name, value in response["headers"].items()},
                body=response["body_text"].encode(),
            )
