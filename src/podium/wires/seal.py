"""Signatures of other wires on their way through a dialect that has room for one string.

A host's signature is worth something on its own wire and model alone. In another dialect it travels sealed, as
`podium:<wire>:<base64>`, so that a client can send it back and it finds its way home.
"""

import base64
import binascii

from podium.catalogue.profile import Profile
from podium.catalogue.thinking import is_off
from podium.vocabulary.part import Reasoning, Signature, ToolCall
from podium.vocabulary.request import Line, Request

_MARK = "podium:"


def wrap(signature: Signature) -> str:
    """The signature as one string; the base64 holds model and value, a line each."""
    inner = f"{signature.model}\n{signature.value}".encode()
    return f"{_MARK}{signature.wire}:{base64.urlsafe_b64encode(inner).decode()}"


def unwrap(text: str) -> Signature | None:
    """The signature that `wrap` made this string of; None if it is none of its making."""
    if not text.startswith(_MARK):
        return None
    wire, _, sealed = text.removeprefix(_MARK).partition(":")
    try:
        model, line, value = base64.urlsafe_b64decode(sealed).decode().partition("\n")
    except (binascii.Error, ValueError):
        return None
    return Signature(wire, model, value) if wire and line else None


def is_foreign(line: Line, wire: str) -> bool:
    """Whether a line holds what another wire's host has signed: as it was sent, no host of this wire would take it."""
    signatures = (part.signature for part in line.parts if isinstance(part, Reasoning | ToolCall))
    return any(signature is not None and signature.wire != wire for signature in signatures)


def wants_back(wire: str, profile: Profile, request: Request) -> bool:
    """Whether hosts of a wire want what they signed around calls back, with the results of these.

    Gemini's from its third generation on refuse a call without its signature, Anthropic's a call without its thinking
    where the model is to think on. (https://ai.google.dev/gemini-api/docs/thought-signatures,
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking)
    """
    if wire != "anthropic":
        return wire == "gemini"
    effort = request.sampling.effort
    by_itself = "unsaid" if profile.thinking is None else profile.thinking.off
    if effort is None:
        return by_itself != "unsaid"
    return not is_off(effort) or by_itself == "never"
