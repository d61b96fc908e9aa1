"""What is known of the large hosts' models, by patterns of their names; the first pattern that fits counts.

Newer models go before older ones of a shorter name. The last patterns of a family are the careful guess for models
that are newer than this list. Sources, as of November 2026: https://platform.claude.com/docs/en/about-claude/models
with the pages on thinking, effort and migration; https://ai.google.dev/gemini-api/docs/thinking and
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking;
https://platform.openai.com/docs/models with the page on reasoning.
"""

from dataclasses import replace

from podium.catalogue.profile import MEDIA, Medium, Profile
from podium.catalogue.thinking import BUDGETS, Thinking

_MILLION = 1_000_000
_MEBI = 1_048_576

_PICTURES_AND_PAGES: frozenset[Medium] = frozenset({"image", "document"})
_TEXT_ALONE: frozenset[Medium] = frozenset()

# ── Claude ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_BY_BUDGET = Thinking(least=1_024, most=63_999)
_TO_MAX = ("low", "medium", "high", "max")
_TO_XHIGH = ("low", "medium", "high", "xhigh", "max")

_CLAUDE = Profile(
    "", "", context_window=200_000, output_limit=64_000, thinking=_BY_BUDGET, media=_PICTURES_AND_PAGES
)
_CLAUDE_4_5 = replace(_CLAUDE, native_schema=True, sampling="one")
_CLAUDE_4_6 = replace(_CLAUDE_4_5, context_window=_MILLION, output_limit=128_000, thinking=Thinking(_TO_MAX))
_CLAUDE_4_7 = replace(_CLAUDE_4_6, thinking=Thinking(_TO_XHIGH), sampling="none")
_CLAUDE_5 = replace(_CLAUDE_4_7, thinking=Thinking(_TO_XHIGH, off="disabled"), inline_system=True)
_CLAUDE_ALWAYS = replace(_CLAUDE_5, thinking=Thinking(_TO_XHIGH, off="never"))

_CLAUDES: tuple[tuple[str, Profile], ...] = (
    ("*claude-fable-5-[1-9]*", replace(_CLAUDE_ALWAYS, forced_choice=False)),
    ("*claude-mythos-5-[1-9]*", replace(_CLAUDE_ALWAYS, forced_choice=False)),
    ("*claude-fable-*", _CLAUDE_ALWAYS),
    ("*claude-mythos-*", _CLAUDE_ALWAYS),
    ("*claude-opus-5-5*", replace(_CLAUDE_ALWAYS, forced_choice=False)),
    (
        "*claude-sonnet-5-5*",
        replace(_CLAUDE_5, thinking=Thinking(_TO_XHIGH, off="between_tools"), forced_choice=False),
    ),
    ("*claude-haiku-5-5*", _CLAUDE_5),
    ("*claude-opus-5*", _CLAUDE_5),
    ("*claude-sonnet-5*", _CLAUDE_5),
    ("*claude-opus-4-8*", replace(_CLAUDE_4_7, inline_system=True)),
    ("*claude-opus-4-7*", _CLAUDE_4_7),
    ("*claude-opus-4-6*", _CLAUDE_4_6),
    ("*claude-sonnet-4-6*", _CLAUDE_4_6),
    ("*claude-opus-4-5*", _CLAUDE_4_5),
    ("*claude-sonnet-4-5*", _CLAUDE_4_5),
    ("*claude-haiku-4-5*", _CLAUDE_4_5),
    ("*claude-opus-4-1*", replace(_CLAUDE_4_5, output_limit=32_000)),
    ("*claude-opus-4*", replace(_CLAUDE, output_limit=32_000)),
    ("*claude-sonnet-4*", _CLAUDE),
    ("*claude-3-7*", _CLAUDE),
    ("*claude-3-5*", replace(_CLAUDE, output_limit=8_192, thinking=Thinking())),
    (
        "*claude-[12]*",
        replace(_CLAUDE, output_limit=4_096, thinking=Thinking(), media=_TEXT_ALONE, tools=False),
    ),
    ("*claude-3*", replace(_CLAUDE, output_limit=4_096, thinking=Thinking())),
    (
        "*claude-*",
        replace(
            _CLAUDE_4_7,
            context_window=200_000,
            output_limit=64_000,
            thinking=Thinking(("low", "medium", "high"), off="never"),
        ),
    ),
)

# ── Gemini ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_TOKENS = {**BUDGETS, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
"""As Google's own OpenAI-compatible API reads efforts: https://ai.google.dev/gemini-api/docs/openai#thinking."""

_LEVELS = ("low", "medium", "high")

