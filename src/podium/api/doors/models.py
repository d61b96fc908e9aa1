"""The models that can be named, in OpenAI's shape."""

import msgspec
from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.serve import send_json
from podium.catalogue.catalogue import Catalogue

_MADE = 1_700_000_000  # the shape wants a time of making; nobody knows one


class Model(Struct, frozen=True):
    """One model, or one route. `context_window` is in tokens; `default` marks the one that answers who names none."""

    id: str
    object: str
    created: int
    owned_by: str
    context_window: int
    default: bool


class ModelList(Struct, frozen=True):
    """All of them."""

    object: str
    data: tuple[Model, ...]


class ModelRoutes:
    """`GET /v1/models` and `GET /v1/models/{id}`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def listing(self) -> ASGIApp:
        """All models."""
        return self._listing

    def one(self) -> ASGIApp:
        """One model; any name that would be answered is found."""
        return self._one

    async def _listing(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        names = [name for name in self._catalogue.models() if self._is_there(name)]
        default = self._catalogue.default_model
        if default and default not in names and self._is_there(default):
            names.insert(0, default)
        listed = ModelList("list", tuple(self._model(name) for name in names))
        await send_json(send, 200, [], msgspec.json.encode(listed))

    async def _one(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await send_json(send, 200, [], msgspec.json.encode(self._model(scope["path_params"]["id"])))

    def _is_there(self, name: str) -> bool:
        return bool(self._catalogue.find(name))

    def _model(self, name: str) -> Model:
        first = self._catalogue.resolve(name)[0]
        return Model(
            id=name,
            object="model",
            created=_MADE,
            owned_by=first.endpoint.name,
            context_window=first.profile.context_window,
            default=name == self._catalogue.default_model,
        )
