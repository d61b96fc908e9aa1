"""The local model as a provider: the process runs, then a remote host is called that happens to be near."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

from podium.catalogue.catalogue import Candidate
from podium.catalogue.endpoint import Endpoint
from podium.errors import Unreachable
from podium.providers.provider import Call, Provider
from podium.vocabulary.event import Spoken
from podium.vocabulary.request import Request
from podium.wires.ability import check_taken


class Local:
    """Answers by the local model, wherever it listens at present.

    Its death in mid-stream ends the stream as any host's would; the next call finds it started again.
    """

    def __init__(
        self,
        candidate: Candidate,
        address: Callable[[], Awaitable[str]],
        remote: Callable[[Endpoint], Provider],
    ) -> None:
        """`address` starts the model if need be and gives its base URL; `remote` calls an endpoint."""
        self._candidate = candidate
        self._address = address
        self._remote = remote
        self._url = ""
        self._inner: Provider | None = None

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """Ask. If nobody listens any more, once again where it listens now: nothing was sent to the dead one.

        What the model does not take is refused here in every dialect: llama.cpp drops tools whose template has none
        without a word, and answers media that it cannot read with a fault of its own.

        Raises:
            Inexpressible: it holds tools or media that the model does not take.
            Unreachable: it cannot be started.
        """
        check_taken(request, self._candidate.profile, self._candidate.endpoint.wire)
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
            self._url, self._inner = url, self._remote(replace(self._candidate.endpoint, base_url=url))
        return self._inner
