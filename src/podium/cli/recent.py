"""Which conversation was the last at each server, and what was typed: kept for the person, not for the server."""

import contextlib
import json
import os
from pathlib import Path

_MOST = 100


def state_dir() -> Path:
    """Where programs keep what is convenient and may be lost (XDG's state home)."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home and Path(home).is_absolute() else Path.home() / ".local" / "state") / "podium"


def recall(target: str) -> str | None:
    """The last conversation there, if one is remembered."""
    found = _read().get(target)
    return found if isinstance(found, str) else None


def remember(target: str, conversation: str) -> None:
    """Remember it, unless nothing can be kept."""
    known = {name: kept for name, kept in _read().items() if name != target}
    while len(known) >= _MOST:
        known.pop(next(iter(known)))
    with contextlib.suppress(OSError):
        state_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = state_dir() / f"chats.{os.getpid()}.new"
        draft.write_text(json.dumps({**known, target: conversation}, indent=1), encoding="utf-8")
        draft.replace(state_dir() / "chats.json")


def _read() -> dict[str, object]:
    try:
        known = json.loads((state_dir() / "chats.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
