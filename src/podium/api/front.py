"""Hot routes: found by a dictionary where the path is fixed, served without a framework in between.

Plain ASGI from the server to the handler, so that a streamed chunk passes nothing but the gate's one function.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.body import capped
from podium.api.gate import Guard, within
from podium.api.openapi import Operation
from podium.api.passage import Access, Refuse, passage_of


@dataclass(frozen=True, slots=True)
class HotRoute:
    """One method of one path, served by an ASGI application.

    `path` may have parameters (`/v1/turns/{id}`), found in `scope["path_params"]`; `refuse` writes errors in the
    route's dialect (None: natively), `refusing` finds that dialect where it depends on the request; `deadline` in
    seconds is for handlers that do not stream. An alias is another spelling of a path, which no document tells of.
    """

    method: str
    path: str
    app: ASGIApp
    operation: Operation
    access: Access = "member"
    refuse: Refuse | None = None
    deadline: float | None = None
    refusing: Callable[[Scope], Refuse] | None = None
    is_alias: bool = False

    def refusal(self, scope: Scope) -> Refuse | None:
        """How to write an error to this request."""
        return self.refuse if self.refusing is None else self.refusing(scope)

    def alias(self) -> "HotRoute":
        """The same route without the last slash of its path; with one where it has none."""
        bare = self.path.removesuffix("/")
        return replace(self, path=bare if bare != self.path else f"{bare}/", is_alias=True)


_ByMethod = dict[str, HotRoute]
Astray = Callable[[Scope], Refuse | None]


class Front:
    """Serves the hot routes and hands everything else on.

    `astray` finds how to tell a request that there is no such path.
    """

    def __init__(self, routes: Sequence[HotRoute], rest: ASGIApp, guard: Guard, astray: Astray) -> None:
        self._rest = rest
        self._guard = guard
        self._astray = astray
        self._fixed: dict[str, _ByMethod] = {}
        self._patterns: list[tuple[re.Pattern[str], _ByMethod]] = []
        paths: dict[str, _ByMethod] = {}
        for route in routes:
            by_method = paths.setdefault(route.path, {})
            if route.method in by_method:
                raise ValueError(f"{route.method} {route.path} is served twice")
            by_method[route.method] = route
            if route.method == "GET":
                by_method.setdefault("HEAD", route)
        for path, by_method in paths.items():
            if "{" in path:
                # A name may hold any character, line breaks too.
                pattern = re.compile(compile_path(path)[0].pattern, re.DOTALL)
                self._patterns.append((pattern, by_method))
            else:
                self._fixed[path] = by_method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        by_method = self._find(scope) if scope["type"] == "http" else None
        if by_method is None:
            if scope["type"] == "http":
                passage_of(scope).astray = self._astray(scope)
            await self._rest(scope, receive, send)
            return
        route = by_method.get(scope["method"])
        passage = passage_of(scope)
        if route is None:
            passage.refuse = next(iter(by_method.values())).refusal(scope)
            raise HTTPException(405, headers={"allow": ", ".join(by_method)})
        passage.refuse = route.refusal(scope)
        await self._guard.admit(passage, route.access)
        if passage.body_bytes() is None:
            receive = capped(receive, self._guard.limits.body_bytes)
        if route.deadline is None:
            await route.app(scope, receive, send)
        else:
            with within(route.deadline):
                await route.app(scope, receive, send)

    def _find(self, scope: Scope) -> _ByMethod | None:
        path: str = scope["path"]
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed
        other: _ByMethod = {}
        for pattern, by_method in self._patterns:
            match = pattern.match(path)
            if match is None:
                continue
            if scope["method"] in by_method:
                scope["path_params"] = match.groupdict()
                return by_method
            other = other | by_method
        return other or None
