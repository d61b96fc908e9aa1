"""What is held for a request is not less than what its host bills: in recordings, and for any text."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from podium.catalogue.profile import Profile
from podium.tokens.count import ceiling, count_request, count_text
from podium.tokens.family import family_of
from podium.vocabulary.part import Audio, Document, Json, Media, Reasoning, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line, Request, Role, Schema, Tool
from tests.tokens.measured import Measured, measured
from tests.wires.recorded import folder

RECORDINGS = folder()
MODELS = ["gpt-4o", "gpt-4", "claude-sonnet-4-5", "claude-opus-4-8", "gemini-2.5-flash", "llama-9"]

# Requests of which the recording does not show what the host read.
UNTRUE = {
    "anthropic/openinference__litellm__TestTokenCounts.test_anthropic#0",  # its usage was written by hand
    "groq/pydantic-ai__test_groq__test_groq_model_web_search_tool_stream#0",  # a model that searches by itself
    "openai-chat/dd-trace-py__openai__v1__chat_completion_tool_call_streamed#0",  # tools were cut from the request
    "openrouter/pydantic-ai__test_openrouter__test_openrouter_stream_with_native_options#0",  # another model answered
    "openrouter/pydantic-ai__test_openrouter__test_openrouter_with_native_options#0",  # likewise
}


@pytest.fixture(scope="module")
def recorded() -> list[Measured]:
    if RECORDINGS is None:
        pytest.skip("PODIUM_TEST_DATA has no recordings")
    return list(measured(RECORDINGS))


async def test_no_recorded_request_was_billed_above_its_ceiling(recorded: list[Measured]) -> None:
    """But for what a host's own tools added to it, which nobody can know beforehand."""
    above, judged = [], 0
    for each in recorded:
        if each.is_closed and each.name not in UNTRUE:
            judged += 1
            counted = await count_request(each.request, each.profile)
            most = ceiling(each.request, each.profile)
            assert counted.tokens <= counted.ceiling <= most, each.name
            if each.billed > counted.ceiling:
                above.append((each.name, each.billed, counted))
    assert judged > 2_000
    assert above == []


async def test_plain_requests_to_openai_are_counted_to_the_token(recorded: list[Measured]) -> None:
    """All but one in twenty, which are off by one or were billed for what the recording does not show."""
    off: Counter[int] = Counter()
    for each in recorded:
        counted = await count_request(each.request, each.profile)
        if counted.method == "local_exact" and each.name not in UNTRUE:
            off[each.billed - counted.tokens] += 1
    assert off.total() > 200
    assert off[0] >= 0.95 * off.total()
    assert max(off) <= 6


@pytest.mark.parametrize(("family", "least", "most"), [("claude", 0.7, 1.5), ("gemini", 0.7, 1.5)])
async def test_long_estimates_are_near_the_bill(
    recorded: list[Measured], family: str, least: float, most: float
) -> None:
    ratios = []
    for each in recorded:
        plain = not each.request.tools and each.request.schema is None
        texts = all(isinstance(part, Text) for line in each.request.lines for part in line.parts)
        long = each.billed > 150 and each.is_closed and each.name not in UNTRUE
        if family in each.profile.model and plain and texts and long:
            ratios.append((await count_request(each.request, each.profile)).tokens / each.billed)
    ratios.sort()
    assert len(ratios) >= 10
    assert least <= ratios[len(ratios) // 10]
    assert ratios[len(ratios) * 9 // 10] <= most


any_text = st.text(st.characters(), max_size=300)


@given(any_text, st.sampled_from(MODELS))
async def test_any_text_has_a_count_and_it_is_not_above_its_ceiling(text: str, model: str) -> None:
    counted = await count_text(text, model)
    assert 0 <= counted.tokens <= counted.ceiling <= len(text.encode(errors="surrogatepass"))


parts = st.one_of(
    st.builds(Text, any_text),
    st.builds(Reasoning, any_text),
    st.builds(ToolCall, any_text, any_text, any_text),
    st.builds(ToolResult, any_text, st.lists(st.builds(Text, any_text), max_size=2).map(tuple)),
    st.builds(
        Document,
        st.builds(Media, st.just("inline"), any_text, st.sampled_from(["text/plain", "application/pdf"])),
    ),
    st.builds(Audio, st.builds(Media, st.sampled_from(["inline", "url"]), any_text)),
    st.just(Json(Raw(b'{"a": 1}'))),
)
roles: st.SearchStrategy[Role] = st.sampled_from(["system", "user", "assistant", "tool"])
lines = st.builds(Line, roles, st.lists(parts, max_size=3).map(tuple), st.none() | any_text)


@given(st.lists(lines, max_size=4).map(tuple), lines, st.sampled_from(MODELS))
async def test_any_request_has_a_count_and_more_of_it_is_not_less(
    some: tuple[Line, ...], more: Line, model: str
) -> None:
    profile = Profile("host", model)
    before = await count_request(Request(model, some), profile)
    after = await count_request(Request(model, (*some, more)), profile)
    assert before.tokens <= before.ceiling <= ceiling(Request(model, some), profile)
    assert before.tokens <= after.tokens
    assert before.ceiling <= after.ceiling
    assert after == await count_request(Request(model, (*some, more)), profile)


@pytest.mark.parametrize("model", MODELS)
async def test_tools_and_schemas_are_counted(model: str) -> None:
    schema = Raw(b'{"type": "object", "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}}}')
    bare = Request(model, (Line("user", (Text("hello"),)),))
    tool = Tool("get_weather", "Tells the weather of a city.", schema)
    profile = Profile("host", model)
    counts = [
        await count_request(each, profile)
        for each in (
            bare,
            Request(model, bare.lines, tools=(tool,)),
            Request(model, bare.lines, tools=(tool, tool)),
            Request(model, bare.lines, tools=(tool, tool), schema=Schema("answer", schema)),
        )
    ]
    assert [each.tokens for each in counts] == sorted({each.tokens for each in counts})
    assert [each.ceiling for each in counts] == sorted({each.ceiling for each in counts})


@pytest.mark.parametrize(
    "parameters",
    [b"", b"[]", b"{", b'{"properties": 5}', b'{"properties": {"a": 1}, "required": "x"}', b"[" * 9999],
)
async def test_a_schema_that_is_none_is_counted_by_its_bytes_at_most(parameters: bytes) -> None:
    tool = Tool("f", None, Raw(parameters))
    for model in MODELS:
        counted = await count_request(Request(model, (), tools=(tool,)), Profile("host", model))
        assert 0 < counted.tokens <= counted.ceiling


def test_a_models_family_is_found_by_the_last_part_of_its_name() -> None:
    assert family_of("openai/gpt-4o-2024-08-06") is family_of("gpt-4o")
    assert family_of("gpt-4-turbo").vocabulary == "cl100k_base"
    assert family_of("gpt-4.1-nano").vocabulary == family_of("o4-mini").vocabulary == "o200k_base"
    assert family_of("eu.anthropic.claude-sonnet-4-5-20250929-v1:0") is family_of("claude-3-5-haiku-latest")
    assert family_of("claude-opus-5-1") is family_of("anthropic/claude-opus-4.8")
    assert family_of("claude-opus-5-1") is not family_of("claude-opus-4-6")
    assert family_of("anything-else").vocabulary is None


def test_counting_stands_on_nothing_but_values() -> None:
    package = Path(__file__).parents[2] / "src/podium/tokens"
    imported = {
        line.split()[1].split(".")[1]
        for path in package.glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith("from podium.")
    }
    assert imported <= {"tokens", "vocabulary", "catalogue", "kit", "errors"}
