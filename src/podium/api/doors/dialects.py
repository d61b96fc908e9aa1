"""The routes of the dialects that are wires'."""

from collections.abc import Sequence

from podium.api.doors.counting import Counting
from podium.api.doors.gemini import ACTIONS, GeminiDoor
from podium.api.doors.model import (
    AnthropicModel,
    AnthropicModelList,
    GeminiModel,
    GeminiModelList,
    Model,
    ModelList,
)
from podium.api.doors.models import ModelRoutes
from podium.api.doors.told import KEY, either_reply, json_reply, told
from podium.api.doors.wire import WireDoor
from podium.api.front import HotRoute
from podium.api.openapi import EVENT, Parameter, Reply, Schema

_EITHER = Reply(
    "The answer, or its events.", {"application/json": {"type": "object"}, "text/event-stream": EVENT}
)
_EITHER_OR_LIST = Reply(
    "The answer, its events, or (a stream without `alt=sse`) a list of its pieces.",
    {"application/json": {"type": ["object", "array"]}, "text/event-stream": EVENT},
)
_BY_HEADERS = (
    "In Google's shape for `x-goog-api-key` or `?key=`, in Anthropic's for `anthropic-version`, else in OpenAI's. "
    "Google's and Anthropic's lists come in pages."
)
_NAME = Parameter("id", "path", "A name, such as `openai/gpt-5`.", required=True)
_VERSION = Parameter("anthropic-version", "header", "Asks for Anthropic's shape.")
_COUNT_FROM_ONE: Schema = {"type": "integer", "minimum": 1, "maximum": 1000}
_ANTHROPIC_PAGE = (
    Parameter("limit", "query", "How many at most, in Anthropic's dialect.", _COUNT_FROM_ONE),
    Parameter("after_id", "query", "Those after this model, in Anthropic's dialect."),
    Parameter("before_id", "query", "Those before this model, in Anthropic's dialect."),
)
_GEMINI_PAGE = (
    Parameter("pageSize", "query", "How many at most, in Google's dialect.", _COUNT_FROM_ONE),
    Parameter("pageToken", "query", "`nextPageToken` of the page before, in Google's dialect."),
)
_WISHES = (
    "One member more than its maker documents: `x_podium` `{conversation, on_busy, on_disconnect}` "
    "makes it a turn of a conversation."
)


def openai_routes(chat: WireDoor) -> Sequence[HotRoute]:
    """OpenAI's chat completions."""
    create = told(
        "create_chat_completion",
        "openai",
        "OpenAI's chat completions.",
        description=_WISHES,
        body=_CHAT,
        parameters=(KEY,),
        replies={200: _EITHER},
        error=_OPENAI_ERROR,
        takes_turn=True,
    )
    return (HotRoute("POST", "/v1/chat/completions", chat.app(), create, refuse=chat.refuse),)


def model_routes(models: ModelRoutes) -> Sequence[HotRoute]:
    """Lists of models, and single ones; under `/v1` in three dialects, else in Google's."""
    error = {"anyOf": [_OPENAI_ERROR, _ANTHROPIC_ERROR, _GEMINI_ERROR]}
    listing = told(
        "list_models",
        "models",
        "The models that can be named.",
        description=_BY_HEADERS,
        parameters=(_VERSION, *_ANTHROPIC_PAGE, *_GEMINI_PAGE),
        replies={200: either_reply("All of them.", ModelList, AnthropicModelList, GeminiModelList)},
        error=error,
    )
    one = told(
        "get_model",
        "models",
        "One model.",
        description=_BY_HEADERS,
        parameters=(_NAME, _VERSION),
        replies={200: either_reply("The model.", Model, AnthropicModel, GeminiModel)},
        error=error,
    )
    routes = [("/v1", listing, one)]
    for version in ("v1beta", "v1alpha"):
        listing = told(
            f"list_models_{version}",
            "gemini",
            "The models that can be named.",
            parameters=_GEMINI_PAGE,
            replies={200: json_reply("A page of them.", GeminiModelList)},
            error=_GEMINI_ERROR,
        )
        one = told(
            f"get_model_{version}",
            "gemini",
            "One model.",
            parameters=(_NAME,),
            replies={200: json_reply("The model.", GeminiModel)},
            error=_GEMINI_ERROR,
        )
        routes.append((f"/{version}", listing, one))
    lists = [
        HotRoute("GET", f"{start}/models", models.listing(), listing, refusing=models.refuse)
        for start, listing, _ in routes
    ]
    single = [
        HotRoute("GET", f"{start}/models/{{id:path}}", models.one(), one, refusing=models.refuse)
        for start, _, one in routes
    ]
    return (*lists, *(each.alias() for each in lists), *single)


