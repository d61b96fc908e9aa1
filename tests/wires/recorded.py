"""Recorded exchanges with many hosts, found by PODIUM_TEST_DATA."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recording:
    """One recorded exchange."""

    name: str
    provider: str
    request: dict[str, Any] | None
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def streamed(self) -> bool:
        return self.body.lstrip()[:1] not in (b"{", b"[")


def folder() -> Path | None:
    """Where the recordings are, or None."""
    root = os.environ.get("PODIUM_TEST_DATA")
    found = Path(root) / "recordings" if root else None
    return found if found is not None and found.is_dir() else None


def recordings(root: Path, api: str = "openai.chat") -> Iterator[Recording]:
    """Every recorded exchange of an API, in order of name."""
    for path in sorted(root.glob("[!_]*/*.json")):
        case = json.loads(path.read_bytes())
        for at, exchange in enumerate(case["interactions"]):
            if exchange["request"]["api"] != api or exchange["response"].get("body_text") is None:
                continue
            body = exchange["request"]["body"]
            yield Recording(
                name=f"{path.parent.name}/{path.stem}#{at}",
                provider=path.parent.name,
                request=body if isinstance(body, dict) and body.get("messages") else None,
                status=exchange["response"]["status"],
                headers={name.lower(): value for name, value in exchange["response"]["headers"].items()},
                body=exchange["response"]["body_text"].encode(),
            )
