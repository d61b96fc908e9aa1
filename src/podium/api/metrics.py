"""`GET /metrics`, for the operator's monitoring."""

from starlette.types import Receive, Scope, Send

from podium.api.front import HotRoute
from podium.api.openapi import Operation, Reply
from podium.observability.metrics import MEDIA, Metrics


def metrics_route(metrics: Metrics) -> HotRoute:
    """The route. It is never refused for lack of room."""

    async def serve(_scope: Scope, _receive: Receive, send: Send) -> None:
        told = await metrics.scrape()
        headers = [(b"content-type", MEDIA.encode()), (b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    operation = Operation(
        "get_metrics",
        "health",
        "The state of the installation, as Prometheus reads it; for the operator's key alone.",
        replies={200: Reply("All metrics.", {"text/plain": {"type": "string"}})},
    )
    return HotRoute("GET", "/metrics", serve, operation, access="operator")
