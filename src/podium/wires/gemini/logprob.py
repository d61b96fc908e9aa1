"""Log probabilities of tokens: `logprobsResult` into the form of `choices[].logprobs` that deltas carry, and back.

Source: https://ai.google.dev/api/generate-content#LogprobsResult.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from podium.wires.member import joined, parse, raw

_Entry = dict[str, Any]


def read_logprobs(value: Raw | None) -> Raw | None:
    """The `logprobs` for a `logprobsResult`; None where it tells of no token."""
    result = parse(value, dict[str, list[_Entry]])
    if not result or not result.get("chosenCandidates"):
        return None
    chosen, top = result["chosenCandidates"], result.get("topCandidates", [])
    content = []
    for at, token in enumerate(chosen):
        others = top[at].get("candidates") if at < len(top) else None
        content.append({**_read(token), "top_logprobs": [_read(each) for each in others or ()]})
    return raw({"content": content, "refusal": None})


def write_logprobs(pieces: Sequence[Raw]) -> Raw | None:
    """The `logprobsResult` for the `logprobs` of an answer's pieces; None where they tell of no token."""
    tokens = parse(joined(pieces), dict[str, list[_Entry] | None])
    content = (tokens or {}).get("content")
    if not content:
        return None
    top = [{"candidates": [_write(each) for each in token.get("top_logprobs") or ()]} for token in content]
    return raw({"chosenCandidates": [_write(token) for token in content], "topCandidates": top})


def _read(token: _Entry) -> _Entry:
    text = token.get("token")
    said = text if isinstance(text, str) else ""
    return {"token": said, "logprob": token.get("logProbability"), "bytes": list(said.encode())}


def _write(token: _Entry) -> _Entry:
    return {"token": token.get("token"), "logProbability": token.get("logprob")}
