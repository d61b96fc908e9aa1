"""Where periods begin and end: every instant lies in exactly one, in every zone, whatever is done to its clocks."""

import asyncio
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # had no 30th of December in 2011
    "Asia/Kolkata",
    "America/Havana",  # midnight comes twice in autumn and is left out in spring
    "America/Asuncion",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/St_Johns",  # changed its clocks a minute past midnight until 2011
    "Asia/Kathmandu",
]
LENGTHS = {"day": (1, 1), "week": (7, 7), "month": (28, 31)}
BOUNDS = """
SELECT budget_start($1, $2, at) AS starts_at, budget_end($1, $2, at) AS ends_at FROM unnest($3::timestamptz[]) AS at
"""


class Clock:
    """What the database says of periods."""

    def __init__(self, dsn: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(asyncpg.connect(dsn))

    def bounds(self, period: str, zone: str, *instants: datetime) -> list[tuple[datetime, datetime | None]]:
        rows = self._runner.run(self._connection.fetch(BOUNDS, period, zone, list(instants)))
        return [(row["starts_at"], row["ends_at"]) for row in rows]

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()


@pytest.fixture
def clock(dsn: str) -> Generator[Clock, None, None]:
    made = Clock(dsn)
    yield made
    made.close()


def changes() -> list[tuple[str, datetime]]:
    """When clocks are changed in these zones, by the hour."""
    found = []
    for zone in ZONES:
        at, offset = datetime(2010, 1, 1, tzinfo=UTC), None
        while at.year < 2013 or (2025 < at.year < 2029):
            now = at.astimezone(ZoneInfo(zone)).utcoffset()
            if offset not in (None, now):
                found.append((zone, at))
            at, offset = at + timedelta(hours=1), now
    return found


INSTANTS = st.datetimes(datetime(2009, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001  # made UTC at once
    lambda each: each.replace(tzinfo=UTC)
)
PLACES = st.one_of(
    st.tuples(st.sampled_from(ZONES), INSTANTS),
    st.builds(
        lambda change, minutes: (change[0], change[1] + timedelta(minutes=minutes)),
        st.sampled_from(changes()),
        st.integers(-26 * 60, 26 * 60),
    ),
)


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PLACES, st.sampled_from(sorted(LENGTHS)))
@example(("America/Havana", datetime(2026, 11, 1, 4, 30, tzinfo=UTC)), "day")
@example(("America/St_Johns", datetime(2010, 11, 7, 2, 30, 30, tzinfo=UTC)), "day")
@example(("Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)), "day")
def test_every_instant_lies_in_exactly_one_period(
    clock: Clock, place: tuple[str, datetime], period: str
) -> None:
    zone, at = place
    [(start, end)] = clock.bounds(period, zone, at)
    assert end is not None
    assert start <= at < end
    inside = [start, start + (end - start) / 2, end - timedelta(microseconds=1)]
    assert clock.bounds(period, zone, *inside) == [(start, end)] * 3, "whoever is in it finds the same"
    before, after = clock.bounds(period, zone, start - timedelta(microseconds=1), end)
    assert (before[1], after[0]) == (start, end), "one begins where the other ends"
    least, most = LENGTHS[period]
    assert timedelta(days=least, hours=-2) <= end - start + timedelta(days=zone == "Pacific/Apia")
    assert end - start <= timedelta(days=most, hours=2)


@pytest.mark.parametrize(
    ("zone", "period", "at", "start", "end"),
    [
        ("Europe/Berlin", "day", "2026-03-29T12:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("Europe/Berlin", "day", "2026-10-25T12:00Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
        ("America/New_York", "month", "2026-11-15T12:00Z", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
        ("Australia/Lord_Howe", "day", "2026-04-05T00:00Z", "2026-04-04T13:00Z", "2026-04-05T13:30Z"),
        ("Asia/Kolkata", "day", "2028-02-29T00:00Z", "2028-02-28T18:30Z", "2028-02-29T18:30Z"),
        ("UTC", "month", "2028-02-29T23:59Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
        ("Asia/Kolkata", "month", "2026-12-31T18:30Z", "2026-12-31T18:30Z", "2027-01-31T18:30Z"),
        ("America/New_York", "week", "2027-01-01T04:00Z", "2026-12-28T05:00Z", "2027-01-04T05:00Z"),
        ("Pacific/Apia", "day", "2011-12-30T09:59Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z"),
        ("America/Havana", "day", "2026-03-08T04:59Z", "2026-03-07T05:00Z", "2026-03-08T05:00Z"),
        ("America/Havana", "day", "2026-11-01T04:30Z", "2026-10-31T04:00Z", "2026-11-01T05:00Z"),
    ],
)
def test_a_period_is_that_of_the_calendar_there(
    clock: Clock, zone: str, period: str, at: str, start: str, end: str
) -> None:
    assert clock.bounds(period, zone, datetime.fromisoformat(at)) == [
        (datetime.fromisoformat(start), datetime.fromisoformat(end))
    ]


def test_a_total_never_ends(clock: Clock) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.bounds("total", "Asia/Kolkata", at) == [(datetime(1970, 1, 1, tzinfo=UTC), None)]
