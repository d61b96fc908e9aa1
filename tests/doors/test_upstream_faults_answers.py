"""Answers that break off, are garbled, too much or strange: what clients see through each door, of each host.

Each heading is a fault of the fault model (docs/faults.md).
"""

import logging
import re
import resource
from collections.abc import AsyncGenerator

import pytest

from podium.simulator import Served
from tests.doors.clients import WIRES, Told, ask
from tests.doors.podium import Podium, podium
from tests.doors.upstream import three_hosts, turn
from tests.simulator.serving import wait_until_idle

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class:DeprecationWarning"
)  # Google's SDK does that

BOTH = (True, False)
SAID = "one two three four"


@pytest.fixture
async def house(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=three_hosts) as running:
        yield running


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    """What the host speaks."""
    return str(request.param)


@pytest.fixture(params=WIRES)
def door(request: pytest.FixtureRequest) -> str:
    """What the client speaks."""
    return f"{request.param}"


async def served(house: Podium) -> Served:
    """The last call that the simulator served."""
    last = await wait_until_idle(house.host)
    assert last is not None
    return last


def assert_broken(told: Told, *, stream: bool, beginning: str) -> None:
    """The SDK raised; of a stream its caller has the beginning, of a whole answer nothing."""
    assert told.error is not None, told
    assert told.finish is None
    assert told.text == (beginning if stream else "")
    assert told.status is None or told.status >= 500 or (stream and told.status == 200)


# ── U8, U17: no end ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_without_its_end_never_looks_finished_at_any_door(
    house: Podium, door: str, wire: str
) -> None:
    for end in ("[[fault end after=2]]", "[[fault close after=2]]", "[[fault reset after=2]]"):
        for stream in BOTH:
            told = await ask(house.url, door, f"once-{wire}/any", f"[[say {SAID}]] {end}", stream=stream)
            assert_broken(told, stream=stream, beginning="one two")
    for end in ("[[finish=none]]", "[[fault end after=99]]", "[[fault end after=headers]]"):
        for stream in BOTH:
            told = await ask(house.url, door, f"once-{wire}/any", f"[[say {SAID}]] {end}", stream=stream)
            assert_broken(told, stream=stream, beginning="" if "headers" in end else SAID)


