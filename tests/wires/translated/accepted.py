"""Whether the official SDKs' own types take what was written, with no member that they do not know."""

from typing import Any

import anthropic.types
import openai.types.chat
from google.genai import types
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from tests.wires.translated.form import Json


def _strict(schema: Any) -> Any:
    """A schema that takes lists for what may be iterated, and no unknown members."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if isinstance(schema, tuple):
        return tuple(_strict(each) for each in schema)
    if not isinstance(schema, dict):
        return schema
    walked = {name: _strict(each) for name, each in schema.items()}
    if walked.get("type") == "generator":
        walked["type"] = "list"
    if walked.get("type") == "typed-dict":
        walked["extra_behavior"] = "forbid"
    return walked


def _validator(kind: Any) -> SchemaValidator:
    return SchemaValidator(_strict(TypeAdapter(kind).core_schema))


_OPENAI = _validator(openai.types.chat.completion_create_params.CompletionCreateParamsNonStreaming)
_ANTHROPIC = _validator(anthropic.types.message_create_params.MessageCreateParamsNonStreaming)

_OLDER = ("temperature", "top_p", "top_k")
"""Members of Messages that the SDK has left out of its types, though hosts take them."""


def refused(wire: str, written: Json) -> str:
    """Why the SDK's types do not take a request; empty where they do."""
    try:
        if wire == "gemini":
            _check_gemini(written)
        else:
            body = {name: value for name, value in written.items() if name not in ("stream", *_OLDER)}
            (_OPENAI if wire == "openai_chat" else _ANTHROPIC).validate_python(body)
    except ValidationError as error:
        return "; ".join(_nearest(error))
    return ""


def _nearest(error: ValidationError) -> list[str]:
    """What is wrong by the kind, among several, that comes nearest."""
    kinds: dict[str, list[str]] = {}
    for each in error.errors(include_url=False):
        path = [str(step) for step in each["loc"]]
        kinds.setdefault(".".join(path[:3]), []).append(f"{'.'.join(path)}: {each['msg']}")
    return min(kinds.values(), key=len)


def _check_gemini(written: Json) -> None:
    for content in (*written["contents"], written.get("systemInstruction", {"parts": []})):
        types.Content.model_validate(content)
    for tool in written.get("tools", ()):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(written.get("toolConfig", {}))
    types.GenerationConfig.model_validate(written.get("generationConfig", {}))
