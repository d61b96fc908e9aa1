"""Who may answer, by what it costs."""

from datetime import UTC, datetime

import pytest
import time_machine

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Price, Profile
from podium.errors import Unpriced
from podium.routing.choose import Chooser, choose

LAB = Endpoint("lab", "openai_chat", "http://127.0.0.1:9/v1")
PRICED = Profile("lab", "small", price=Price(input=150_000, output=600_000))
HOSTED = Endpoint("deepseek", "openai_chat", "http://127.0.0.1:9", price_list="deepseek")


def catalogue(*, allow_unpriced: bool = False) -> Catalogue:
    return Catalogue(
        endpoints={"lab": LAB, "deepseek": HOSTED},
        profiles={PRICED.name: PRICED},
        routes={"fast": ("lab/dark", "lab/small", "lab/darker"), "dark": ("lab/dark", "lab/darker")},
        allow_unpriced=allow_unpriced,
    )


def test_a_model_without_a_price_is_refused_by_name_with_what_to_write_where() -> None:
    with pytest.raises(Unpriced) as caught:
        choose(catalogue(), "lab/dark")
    error = caught.value
    assert (error.code, error.param) == ("model_unpriced", "model")
    assert "'lab/dark'" in error.message
    assert error.hint is not None
    assert '[models."lab/dark"]' in error.hint
    assert 'price = { input = "0.15", output = "0.60" }' in error.hint
    assert "allow_unpriced = true" in error.hint


def test_a_route_skips_candidates_without_a_price_and_says_so() -> None:
    plan = choose(catalogue(), "fast")
    assert [each.profile.name for each in plan.candidates] == ["lab/small"]
    assert plan.decided.chosen == "lab/small"
    assert plan.decided.candidates == ("lab/small",)
    assert plan.decided.reason.endswith("; skipped, as no price is known: lab/dark, lab/darker")


def test_a_route_without_any_price_is_refused_with_all_its_names() -> None:
    with pytest.raises(Unpriced, match=r"'lab/dark', 'lab/darker'"):
        choose(catalogue(), "dark")


def test_models_without_a_price_are_called_where_the_operator_allows_it() -> None:
    plan = choose(catalogue(allow_unpriced=True), "fast")
    assert [each.profile.name for each in plan.candidates] == ["lab/dark", "lab/small", "lab/darker"]
    assert "skipped" not in plan.decided.reason


def test_a_plan_is_remembered_until_a_price_may_have_changed() -> None:
    chooser = Chooser(catalogue())

    def asked() -> Price | None:
        return chooser("deepseek/deepseek-v4-pro").candidates[0].profile.price

    with time_machine.travel(datetime(2026, 11, 21, 5, 59, 0, tzinfo=UTC), tick=False) as clock:
        before = asked()
        clock.shift(59)
        assert asked() is before
        clock.shift(1)
        after = asked()
    assert before is not None
    assert after is not None
    assert before.input != after.input


def test_what_costs_nothing_has_a_price() -> None:
    free = Endpoint("house", "openai_chat", "http://127.0.0.1:9/v1", price=Price(input=0, output=0))
    plan = choose(Catalogue(endpoints={"house": free}), "house/any")
    assert plan.candidates[0].profile.price == Price(input=0, output=0)
