"""How much a model is to think, from every dialect to hosts of the wires anthropic and gemini, by what models take."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile, described
from podium.catalogue.thinking import LEVELS, Thinking
from podium.config.families import FAMILIES
from podium.errors import Inexpressible
from podium.vocabulary.request import Effort, Request
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Outgoing

ANTHROPIC, GEMINI, OPENAI = Anthropic(), Gemini(), OpenAIChat()


def of_openai(**members: Any) -> Request:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}
    return OPENAI.read_request({}, json.dumps(body).encode())


def of_anthropic(**members: Any) -> Request:
    body = {"model": "m", "max_tokens": 40_000, "messages": [{"role": "user", "content": "hi"}], **members}
    return ANTHROPIC.read_request({}, json.dumps(body).encode())


def of_gemini(**thinking: Any) -> Request:
    body = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"thinkingConfig": thinking},
    }
    return GEMINI.read_request({"model": "m", "action": "generateContent"}, json.dumps(body).encode())


def to(model: str, request: Request) -> Outgoing:
    """The request as it is sent to a current model by its own wire."""
    wire = GEMINI if model.startswith("gemini") else ANTHROPIC
    return wire.write_request(request, described("e", model, FAMILIES), Endpoint("e", wire.name, "http://e"))


def to_claude(model: str, request: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
    """`thinking` and `output_config` by what they say, and what was dropped."""
    outgoing = to(model, request)
    body = json.loads(outgoing.body)
    thinking = {**body.get("thinking", {}), **body.get("output_config", {})}
    thinking.pop("display", None)
    return thinking, outgoing.dropped


def to_gemini(model: str, request: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
    """`thinkingConfig` but for whether thoughts are shown, and what was dropped."""
    outgoing = to(model, request)
    config = json.loads(outgoing.body).get("generationConfig", {}).get("thinkingConfig", {})
    config.pop("includeThoughts", None)
    return config, outgoing.dropped


NAMED = ("reasoning_effort",)


@pytest.mark.parametrize(
    ("model", "effort", "said", "dropped"),
    [
        ("claude-haiku-4-5", "low", {"type": "enabled", "budget_tokens": 4_096}, ()),
        ("claude-haiku-4-5-20251001", "xhigh", {"type": "enabled", "budget_tokens": 48_000}, ()),
        ("claude-sonnet-4-5", "none", {}, ()),
        ("claude-sonnet-4-6", "minimal", {"type": "adaptive", "effort": "low"}, ()),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive", "effort": "max"}, ()),
        ("claude-opus-4-8", "xhigh", {"type": "adaptive", "effort": "xhigh"}, ()),
        ("claude-opus-4-8", "none", {}, ()),
        ("claude-opus-5", "none", {"type": "disabled"}, ()),
        ("claude-haiku-5-5", "none", {"type": "disabled"}, ()),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, ()),
        ("claude-opus-5-5", "none", {"effort": "low"}, NAMED),
        ("us.anthropic.claude-fable-5-2-v1:0", "none", {"effort": "low"}, NAMED),
        ("claude-3-5-haiku-latest", "low", {}, NAMED),
        ("claude-3-5-haiku-latest", "none", {}, ()),
        ("claude-opus-9", "high", {"type": "adaptive", "effort": "high"}, ()),
        ("claude-opus-4-8", "turbo", {"type": "adaptive"}, NAMED),
    ],
)
def test_an_effort_is_told_to_each_claude_as_it_takes_it(
    model: str, effort: str, said: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    assert to_claude(model, of_openai(reasoning_effort=effort)) == (said, dropped)


@pytest.mark.parametrize(
    ("model", "effort", "said", "dropped"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}, ()),
        ("gemini-2.5-flash", "medium", {"thinkingBudget": 8_192}, ()),
        ("gemini-2.5-flash-lite", "none", {"thinkingBudget": 0}, ()),
        ("gemini-2.5-pro", "xhigh", {"thinkingBudget": 24_576}, ()),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}, NAMED),
        ("gemini-2.5-flash-preview-09-2025", "low", {"thinkingBudget": 1_024}, ()),
        ("gemini-2.0-flash", "low", {}, NAMED),
        ("gemini-2.0-flash", "none", {}, ()),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "high"}, ()),
        ("gemini-3.1-pro-preview", "minimal", {"thinkingLevel": "low"}, ()),
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "minimal"}, NAMED),
        ("gemini-3.8-flash", "xhigh", {"thinkingLevel": "high"}, ()),
        ("gemini-flash-latest", "low", {"thinkingLevel": "low"}, ()),
        ("gemini-3.8-flash", "turbo", {}, NAMED),
    ],
)
def test_an_effort_is_told_to_each_gemini_as_it_takes_it(
    model: str, effort: str, said: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    assert to_gemini(model, of_openai(reasoning_effort=effort)) == (said, dropped)


CONFIGURED = ("generationConfig.thinkingConfig",)


@pytest.mark.parametrize(
    ("thinking", "model", "said", "dropped"),
    [
        ({"thinkingBudget": 6_400}, "claude-haiku-4-5", {"type": "enabled", "budget_tokens": 6_400}, ()),
        (
            {"thinkingBudget": 200},
            "claude-haiku-4-5",
            {"type": "enabled", "budget_tokens": 1_024},
            CONFIGURED,
        ),
        ({"thinkingBudget": 0}, "claude-haiku-4-5", {}, ()),
        ({"thinkingBudget": 0}, "claude-opus-5", {"type": "disabled"}, ()),
        ({"thinkingBudget": -1}, "claude-haiku-4-5", {"type": "enabled", "budget_tokens": 16_384}, ()),
        ({"thinkingBudget": -1}, "claude-opus-5-5", {"type": "adaptive"}, ()),
        ({"thinkingBudget": 6_400}, "claude-opus-4-8", {"type": "adaptive", "effort": "medium"}, ()),
        ({"thinkingLevel": "HIGH"}, "claude-opus-4-8", {"type": "adaptive", "effort": "high"}, ()),
        ({"thinkingLevel": "LOW"}, "claude-haiku-4-5", {"type": "enabled", "budget_tokens": 4_096}, ()),
        (
            {"includeThoughts": True},
            "claude-haiku-4-5",
            {},
            ("generationConfig.thinkingConfig.includeThoughts",),
        ),
        (
            {"includeThoughts": True, "thinkingBudget": 6_400},
            "claude-haiku-4-5",
            {"type": "enabled", "budget_tokens": 6_400},
            (),
        ),
    ],
)
def test_geminis_thinking_config_reaches_claude(
    thinking: dict[str, Any], model: str, said: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    assert to_claude(model, of_gemini(**thinking)) == (said, dropped)


@pytest.mark.parametrize(
    ("members", "model", "said", "dropped"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 3_000}},
            "gemini-2.5-pro",
            {"thinkingBudget": 3_000},
            (),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 30_000}},
            "gemini-2.5-flash",
            {"thinkingBudget": 24_576},
            ("thinking",),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 3_000}},
            "gemini-3.8-flash",
            {"thinkingLevel": "medium"},
            (),
        ),
        ({"thinking": {"type": "disabled"}}, "gemini-2.5-flash", {"thinkingBudget": 0}, ()),
        ({"thinking": {"type": "between_tools"}}, "gemini-2.5-flash", {"thinkingBudget": 0}, ()),
        ({"thinking": {"type": "adaptive"}}, "gemini-2.5-flash", {"thinkingBudget": -1}, ()),
        ({"thinking": {"type": "adaptive"}}, "gemini-3.8-flash", {}, ()),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            "gemini-3.8-flash",
            {"thinkingLevel": "high"},
            (),
        ),
        ({"output_config": {"effort": "low"}}, "gemini-2.5-pro", {"thinkingBudget": 1_024}, ()),
        ({}, "gemini-2.5-flash", {}, ()),
    ],
)
def test_anthropics_thinking_and_effort_reach_gemini(
    members: dict[str, Any], model: str, said: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    assert to_gemini(model, of_anthropic(**members)) == (said, dropped)


def test_a_model_that_thinks_is_asked_to_show_its_thoughts() -> None:
    body = json.loads(to("claude-opus-5-5", of_openai(reasoning_effort="low")).body)
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    body = json.loads(to("gemini-2.5-pro", of_openai(reasoning_effort="low")).body)
    assert body["generationConfig"]["thinkingConfig"]["includeThoughts"] is True
    body = json.loads(to("gemini-2.5-flash", of_openai(reasoning_effort="none")).body)
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}


def test_a_budget_stays_below_the_cap_which_is_the_models_own_where_the_client_has_none() -> None:
    body = json.loads(to("claude-haiku-4-5", of_openai(reasoning_effort="max")).body)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (64_000, 60_000)
    request = of_openai(reasoning_effort="max", max_completion_tokens=8_000)
    body = json.loads(to("claude-haiku-4-5", request).body)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (8_000, 6_000)
    request = of_openai(reasoning_effort="low", max_completion_tokens=1_000_000)
    assert json.loads(to("claude-haiku-4-5", request).body)["max_tokens"] == 64_000


@given(
    model=st.sampled_from(("claude-sonnet-4-5", "claude-3-5-haiku-latest", "claude-opus-5-1", "unheard-of")),
    effort=st.sampled_from(("none", *LEVELS, "turbo")),
    drawn=st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.sampled_from((0.2, 1)),
            "top_p": st.sampled_from((0.5, 1)),
            "tool_choice": st.sampled_from(("auto", "required")),
        },
    ),
)
def test_the_cap_is_the_same_with_an_effort_and_without_but_where_a_budget_demands_more(
    model: str, effort: str, drawn: dict[str, Any]
) -> None:
    asked = {"tools": [{"type": "function", "function": {"name": "f"}}], **drawn}
    plain = json.loads(to(model, of_openai(**asked)).body)["max_tokens"]
    body = json.loads(to(model, of_openai(reasoning_effort=effort, **asked)).body)
    budget = body.get("thinking", {}).get("budget_tokens", 0)
    assert body["max_tokens"] == plain + (budget if model == "unheard-of" else 0)


def test_no_model_is_made_to_think_in_ways_in_which_its_host_lets_none() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    forced = of_openai(reasoning_effort="high", tools=[tool], tool_choice="required")
    assert to_claude("claude-haiku-4-5", forced) == ({}, NAMED)
    assert to_claude("claude-opus-4-6", forced)[0] == {"type": "adaptive", "effort": "high"}
    for drawn in ({"temperature": 0.2}, {"top_p": 0.5}):
        request = of_openai(reasoning_effort="high", **drawn)
        assert to_claude("claude-haiku-4-5", request) == ({}, NAMED)
        assert to_claude("claude-sonnet-4-6", request) == ({"effort": "high"}, NAMED)
    likely = of_openai(reasoning_effort="high", top_k=5, temperature=1)
    assert to_claude("claude-sonnet-4-6", likely) == ({"type": "adaptive", "effort": "high"}, ("top_k",))


def test_what_a_claude_does_not_take_of_drawing_is_dropped_with_notice_but_for_defaults() -> None:
    drawn = of_openai(temperature=0.2, top_p=0.9, top_k=3)
    body = json.loads(to("claude-opus-5-5", drawn).body)
    assert not {"temperature", "top_p", "top_k"} & body.keys()
    assert to("claude-opus-5-5", drawn).dropped == ("temperature", "top_p", "top_k")
    assert to("claude-opus-5-5", of_openai(temperature=1, top_p=1)).dropped == ()
    both = to("claude-haiku-4-5", drawn)
    assert {**json.loads(both.body), "top_p": None}["temperature"] == 0.2
    assert "top_p" not in json.loads(both.body)
    assert both.dropped == ("top_p",)
    only = json.loads(to("claude-haiku-4-5", of_openai(temperature=1, top_p=0.9)).body)
    assert (only["top_p"], "temperature" in only) == (0.9, False)
    with pytest.raises(Inexpressible) as refused:
        to("claude-opus-5-5", of_openai(temperature=1.5))
    assert refused.value.param == "temperature"


def test_a_model_that_cannot_be_made_to_call_a_tool_refuses_to_be() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    for choice in ("required", {"type": "function", "function": {"name": "f"}}):
        with pytest.raises(Inexpressible) as refused:
            to("claude-opus-5-5", of_openai(tools=[tool], tool_choice=choice))
        assert refused.value.param == "tool_choice"
    to("claude-opus-5-5", of_openai(tools=[tool], tool_choice="auto"))


@pytest.mark.parametrize(
    ("effort", "level", "budget"),
    [
        (Effort("none"), None, None),
        (Effort(), None, None),
        (Effort("turbo"), None, None),
        (Effort("minimal"), "low", 2_000),
        (Effort("medium"), "high", 16_384),
        (Effort("max"), "high", 30_000),
        (Effort(tokens=1), "low", 2_000),
        (Effort(tokens=1_000_000), "high", 30_000),
        (Effort("low", tokens=3_000), "low", 3_000),
    ],
)
def test_the_table_tells_levels_and_tokens_by_each_other(
    effort: Effort, level: str | None, budget: int | None
) -> None:
    assert Thinking(("low", "high")).level(effort) == level
    assert Thinking(least=2_000, most=30_000).budget(effort) == budget


def test_every_level_survives_its_way_through_tokens() -> None:
    table = Thinking(LEVELS, most=100_000)
    for level in LEVELS:
        assert table.level(Effort(tokens=table.budget(Effort(level)))) == level


def test_a_model_of_an_unknown_family_has_the_careful_profile() -> None:
    assert described("lab", "small-1", FAMILIES) == Profile("lab", "small-1")
    known = described("openrouter", "anthropic/claude-opus-5-5", FAMILIES)
    assert (known.name, known.context_window) == ("openrouter/anthropic/claude-opus-5-5", 1_000_000)
