"""Signatures of other wires in this dialect.

Reasoning that another host signed leaves as an entry of `reasoning_details`, in the form that OpenRouter gave them
(https://openrouter.ai/docs/use-cases/reasoning-tokens), a signed call with `extra_content.google.thought_signature`,
as Google's own endpoint for this dialect has it (https://ai.google.dev/gemini-api/docs/openai). What comes back so is
unwrapped, and is no part of what goes on to a host of this wire: it could make nothing of it.
"""

from msgspec import Raw

from podium.vocabulary.part import Reasoning, Signature, ToolCall
from podium.wires.member import Members, parse, raw
from podium.wires.seal import unwrap, wrap

DETAILS = "reasoning_details"
_MARK = b"podium:"
_TEXT, _ENCRYPTED = "reasoning.text", "reasoning.encrypted"


def write_detail(part: Reasoning, index: int) -> Raw | None:
    """The entry of `reasoning_details` for reasoning that was signed; None for other."""
    if part.signature is None:
        return None
    sealed = wrap(part.signature)
    if part.redacted:
        return raw({"type": _ENCRYPTED, "data": sealed, "index": index})
    return raw({"type": _TEXT, "text": part.text, "signature": sealed, "index": index})


def write_seal(call: ToolCall) -> Members:
    """The members of a call that hold its signature; none where it has none."""
    if call.signature is None:
        return {}
    return {"extra_content": raw({"google": {"thought_signature": wrap(call.signature)}})}


def read_details(value: Raw | None) -> list[Reasoning]:
    """The reasoning that came sealed in `reasoning_details`."""
    return [found for entry in _entries(value) if (found := _read_detail(entry)) is not None]


def read_seal(call: Members) -> Signature | None:
    """The signature that a call came with."""
    google = parse((parse(call.get("extra_content"), Members) or {}).get("google"), Members) or {}
    given = parse(google.get("thought_signature"), str)
    if not given:
        return None
    return unwrap(given) or Signature("gemini", "", given)


def unsealed(members: Members) -> Members:
    """The members of a request as a host of this wire may see them: without what is sealed in them."""
    value = members.get("messages")
    if value is None or _MARK not in bytes(value):
        return members
    messages = parse(value, list[Members]) or []
    return {**members, "messages": raw([unsealed_message(message) for message in messages])}


def unsealed_message(message: Members) -> Members:
    """A message without what is sealed in it, and without the reasoning that this belongs to."""
    if not any(_MARK in bytes(message.get(name, b"")) for name in (DETAILS, "tool_calls")):
        return message
    kept = dict(message)
    entries = _entries(message.get(DETAILS))
    own = [entry for entry in entries if _read_detail(entry) is None]
    if len(own) < len(entries):
        for name in (DETAILS, "reasoning_content", "reasoning"):
            kept.pop(name, None)
        if own:
            kept[DETAILS] = raw(own)
    calls = parse(message.get("tool_calls"), list[Members])
    if calls is not None:
        kept["tool_calls"] = raw([unsealed_call(call) for call in calls])
    return kept


def write_sealed_piece(call: ToolCall, at: int) -> Members:
    """The last fragment of a streamed call: its signature, and nothing more of its arguments."""
    inner = {"input" if call.kind == "custom" else "arguments": ""}
    return {"index": raw(at), call.kind: raw(inner), **write_seal(call)}


def _entries(value: Raw | None) -> list[Members]:
    return (parse(value, list[Members]) or []) if value is not None else []


def _read_detail(entry: Members) -> Reasoning | None:
    is_redacted = parse(entry.get("type"), str) == _ENCRYPTED
    signature = unwrap(parse(entry.get("data" if is_redacted else "signature"), str) or "")
    if signature is None:
        return None
    return Reasoning(parse(entry.get("text"), str) or "", signature, is_redacted)


def unsealed_call(call: Members) -> Members:
    """A call without the signature of another wire."""
    content = parse(call.get("extra_content"), Members) or {}
    google = parse(content.get("google"), Members) or {}
    if unwrap(parse(google.get("thought_signature"), str) or "") is None:
        return call
    del google["thought_signature"]
    content.pop("google")
    rest = {**content, **({"google": raw(google)} if google else {})}
    kept = {name: value for name, value in call.items() if name != "extra_content"}
    return {**kept, "extra_content": raw(rest)} if rest else kept