def anthropic_routes(messages: WireDoor, counting: Counting) -> Sequence[HotRoute]:
    """Anthropic's Messages."""
    create = told(
        "create_message",
        "anthropic",
        "Anthropic's Messages.",
        description=_WISHES,
        body=_MESSAGES,
        parameters=(KEY,),
        replies={200: _EITHER},
        error=_ANTHROPIC_ERROR,
        takes_turn=True,
    )
    count = told(
        "count_message_tokens",
        "anthropic",
        "How many input tokens a message would be; `x-podium-counting-method` says by whose count.",
        body=_MESSAGES,
        replies={200: Reply("The count.", {"application/json": _COUNT})},
        error=_ANTHROPIC_ERROR,
    )
    return (
        HotRoute("POST", "/v1/messages", messages.app(), create, refuse=messages.refuse),
        HotRoute("POST", "/v1/messages/count_tokens", counting.app(), count, refuse=messages.refuse),
    )


def gemini_routes(gemini: GeminiDoor) -> Sequence[HotRoute]:
    """Google's generateContent, under each version's path."""
    return tuple(
        HotRoute(
            "POST",
            f"/{version}/models/{{model:path}}:{{action}}",
            gemini.app(),
            told(
                f"gemini_{version}",
                "gemini",
                "Gemini's generateContent, streamGenerateContent and countTokens.",
                description=f"{_WISHES} A count of tokens says in `x-podium-counting-method` whose it is.",
                body=_CONTENTS,
                parameters=(
                    Parameter("model", "path", "A name, such as `gemini/gemini-2.5-flash`.", required=True),
                    Parameter("action", "path", "What to do.", {"enum": list(ACTIONS)}, required=True),
                    Parameter("alt", "query", "`sse` streams server-sent events, else a JSON list."),
                    KEY,
                ),
                replies={200: _EITHER_OR_LIST},
                error=_GEMINI_ERROR,
                takes_turn=True,
            ),
            refuse=gemini.refuse,
        )
        for version in ("v1", "v1beta", "v1alpha")
    )


_CONTENTS: Schema = {
    "type": "object",
    "required": ["contents"],
    "properties": {
        "contents": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["parts"],
                "properties": {
                    "role": {"type": "string", "enum": ["user", "model"]},
                    "parts": {"type": "array", "items": {"type": "object"}},
                },
            },
        },
        "systemInstruction": {"type": "object"},
        "generationConfig": {"type": "object"},
        "tools": {"type": "array", "items": {"type": "object"}},
    },
}
_GEMINI_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "status": {"type": "string"},
            },
        }
    },
}
_COUNT: Schema = {
    "type": "object",
    "required": ["input_tokens"],
    "properties": {"input_tokens": {"type": "integer", "minimum": 0}},
}
_MESSAGES: Schema = {
    "type": "object",
    "required": ["messages", "max_tokens"],
    "properties": {
        "model": {"type": "string"},
        "max_tokens": {"type": "integer", "minimum": 1},
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["role", "content"],
                "properties": {
                    "role": {"type": "string", "enum": ["user", "assistant", "system"]},
                    "content": {},
                },
            },
        },
        "system": {},
        "stream": {"type": "boolean"},
        "tools": {"type": "array", "items": {"type": "object"}},
    },
}
_ANTHROPIC_ERROR: Schema = {
    "type": "object",
    "required": ["type", "error"],
    "properties": {
        "type": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
        },
    },
}
_CHAT: Schema = {
    "type": "object",
    "required": ["messages"],
    "properties": {
        "model": {"type": "string", "description": "Without one, the default model answers."},
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {
                    "role": {
                        "type": "string",
                        "enum": ["system", "developer", "user", "assistant", "tool", "function"],
                    },
                    "content": {},
                },
            },
        },
        "stream": {"type": ["boolean", "null"]},
        "stream_options": {"type": ["object", "null"]},
        "temperature": {"type": ["number", "null"]},
        "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
        "tools": {"type": ["array", "null"], "items": {"type": "object"}},
        "x_podium": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "conversation": {"type": ["string", "null"]},
                "on_busy": {"type": "string", "enum": ["enqueue", "reject", "interrupt"]},
                "on_disconnect": {"type": ["string", "null"], "enum": ["continue", "cancel", None]},
            },
        },
    },
}
_OPENAI_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": ["string", "null"]},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
