"""What hosts of two wires sign, and what they refuse when it does not come back as it was.

Anthropic's sign each thinking block; a request that asks for more thinking in the middle of a tool loop must bring it
back first in the assistant's last message, and no altered one anywhere. Gemini's of the third generation sign the first
call of each step; since the user last spoke none may lack it.
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


def check_signatures(wire: str, request: Request) -> None:
    """Read a request as strictly as the wire's host.

    Raises:
        InvalidRequest: a signature is missing, is not this host's, or does not fit what it signs.
    """
    if wire == "anthropic":
        _check_thoughts(request)
    elif wire == "gemini" and _DEMANDING.search(request.model):
        _check_calls(request)


def _check_thoughts(request: Request) -> None:
    for at, line in enumerate(request.lines):
        for index, part in enumerate(line.parts):
            if not isinstance(part, Reasoning):
                continue
            place = f"messages.{at}.content.{index}"
            own = part.signature is not None and part.signature.wire == "anthropic"
            if not own or (not part.redacted and _value(part) != _seal(request.model, part.text)):
                raise InvalidRequest(f"{place}: Invalid `signature` in `thinking` block")
    said = [line for line in request.lines if line.role == "assistant"]
    in_loop = bool(request.lines) and request.lines[-1].role == "tool"
    if said and in_loop and _thinks(request) and not isinstance(said[-1].parts[0], Reasoning):
        raise InvalidRequest(
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final"
            " `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and"
            " `tool_result` blocks)."
        )


def _thinks(request: Request) -> bool:
    given = request.source.members.get("thinking") if request.source is not None else None
    kind = msgspec.json.decode(given or Raw(b"{}")).get("type")
    return kind in ("enabled", "adaptive")


def _check_calls(request: Request) -> None:
    for at, line in enumerate(_since_user(request.lines)):
        calls = [part for part in line.parts if isinstance(part, ToolCall)]
        for number, call in enumerate(calls):
            if call.signature is None and number == 0:
                raise InvalidRequest(
                    f"Function call `{call.name}` in the {at + 1}. content block is missing a `thought_signature`."
                )
            if call.signature is not None and not _is_good(call, call.signature, request.model):
                raise InvalidRequest("Thought signature is not valid.")


def _is_good(call: ToolCall, signature: Signature, model: str) -> bool:
    try:
        value = base64.b64decode(signature.value.translate(str.maketrans("-_", "+/")) + "==")
    except binascii.Error:
        return False
    wanted = base64.b64decode(_seal(model, _said(call.name, call.arguments)))
    return signature.wire == "gemini" and value in (wanted, _UNJUDGED)


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
