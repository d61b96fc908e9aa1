"""What hosts of two wires sign, and what they refuse when it does not come back as it was.

Anthropic's sign each thinking block; a request that asks for more thinking in the middle of a tool loop must bring back
the one that the loop began with, and no altered one anywhere. Gemini's of the third generation sign the first call of
each step; since the user last spoke none may lack it.
"""

import base64
import binascii
import hashlib
import itertools
import re
from collections.abc import Iterator

import msgspec
from msgspec import Raw

from podium.errors import InvalidRequest
from podium.vocabulary.part import Reasoning, Signature, Text, ToolCall
from podium.vocabulary.request import Line, Request

_DEMANDING = re.compile(r"gemini-([3-9]|\d\d)")
_UNJUDGED = b"skip_thought_signature_validator"
"""What Google has clients send with calls that its models did not make."""


def sign_thought(wire: str, model: str, text: str) -> Signature | None:
    """The signature of reasoning; None where this wire's hosts sign none."""
    return Signature(wire, model, _seal(model, text)) if wire == "anthropic" else None


def sign_call(wire: str, model: str, name: str, arguments: str) -> Signature | None:
    """The signature of a call; None where this wire's hosts sign none."""
    return Signature(wire, model, _seal(model, _said(name, arguments))) if wire == "gemini" else None


def check_signatures(wire: str, request: Request) -> int:
    """Read a request as strictly as the wire's host; how many signatures it brought back.

    Raises:
        InvalidRequest: a signature is missing, is not this host's, or does not fit what it signs.
    """
    if wire == "anthropic":
        return _check_thoughts(request)
    return _check_calls(request) if wire == "gemini" else 0


def _check_thoughts(request: Request) -> int:
    good = 0
    for at, line in enumerate(request.lines):
        for index, part in enumerate(line.parts):
            if not isinstance(part, Reasoning):
                continue
            place = f"messages.{at}.content.{index}"
            own = part.signature is not None and part.signature.wire == "anthropic"
            if not own or (not part.redacted and _value(part) != _seal(request.model, part.text)):
                raise InvalidRequest(f"{place}: Invalid `signature` in `thinking` block")
            good += 1
    said = [line for line in _since_user(request.lines) if line.parts]
    in_loop = bool(request.lines) and request.lines[-1].role == "tool"
    if said and in_loop and _thinks(request) and not isinstance(said[0].parts[0], Reasoning):
        raise InvalidRequest(
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final"
            " `assistant` message must start with a thinking block (before the last set of `tool_use` and"
            " `tool_result` blocks)."
        )
    return good


def _thinks(request: Request) -> bool:
    given = request.source.members.get("thinking") if request.source is not None else None
    kind = msgspec.json.decode(given or Raw(b"{}")).get("type")
    return bool(kind == "enabled")  # where it thinks as it likes, the host minds less


def _check_calls(request: Request) -> int:
    good = 0
    for at, line in enumerate(_since_user(request.lines)):
        calls = [part for part in line.parts if isinstance(part, ToolCall)]
        for number, call in enumerate(calls):
            if call.signature is not None:
                good += _is_own(call, call.signature, request.model)
            elif number == 0 and _DEMANDING.search(request.model):
                raise InvalidRequest(
                    f"Function call `{call.name}` in the {at + 1}. content block is missing a `thought_signature`."
                )
    return good


def _is_own(call: ToolCall, signature: Signature, model: str) -> bool:
    """Whether it is this host's own; if not, it must be the one for calls of others."""
    given = _bytes(signature.value) if signature.wire == "gemini" else b""
    if given not in (_UNJUDGED, _bytes(_seal(model, _said(call.name, call.arguments)))):
        raise InvalidRequest("Thought signature is not valid.")
    return given != _UNJUDGED


def _bytes(text: str) -> bytes:
    """Base64 in either alphabet: the official SDK writes it in the one for URLs."""
    try:
        return base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "==")
    except binascii.Error:
        return b""


def _since_user(lines: tuple[Line, ...]) -> Iterator[Line]:
    def spoken(line: Line) -> bool:
        return line.role == "user" and any(isinstance(part, Text) for part in line.parts)

    current = list(itertools.takewhile(lambda line: not spoken(line), reversed(lines)))
    return (line for line in reversed(current) if line.role == "assistant")


def _value(part: Reasoning) -> str:
    return part.signature.value if part.signature is not None else ""


def _said(name: str, arguments: str) -> str:
    try:
        value = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        value = {"input": arguments}
    return f"{name}\n{msgspec.json.encode(value, order='sorted').decode()}"


def _seal(model: str, text: str) -> str:
    return base64.b64encode(hashlib.sha256(f"{model}\n{text}".encode()).digest()).decode()
