"""Web pages of other origins, where the operator lets them in; and how much of the database a server takes."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from podium.app import App
from podium.catalogue.catalogue import Catalogue
from podium.config.place import Place
from podium.config.server import Server
from podium.config.settings import Settings
from podium.store.database import CONNECTIONS
from tests.doors.podium import Podium, podium

PAGE = "https://chat.example.org"


@pytest.fixture
async def open_to_page(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, cors_origins=(PAGE,)) as running:
        yield running


async def test_a_page_that_is_let_in_may_ask_first_and_then_call(open_to_page: Podium) -> None:
    url, http = f"{open_to_page.url}/v1/models", open_to_page.http
    asking = {
        "origin": PAGE,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    async with http.options(url, headers=asking) as answer:
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
    async with http.get(url, headers={"origin": PAGE}) as answer:
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "x-podium-turn" in answer.headers["access-control-expose-headers"]


async def test_any_other_page_is_told_nothing(open_to_page: Podium, server: Podium) -> None:
    for running, origin in ((open_to_page, "https://evil.example.org"), (server, PAGE)):
        async with running.http.get(f"{running.url}/v1/models", headers={"origin": origin}) as answer:
            assert "access-control-allow-origin" not in answer.headers


def test_a_server_takes_as_many_connections_as_doctor_says() -> None:
    settings = Settings(
        server=Server(database_url="postgresql://nowhere/podium"),
        data_dir=Path("/nowhere"),
        catalogue=Catalogue(),
    )
    app = App(settings, Place(home="h", boot="b", slot=0))
    assert app.database.most_connections == CONNECTIONS
