"""The simulator's own idea of a token, so that its count of usage rests on nothing of Podium's.

A token is up to six letters or digits with the blank before them, or one other character. So "You said: hello" is four
tokens, and any text is the concatenation of its tokens.
"""

import re

from podium.vocabulary.part import Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from podium.vocabulary.request import Request

_TOKEN = re.compile(r" ?\w{1,6}| ?[^\w\s]|\s")

_LINE = 4
"""Tokens that each line of a conversation costs besides its text."""
_MEDIUM = 85
"""Tokens of a picture, a sound or a document, whatever its size."""


def split(text: str) -> list[str]:
    """The tokens of a text; joined they are the text."""
    return _TOKEN.findall(text)


def prompt_tokens(request: Request) -> int:
    """What a request costs as input: its lines, its tools and its schema."""
    count = sum(_LINE + _parts(line.parts) for line in request.lines)
    for tool in request.tools:
        parameters = bytes(tool.parameters) if tool.parameters is not None else b""
        count += (
            _text(tool.name) + _text(tool.description or "") + _text(parameters.decode("utf-8", "replace"))
        )
    if request.schema is not None and request.schema.schema is not None:
        count += _text(bytes(request.schema.schema).decode("utf-8", "replace"))
    return count


def _parts(parts: tuple[Part, ...]) -> int:
    count = 0
    for part in parts:
        if isinstance(part, Text | Refusal | Reasoning):
            count += _text(part.text)
        elif isinstance(part, ToolCall):
            count += _text(part.name) + _text(part.arguments)
        elif isinstance(part, ToolResult):
            count += _parts(part.parts)
        else:
            count += _MEDIUM
    return count


def _text(text: str) -> int:
    return len(_TOKEN.findall(text))
