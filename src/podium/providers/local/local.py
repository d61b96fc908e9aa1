"""The local model as a provider: the process runs, then a remote host is called that happens to be near."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

from podium.catalogue.endpoint import Endpoint
from podium.errors import Unreachable
from podium.providers.provider import Call, Provider
from podium.vocabulary.event import Spoken
from podium.vocabulary.request import Request


class Local:
    """Answers by the local model, wherever it listens at present.

    Its death in mid-stream ends the stream as any host's would; the next call finds it started again.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        address: Callable[[], Awaitable[str]],
        remote: Callable[[Endpoint], Provider],
    ) -> None:
        """`address` starts the model if need be and gives its base URL; `remote` calls an endpoint."""
        self._endpoint = endpoint
        self._address = address
        self._remote = remote
        self._url = ""
        self._inner: Provider | None = None

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """Ask. If nobody listens any more, once again where it listens now: nothing was sent to the dead one.

        Raises:
            Unreachable: it cannot be started.
        """
        has_spoken = False
        try:
            async with contextlib.aclosing((await self._present()).stream(request, call)) as answer:
                async for spoken in answer:
                    has_spoken = True
                    yield spoken
                return
        except Unreachable:
            if has_spoken:
                raise
        async with contextlib.aclosing((await self._present()).stream(request, call)) as answer:
            async for spoken in answer:
                yield spoken

    async def _present(self) -> Provider:
        url = await self._address()
        if self._inner is None or url != self._url:
            self._url, self._inner = url, self._remote(replace(self._endpoint, base_url=url))
        return self._inner
