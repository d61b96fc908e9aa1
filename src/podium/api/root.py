"""The root, which clients ask to see whether anybody is there."""

import msgspec
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

import podium
from podium.api.front import HotRoute
from podium.api.openapi import Operation, Reply
from podium.api.serve import send_json


class Greeting(BaseModel):
    """Who answers, and where what it can do is written."""

    name: str = "podium"
    version: str = podium.__version__
    openapi: str = "/openapi.json"


_GREETING = msgspec.json.encode(Greeting().model_dump())


def root_route() -> HotRoute:
    """`GET /`, and so `HEAD /`, with which some clients begin."""
    operation = Operation(
        "get_root",
        "health",
        "Who answers here.",
        replies={200: Reply("The server.", {"application/json": Greeting})},
    )
    return HotRoute("GET", "/", _serve, operation, access="open")


async def _serve(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send_json(send, 200, [], _GREETING)
