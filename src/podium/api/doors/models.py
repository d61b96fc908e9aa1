"""The models that can be named: lists and single ones, in the dialect of who asks."""

from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET, Struct
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.doors.gemini import ACTIONS
from podium.api.doors.model import (
    AnthropicModelList,
    GeminiModelList,
    ModelList,
    Named,
)
from podium.api.doors.speech import Refusing, Speech, speech_of
from podium.api.passage import Refuse
from podium.api.serve import send_json
from podium.catalogue.catalogue import Catalogue
from podium.errors import InvalidRequest

_MOST = 1000


class ModelRoutes:
    """`GET …/models` and `GET …/models/{id}`.

    Under `/v1` Google's clients are known by `x-goog-api-key` or `?key=`, Anthropic's by `anthropic-version`; all
    others are OpenAI's. Under `/v1beta` and `/v1alpha` all are Google's.
    """

    def __init__(self, catalogue: Catalogue, refusing: Refusing) -> None:
        self._named = Named(catalogue)
        self._refusing = refusing

    def listing(self) -> ASGIApp:
        """All models."""
        return self._listing

    def one(self) -> ASGIApp:
        """One model; any name that would be answered is found."""
        return self._one

    def refuse(self, scope: Scope) -> Refuse:
        """How an error is said to who asks."""
        return self._refusing[_speech(scope)]

    async def _listing(self, scope: Scope, _receive: Receive, send: Send) -> None:
        listed: Struct
        match _speech(scope):
            case "anthropic":
                listed = self._anthropic(_query(scope))
            case "gemini":
                listed = self._gemini(_query(scope))
            case _:
                listed = ModelList("list", tuple(map(self._named.openai, self._named.names())))
        await send_json(send, 200, [], msgspec.json.encode(listed))

    async def _one(self, scope: Scope, _receive: Receive, send: Send) -> None:
        name = scope["path_params"]["id"]
        if name.rpartition(":")[2] in ACTIONS:
            raise HTTPException(405, headers={"allow": "POST"})
        match _speech(scope):
            case "anthropic":
                model: Struct = self._named.anthropic(name)
            case "gemini":
                model = self._named.gemini(name.removeprefix("models/"))
            case _:
                model = self._named.openai(name)
        await send_json(send, 200, [], msgspec.json.encode(model))

    def _anthropic(self, query: dict[str, str]) -> AnthropicModelList:
        names, limit = self._named.names(), _size(query, "limit", least=1)
        if "before_id" in query:
            names = names[: _place(names, query, "before_id")]
            has_more, names = len(names) > limit, names[-limit:]
        else:
            names = names[_place(names, query, "after_id") + 1 :] if "after_id" in query else names
            has_more, names = len(names) > limit, names[:limit]
        ends = (names[0], names[-1]) if names else (None, None)
        return AnthropicModelList(tuple(map(self._named.anthropic, names)), has_more, *ends)

    def _gemini(self, query: dict[str, str]) -> GeminiModelList:
        names, size = self._named.names(), _size(query, "pageSize", least=0) or _MOST
        names = names[_place(names, query, "pageToken") + 1 :] if "pageToken" in query else names
        token = names[size - 1] if len(names) > size else UNSET
        return GeminiModelList(tuple(map(self._named.gemini, names[:size])), token)


def _speech(scope: Scope) -> Speech:
    if not scope["path"].startswith("/v1/"):
        return "gemini"
    return speech_of(scope) or "openai_chat"


def _query(scope: Scope) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}


def _size(query: dict[str, str], name: str, *, least: int) -> int:
    """How many at most; a thousand where nothing is said, and where more is asked for."""
    text = query.get(name)
    if text is None:
        return _MOST
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise InvalidRequest(f"{name} must be a whole number of at least {least}.", param=name)
    return min(int(text), _MOST)


def _place(names: list[str], query: dict[str, str], name: str) -> int:
    """Where the model stands that a page begins or ends at."""
    try:
        return names.index(query[name])
    except ValueError:
        raise InvalidRequest(f"{name} is of no page of this list.", param=name) from None
