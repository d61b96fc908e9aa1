"""What a turn says of a defect."""

import pytest

from podium.ledger.till import Held, Till, Wanted
from podium.store.failure import BadItem
from tests.turn.home import homes


async def test_what_the_database_says_of_our_data_is_for_the_log_alone(
    dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(self: Till, wanted: Wanted, *, is_first: bool = True) -> Held:
        raise BadItem("invalid input for query argument $4")

    monkeypatch.setattr(Till, "hold", refuse)
    async with homes(dsn) as [home]:
        heard = home.say(await home.conversation(), "[[say hello]]")
        await heard.done()
        assert heard.end["status"] == "failed"
        assert heard.end["error"]["code"] == "internal_error"
        assert "$4" not in str(heard.frames)
    [told] = [each for each in caplog.records if each.message == "turn.broken"]
    assert told.exc_info is not None
    assert "$4" in str(told.exc_info[1])