async def test_an_answer_cut_at_any_byte_is_whole_or_an_error(house: Podium, wire: str) -> None:
    """Whole is what has its finish reason, and then all of its text."""
    model = f"once-{wire}/any"
    for stream in BOTH:
        await ask(house.url, wire, model, f"[[say {SAID}]]", stream=stream)
        length = (await served(house)).bytes
        outcomes = set()
        for at in range(0, length, length // 20 + 1):
            told = await ask(house.url, wire, model, f"[[say {SAID}]] [[fault end at={at}]]", stream=stream)
            assert SAID.startswith(told.text)
            assert (told.finish is None) is (told.error is not None)
            assert told.error is not None or told.text == SAID
            outcomes.add(told.error is None)
        assert False in outcomes


async def test_what_broke_off_is_kept_and_its_turn_is_interrupted(house: Podium, wire: str) -> None:
    for fault in ("end", "close", "reset", "bad-json", "garbage", "error"):
        asked = f"[[say {SAID}]] [[fault {fault} after=3]]"
        report, story = await turn(house, asked, f"once-{wire}/any")
        assert (report["status"], report["output_text"]) == ("interrupted", "one two three"), fault
        assert report["finish_reason"] is None
        assert report["error"]["code"] == {
            "bad-json": "upstream_protocol_error",
            "garbage": "upstream_protocol_error",
            "error": "upstream_overloaded",
        }.get(fault, "upstream_truncated")
        assert len(story["attempts"]) == 1


async def test_what_broke_off_before_its_first_word_is_asked_again(house: Podium, wire: str) -> None:
    for number, fault in enumerate(("end", "close", "reset", "bad-json", "error", "end at=50", "html")):
        asked = f"[[fault {fault} times=1 key=cut{number}]] [[say done]]"
        told = await ask(house.url, wire, f"{wire}/any", asked, stream=True)
        assert (told.text, told.error) == ("done", None), fault


# ── U9, U10: garbled, and only oddly framed ──────────────────────────────────────────────────────────────


async def test_garbage_in_the_middle_is_an_error_at_every_door_and_none_of_it_is_shown(
    house: Podium, door: str, wire: str
) -> None:
    for fault in ("bad-json", "garbage"):
        for stream in BOTH:
            asked = f"[[say {SAID}]] [[fault {fault} after=2]]"
            told = await ask(house.url, door, f"once-{wire}/any", asked, stream=stream)
            assert_broken(told, stream=stream, beginning="one two")
            assert "garbage" not in told.message
            assert "broken" not in told.message


async def test_however_an_answer_is_cut_into_bytes_and_lines_its_text_is_the_same(
    house: Podium, wire: str
) -> None:
    text = "grün 🙂 𝄞 naïve 漢字"
    for fault in ("odd", "drip bytes=1", "drip bytes=7", "gzip", "json", "sse"):
        for stream in BOTH:
            asked = f"[[say {text}]] [[fault {fault}]]"
            told = await ask(house.url, wire, f"once-{wire}/any", asked, stream=stream)
            assert (told.text, told.error) == (text, None), (fault, stream)


# ── U14, U15: errors and pages in place of answers ───────────────────────────────────────────────────────


async def test_an_error_under_status_200_is_that_error(house: Podium, wire: str) -> None:
    for inside, outside in ((429, 429), (500, 503), (503, 503), (529, 503), (400, 400), (401, 502)):
        for stream in BOTH:
            asked = f"[[fault error status={inside}]]"
            told = await ask(house.url, wire, f"once-{wire}/m{inside}{stream}", asked, stream=stream)
            assert told.status == outside, (inside, stream)


async def test_a_web_page_in_place_of_an_answer_is_a_502_that_shows_nothing_of_it(
    house: Podium, wire: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="podium.providers.remote")
    for stream in BOTH:
        told = await ask(house.url, wire, f"once-{wire}/any", "[[fault html]]", stream=stream)
        assert told.status == 502
        assert "web page" in told.message
        assert "sign in" not in told.message.lower()
    assert all(len(record.getMessage()) < 400 for record in caplog.records)


# ── U16: things that come twice ──────────────────────────────────────────────────────────────────────────


async def test_an_end_that_comes_twice_does_no_harm(house: Podium, door: str, wire: str) -> None:
    told = await ask(house.url, door, f"once-{wire}/any", f"[[say {SAID}]] [[finish=twice]]", stream=True)
    assert (told.text, told.error) == (SAID, None)


@pytest.mark.parametrize("wire", ["openai_chat", "anthropic"])  # Gemini's has no terminator to stop at
async def test_a_stream_that_comes_twice_is_heard_once(house: Podium, wire: str) -> None:
    told = await ask(house.url, wire, f"once-{wire}/any", f"[[say {SAID}]] [[fault repeat]]", stream=True)
    assert (told.text, told.error) == (SAID, None)
    said = await served(house)
    assert told.usage == (said.usage.input_total, said.usage.output_total)


@pytest.mark.parametrize("wire", ["openai_chat", "anthropic"])  # Gemini numbers nothing
async def test_a_call_whose_beginning_comes_twice_is_one_call(house: Podium, door: str, wire: str) -> None:
    asked = '[[fault twice after=1]] [[call get_weather {"city": "Oslo"}]]'
    told = await ask(house.url, door, f"once-{wire}/any", asked, stream=True)
    [(name, arguments)] = told.calls
    assert name == "get_weather"
    assert re.fullmatch(r"""\{['"]city['"]: ?['"]Oslo['"]\}""", arguments)


# ── U18: strange counts ──────────────────────────────────────────────────────────────────────────────────


async def test_a_strange_count_never_breaks_an_answer_and_is_never_negative(house: Podium, wire: str) -> None:
    for usage in ("absent", "null", "negative", "absurd", "float", "text", "cumulative"):
        report, _ = await turn(house, f"[[usage={usage}]] [[say {SAID}]]", f"once-{wire}/any")
        assert (report["status"], report["output_text"]) == ("completed", SAID)
        counted = report["usage"]
        assert counted is None or all(0 <= count <= 10**9 for count in counted.values())
        if usage in ("cumulative", "float"):
            said = await served(house)
            assert (counted["input"], counted["output"]) == (said.input, said.output)


async def test_what_the_host_counts_is_what_it_served_whatever_the_answer(house: Podium, wire: str) -> None:
    """The oracle of the simulator counts by itself; what turns say is what the host told of it."""
    for asked in (
        "hello",
        "[[reason Hm, well.]] [[say yes]]",
        "[[cached=3]] a longer question, of which a part was known",
        '[[call get_weather {"city": "Oslo"}]]',
        "[[tokens=500]]",
        "[[fault sse]] hello",
        "[[fault 503 times=1 key=once]] hello",
    ):
        report, _ = await turn(house, asked, f"{wire}/any")
        assert report["status"] == "completed", asked
        counted, said = report["usage"], await served(house)
        mine = {name: counted[name] for name in ("input", "cached_input", "output", "reasoning")}
        assert mine == {name: getattr(said, name) for name in mine}, asked


# ── U19: too much ────────────────────────────────────────────────────────────────────────────────────────


async def test_too_much_is_cut_at_the_caps_and_no_other_attempt_is_made(house: Podium, wire: str) -> None:
    many_calls = "[[call f {}]]" * 2_000
    for asked in (
        "[[fault huge after=1 size=5000000]]",
        "[[fault bomb size=100000000]]",
        "[[tokens=20000 chunk=10]]",
        many_calls,
    ):
        told = await ask(house.url, wire, f"narrow-{wire}/any", asked, stream=True)
        assert told.error is not None, asked[:40]
        assert told.finish is None
        assert len(house.host.oracle.calls) + len(house.host.oracle.running) == 1
        await wait_until_idle(house.host)
        house.host.oracle.forget()


async def test_a_gzip_bomb_and_one_endless_event_cost_little_memory(house: Podium, wire: str) -> None:
    await ask(house.url, wire, f"once-{wire}/any", "warm up")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for asked in ("[[fault bomb size=10000000000]]", "[[fault huge size=50000000]]"):
        told = await ask(house.url, wire, f"once-{wire}/any", asked, stream=True)
        assert told.status == 502
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 << 10, "KiB, the simulator's own share of it in the same process included"


async def test_json_nested_beyond_all_bounds_is_a_502_and_within_them_no_matter(
    house: Podium, wire: str
) -> None:
    for stream in BOTH:
        told = await ask(house.url, wire, f"once-{wire}/any", "[[fault deep size=100000]]", stream=stream)
        assert told.status == 502
        asked = f"[[say {SAID}]] [[fault deep size=100 after=1]]"
        assert (await ask(house.url, wire, f"once-{wire}/any", asked, stream=stream)).text == SAID


# ── U20: calls that are wrong ────────────────────────────────────────────────────────────────────────────


async def test_calls_are_the_clients_to_judge_and_come_as_they_were_made(
    house: Podium, door: str, wire: str
) -> None:
    """Of tools that the client runs: an unknown one, and the same call twice with ids of their own."""
    asked = '[[call nobody_knows {"a": 1}]] [[call nobody_knows {"a": 1}]]'
    for stream in BOTH:
        told = await ask(house.url, door, f"once-{wire}/any", asked, stream=stream)
        assert [name for name, _ in told.calls] == ["nobody_knows"] * 2
        assert told.finish in ("tool_calls", "tool_use", "STOP")


async def test_a_call_that_was_cut_off_is_never_shown_as_a_whole_one(house: Podium) -> None:
    """Anthropic's hosts end a block whose input is no JSON where they run out of tokens."""
    asked = '[[call get_weather {"city": ]]'
    told = await ask(house.url, "gemini", "once-anthropic/any", asked, stream=True)
    assert (told.calls, told.finish) == ([], "MALFORMED_FUNCTION_CALL")
    told = await ask(house.url, "openai_chat", "once-openai_chat/any", asked, stream=True)
    assert told.calls == [("get_weather", '{"city":')]


# ── U24: ends that are no errors ─────────────────────────────────────────────────────────────────────────

ENDS = {
    "length": {"openai_chat": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"},
    "content_filter": {"openai_chat": "content_filter", "anthropic": "refusal", "gemini": "SAFETY"},
    "stop": {"openai_chat": "stop", "anthropic": "end_turn", "gemini": "STOP"},
}


async def test_why_an_answer_ended_is_said_in_the_doors_own_word_and_is_no_error(
    house: Podium, door: str, wire: str
) -> None:
    for reason, words in ENDS.items():
        for stream in BOTH:
            asked = f"[[say {SAID}]] [[finish={reason}]]"
            told = await ask(house.url, door, f"once-{wire}/any", asked, stream=stream)
            assert (told.finish, told.text, told.error) == (words[door], SAID, None)
