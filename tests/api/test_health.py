"""Life and health."""

import pytest

from podium.errors import Unavailable
from tests.api.house import House, house
from tests.serving import linked


async def test_a_healthy_server_says_so(api: House) -> None:
    assert (await api.call("GET", "/livez", None)).json == {"status": "ok"}
    for path in ("/readyz", "/health"):
        told = await api.call("GET", path, None)
        assert (told.status, told.json["status"]) == (200, "ok")
        assert told.json["checks"] == {"database": "ok", "schema": "ok"}


@pytest.mark.promise("postgres")
async def test_without_its_database_it_lives_and_is_not_ready_until_it_is_back(dsn: str) -> None:
    async with linked(dsn) as (through, link), house(through) as api:
        key = await api.key("acme", "ann")
        link.cut()
        assert (await api.call("GET", "/livez", None)).status == 200
        told = await api.call("GET", "/readyz", None)
        assert (told.status, told.json["status"]) == (503, "unwell")
        assert told.json["checks"]["database"] == "storage_unavailable"
        assert "socket" not in told.body.decode()
        refused = await api.call("GET", "/v1/conversations", key)
        assert (refused.status, refused.error["code"]) == (503, "storage_unavailable")
        assert refused.headers["retry-after"] == "1"
        link.mend()
        assert (await api.call("GET", "/readyz", None)).status == 200
        assert (await api.call("GET", "/v1/conversations", key)).status == 200


async def test_a_schema_of_another_version_is_not_ready(api: House) -> None:
    await api.database.fetch("UPDATE schema_revision SET functions = 'other'")
    told = await api.call("GET", "/readyz", None)
    assert (told.status, told.json["checks"]["schema"]) == (503, "operator")


async def test_it_is_degraded_without_what_it_can_do_without_and_not_ready_when_it_leaves(dsn: str) -> None:
    async def check_redis() -> None:
        raise Unavailable("Redis is away")

    leaving = False
    async with house(dsn, checks={"redis": check_redis}, is_draining=lambda: leaving) as api:

        async def told() -> list[tuple[int, str]]:
            answers = [await api.call("GET", path, None) for path in ("/livez", "/readyz", "/health")]
            return [(answer.status, answer.json["status"]) for answer in answers]

        assert await told() == [(200, "ok"), (200, "ok"), (200, "degraded")]
        leaving = True
        assert await told() == [(200, "ok"), (503, "draining"), (503, "draining")]