_GEMINI = Profile("", "", context_window=_MEBI, output_limit=65_536, media=MEDIA)
_GEMINI_SPEAKS = Profile(
    "", "", context_window=8_192, output_limit=16_384, thinking=Thinking(), media=_TEXT_ALONE, tools=False
)
_GEMINI_2 = replace(_GEMINI, output_limit=8_192, thinking=Thinking(), schema_with_tools=False)
_GEMINI_2_5 = replace(
    _GEMINI, thinking=Thinking(most=24_576, off="disabled", budgets=_TOKENS), schema_with_tools=False
)
_GEMINI_3 = replace(_GEMINI, thinking=Thinking(_LEVELS, off="never", budgets=_TOKENS))
_GEMINI_3_MINIMAL = replace(_GEMINI, thinking=Thinking(("minimal", *_LEVELS), off="never", budgets=_TOKENS))

_GEMINIS: tuple[tuple[str, Profile], ...] = (
    ("gemini-*-tts*", _GEMINI_SPEAKS),
    ("gemini-1*", _GEMINI_2),
    ("gemini-2.0*", _GEMINI_2),
    (
        "gemini-2.5-flash-image*",
        replace(
            _GEMINI_2, context_window=32_768, output_limit=32_768, media=_PICTURES_AND_PAGES, tools=False
        ),
    ),
    (
        "gemini-2.5-flash-lite*",
        replace(_GEMINI_2_5, thinking=Thinking(least=512, most=24_576, off="disabled", budgets=_TOKENS)),
    ),
    (
        "gemini-2.5-pro*",
        replace(_GEMINI_2_5, thinking=Thinking(least=128, most=32_768, off="never", budgets=_TOKENS)),
    ),
    ("gemini-2.5*", _GEMINI_2_5),
    ("gemini-3-pro-image*", replace(_GEMINI_3, context_window=65_536, output_limit=32_768, tools=False)),
    ("gemini-3-pro*", replace(_GEMINI, thinking=Thinking(("low", "high"), off="never", budgets=_TOKENS))),
    ("gemini-3-flash*", _GEMINI_3_MINIMAL),
    ("gemini-3.1-flash*", _GEMINI_3_MINIMAL),
    ("gemini-3.5-flash*", _GEMINI_3_MINIMAL),
    ("gemini-*", _GEMINI_3),
)

# ── OpenAI ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_PLAIN = Profile(
    "", "", context_window=128_000, output_limit=16_384, thinking=Thinking(), media=_PICTURES_AND_PAGES
)
_HEARS = replace(_PLAIN, media=frozenset({"audio"}))
_REASONS = Profile(
    "",
    "",
    context_window=200_000,
    output_limit=100_000,
    thinking=Thinking(_LEVELS, off="never"),
    media=_PICTURES_AND_PAGES,
)
_REASONED_FIRST = replace(
    _REASONS, context_window=128_000, output_limit=65_536, thinking=Thinking(), media=_TEXT_ALONE, tools=False
)
_GPT_5 = Profile(
    "",
    "",
    context_window=400_000,
    output_limit=128_000,
    thinking=Thinking(("minimal", *_LEVELS), off="never"),
    media=_PICTURES_AND_PAGES,
)
_GPT_5_1 = replace(_GPT_5, thinking=Thinking(_LEVELS, off="disabled"))

_OPENAIS: tuple[tuple[str, Profile], ...] = (
    ("gpt-5*-chat*", _PLAIN),
    ("gpt-5*-pro*", replace(_GPT_5, thinking=Thinking(("high",), off="never"))),
    ("gpt-5*-codex*", replace(_GPT_5, thinking=Thinking(_LEVELS, off="never"))),
    ("gpt-5.1*", _GPT_5_1),
    ("gpt-5.*", replace(_GPT_5_1, thinking=Thinking((*_LEVELS, "xhigh"), off="disabled"))),
    ("gpt-5*", _GPT_5),
    ("gpt-4.1*", replace(_PLAIN, context_window=1_047_576, output_limit=32_768)),
    ("gpt-4o-audio*", _HEARS),
    ("gpt-4o-mini-audio*", _HEARS),
    ("gpt-audio*", _HEARS),
    ("gpt-4o*", _PLAIN),
    ("chatgpt-4o*", replace(_PLAIN, tools=False)),
    ("gpt-3.5*", replace(_PLAIN, context_window=16_385, output_limit=4_096, media=_TEXT_ALONE)),
    ("o1-mini*", _REASONED_FIRST),
    ("o1-preview*", replace(_REASONED_FIRST, output_limit=32_768)),
    ("o1*", _REASONS),
    ("o3-mini*", replace(_REASONS, media=_TEXT_ALONE)),
    ("o3*", _REASONS),
    ("o4*", _REASONS),
)

FAMILIES = tuple(replace(profile, model=pattern) for pattern, profile in (*_CLAUDES, *_GEMINIS, *_OPENAIS))
"""Profiles whose `model` is a pattern."""
