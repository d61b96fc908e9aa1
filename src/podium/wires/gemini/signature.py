"""Thought signatures: base64 of bytes that only the host understands.

The official SDK decodes them and encodes them anew, in the alphabet for URLs, so that a signature may come back in
other characters than it left in. A foreign one leaves in the same way: `podium:<wire>:<base64>`, as base64 once more.
"""

import base64
import binascii
import re

from msgspec import Raw

from podium.errors import InvalidRequest
from podium.vocabulary.part import Signature
from podium.wires.gemini.member import NAME
from podium.wires.member import is_null, parse
from podium.wires.seal import unwrap, wrap

PLACEHOLDER = base64.b64encode(b"skip_thought_signature_validator").decode()
"""What Google has clients send where a call of another model's has no signature that its own could judge.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures, its last questions and answers.
"""

_REDACTED = ";redacted"
_OLDER = re.compile(r"gemini-[12](\D|$)")
_REVISION = re.compile(r"-(\d{3}|latest|preview(-\d\d-\d{2,4})*|exp(-\d\d-\d{2,4})*)$")


def is_older(model: str) -> bool:
    """Whether a model is of the generations before the third.

    Those think by budget alone, demand no signatures and take no media within the result of a function
    (https://ai.google.dev/gemini-api/docs/gemini-3).
    """
    return _OLDER.search(model) is not None


def is_good(signature: Signature, model: str) -> bool:
    """Whether a signature may go to a model: to the one that made it, by whichever of its names.

    One that came from a client of this dialect does not tell its model. `gemini-flash-latest` may be any.
    """
    if signature.wire != NAME:
        return False
    asked, made = _bare(model), _bare(signature.model)
    return not made or made == asked or model.endswith("-latest")


def _bare(model: str) -> str:
    return _REVISION.sub("", model.rpartition("/")[2])


def read_signature(value: Raw | None, path: str) -> tuple[Signature | None, bool]:
    """The signature of a part that a client sent, and whether it stands for reasoning that was not shown.

    Raises:
        InvalidRequest: it is no text.
    """
    if value is None or is_null(value):
        return None, False
    text = parse(value, str)
    if text is None:
        raise InvalidRequest(
            f"`{path}.thoughtSignature` must be a string in base64.", param=f"{path}.thoughtSignature"
        )
    if not text:
        return None, False
    sealed = _decoded(text)
    foreign = unwrap(sealed.removesuffix(_REDACTED))
    if foreign is not None:
        return foreign, sealed.endswith(_REDACTED)
    return Signature(NAME, "", text), False


def write_signature(signature: Signature, *, redacted: bool = False) -> str:
    """A signature as a client of this dialect gets it."""
    if signature.wire == NAME:
        return signature.value
    sealed = wrap(signature) + (_REDACTED if redacted else "")
    return base64.b64encode(sealed.encode()).decode()


def _decoded(text: str) -> str:
    standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
