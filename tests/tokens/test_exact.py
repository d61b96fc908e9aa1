"""Counts in OpenAI's vocabularies are those of OpenAI's own encoder, offline and whatever the text."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.catalogue.profile import Profile
from podium.tokens import vocabulary
from podium.tokens.count import count_request, count_text
from podium.tokens.vocabulary import VocabularyName, pieces, tokens_of
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request

ROOT = os.environ.get("PODIUM_TEST_DATA")
FIXTURES = Path(ROOT or "/nowhere") / "data" / "token_fixtures"
with_fixtures = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="PODIUM_TEST_DATA has no data/token_fixtures"
)

# As tiktoken pins them.
SUMS: dict[VocabularyName, str] = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
NAMES: list[VocabularyName] = ["o200k_base", "cl100k_base"]


def fixtures() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / "fixtures.jsonl").read_text().splitlines()]


def plans(name: str) -> Iterator[tuple[str, int]]:
    """The samples of gpt-tokenizer's own test plan, each with the number of its tokens."""
    text = (FIXTURES / "gpt_tokenizer_TestPlans.txt").read_text(encoding="utf-8")
    plan = re.compile(
        r"^EncodingName: (\S+)\nSample: (.*?)\nEncoded: (\[[^\]]*\])$", re.MULTILINE | re.DOTALL
    )
    for encoding, sample, encoded in plan.findall(text):
        if encoding == name:
            yield sample, len(json.loads(encoded))


@pytest.mark.parametrize("name", NAMES)
def test_the_vocabulary_is_openais_to_the_byte(name: VocabularyName) -> None:
    packed = resources.files("podium.tokens").joinpath("vocabularies", f"{name}.tiktoken.gz").read_bytes()
    data = gzip.decompress(packed)
    assert hashlib.sha256(data).hexdigest() == SUMS[name]
    assert [int(line.split()[1]) for line in data.splitlines()] == list(range(data.count(b"\n")))


@with_fixtures
@pytest.mark.parametrize("name", NAMES)
def test_every_fixture_is_counted_to_the_token(name: VocabularyName) -> None:
    rows = fixtures()
    assert len(rows) >= 200
    wrong = [(row["text"][:40], tokens_of(name, row["text"]), row[name]) for row in rows]
    assert [each for each in wrong if each[1] != each[2]] == []


@with_fixtures
@pytest.mark.parametrize("name", NAMES)
def test_the_plans_of_another_encoder_agree(name: VocabularyName) -> None:
    samples = list(plans(name))
    assert len(samples) >= 20
    wrong = [(sample[:40], tokens_of(name, sample), tokens) for sample, tokens in samples]
    assert [each for each in wrong if each[1] != each[2]] == []


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("gpt-4o", 7 + 1), ("openai/gpt-4o-mini", 7 + 1), ("gpt-4", 7 + 1), ("gpt-5", 7), ("o3-mini", 7)],
)
async def test_openais_framing_is_counted_with_it(model: str, tokens: int) -> None:
    """Three for the line, one for its role, three for the answer; models that reason take one less."""
    counted = await count_request(Request(model, (Line("user", (Text("hello"),)),)), Profile("openai", model))
    assert (counted.tokens, counted.method) == (tokens, "local_exact")
    assert counted.ceiling >= counted.tokens


async def test_special_tokens_in_a_text_are_text() -> None:
    assert (await count_text("<|endoftext|>", "gpt-4o")).tokens == 7


@pytest.mark.parametrize(
    "text", [" " * 1_000_000, "a" * 300_000, "\n" * 300_000, "^" * 300_000, "今" * 300_000]
)
async def test_a_huge_run_of_one_character_is_counted(text: str) -> None:
    """The encoder's regular expressions panic at a million blanks; a text is given to them in pieces."""
    counted = await count_text(text, "gpt-4o")
    assert 0 < counted.tokens <= len(text.encode())


@with_fixtures
def test_a_long_text_cut_into_pieces_counts_as_it_would_whole() -> None:
    prose = " ".join(row["text"] for row in fixtures() if row["kind"] != "edge")
    text = prose * (250_000 // len(prose) + 1)
    cut = list(pieces(text))
    assert len(cut) > 2
    assert "".join(cut) == text
    for name in NAMES:
        assert tokens_of(name, text) == len(vocabulary._vocabulary(name).encode_ordinary(text))


@given(st.text(st.characters(), max_size=400))
def test_any_text_has_a_count_and_no_token_is_less_than_a_byte(text: str) -> None:
    for name in NAMES:
        assert (len(text) > 0) <= tokens_of(name, text) <= len(text.encode(errors="surrogatepass"))


@given(st.text(max_size=100), st.text(max_size=100))
def test_two_texts_that_meet_between_words_add_up(one: str, other: str) -> None:
    """So a long text may be counted in pieces, cut where a letter and a blank before a letter meet."""
    one, other = f"{one}a", f" a{other}"
    for name in NAMES:
        assert tokens_of(name, one + other) == tokens_of(name, one) + tokens_of(name, other)


def test_no_vocabulary_is_loaded_before_it_is_needed() -> None:
    """Neither by the import, nor by a ceiling, nor by a model of another vocabulary."""
    program = """
import asyncio, sys
from podium.catalogue.profile import Profile
from podium.tokens import vocabulary
from podium.tokens.count import ceiling, count_request, count_text
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request
request = Request("m", (Line("user", (Text("hello"),)),))
ceiling(request, Profile("openai", "gpt-4o"))
asyncio.run(count_request(request, Profile("anthropic", "claude-sonnet-4-5")))
print("tiktoken" in sys.modules)
asyncio.run(count_text("hello", "gpt-4o"))
print("tiktoken" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "True"]


@with_fixtures
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gemini-2.5-flash", "llama-9"])
async def test_a_ceiling_by_script_is_above_both_known_vocabularies(model: str) -> None:
    """Prose, sums, JSON, code, hex, base64 and ten scripts."""
    below = []
    for row in fixtures():
        counted = await count_text(row["text"], model)
        if counted.ceiling < max(row["o200k_base"], row["cl100k_base"]):
            below.append((row["text"][:40], counted, row["o200k_base"], row["cl100k_base"]))
    assert below == []


@with_fixtures
@pytest.mark.parametrize("kind", ["query", "mt_bench", "maths_answer", "tool_message_json"])
async def test_an_estimate_by_script_is_near_the_count(kind: str) -> None:
    """Nine in ten within a quarter of o200k_base's count, of which a stranger's is a tenth more."""
    ratios = [
        (await count_text(row["text"], "llama-9")).tokens / (1.1 * row["o200k_base"])
        for row in fixtures()
        if row["kind"] == kind
    ]
    ratios.sort()
    assert ratios[len(ratios) // 20] > 0.8
    assert ratios[-len(ratios) // 20] < 1.25
