"""What models cost, as podium.toml and the environment say it."""

from pathlib import Path

import pytest

from podium.catalogue.profile import Price
from podium.config.load import load
from podium.config.mistake import Misconfigured
from podium.config.settings import Settings

LAB = '[endpoints.lab]\nwire = "openai_chat"\nbase_url = "http://127.0.0.1:9000/v1"\n'
KEYS = {"OPENAI_API_KEY": "sk-1"}


def loaded(place: Path, file: str = "", environment: dict[str, str] | None = None) -> Settings:
    (place / "podium.toml").write_text(file)
    return load({}, {"PODIUM_LOCAL": "0", **(environment or {})}, place)


def price_of(settings: Settings, model: str) -> Price | None:
    return settings.catalogue.resolve(model)[0].profile.price


def test_a_price_in_the_file_has_every_bucket_and_a_fee_for_each_call(tmp_path: Path) -> None:
    toml = """[models."lab/small".price]
input = "0.15"
output = "0.60"
cached_input = "0.0125"
cache_write = "0.1875"
reasoning = "0.7"
audio_input = "1"
audio_output = "2"
request = "0.012"
"""
    assert price_of(loaded(tmp_path, LAB + toml), "lab/small") == Price(
        input=150_000,
        output=600_000,
        cached_input=12_500,
        cache_write=187_500,
        reasoning=700_000,
        audio_input=1_000_000,
        audio_output=2_000_000,
        request=12_000_000,
        source="podium.toml:4",
    )


def test_a_price_is_known_by_its_line_and_not_by_the_operators_folders(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(LAB + '[models."lab/big"]\nprice = { input = "3", output = "4" }\n')
    price = price_of(load({"config": tmp_path / "mine.toml"}, {"PODIUM_LOCAL": "0"}, tmp_path), "lab/big")
    assert price == Price(3_000_000, 4_000_000, source="mine.toml:5")


def test_a_price_in_the_file_goes_before_the_published_one(tmp_path: Path) -> None:
    table = '[models."openai/gpt-5-mini"]\nprice = { input = "1", output = "2" }\n'
    assert price_of(loaded(tmp_path, table, KEYS), "gpt-5-mini") == Price(
        input=1_000_000, output=2_000_000, source="podium.toml:2"
    )


def test_an_endpoint_may_have_a_price_for_all_its_models_which_a_models_own_goes_before(
    tmp_path: Path,
) -> None:
    toml = LAB + (
        'price = { input = "1", output = "2" }\n[models."lab/big"]\nprice = { input = "3", output = "4" }\n'
    )
    settings = loaded(tmp_path, toml)
    assert price_of(settings, "lab/any") == Price(1_000_000, 2_000_000, source="podium.toml:4")
    assert price_of(settings, "lab/big") == Price(3_000_000, 4_000_000, source="podium.toml:6")


def test_what_well_known_hosts_ask_is_known_without_a_file(tmp_path: Path) -> None:
    price = price_of(loaded(tmp_path, "", KEYS), "gpt-5-mini-2025-08-07")
    assert price is not None
    assert (price.input, price.cached_input, price.output) == (250_000, 25_000, 2_000_000)
    assert price.source.startswith("genai-prices ")


def test_the_simulator_has_a_price_and_what_runs_in_the_house_is_free(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[endpoints.ollama]\n")
    simulated, ours = price_of(settings, "simulator/any"), price_of(settings, "ollama/any")
    assert simulated is not None
    assert simulated.input > 0
    assert ours is not None
    assert (ours.input, ours.output) == (0, 0)


def test_prices_reach_the_server_process_with_the_settings(tmp_path: Path) -> None:
    toml = LAB + 'price = { input = "1", output = "2", request = "0.5" }\n'
    settings = loaded(tmp_path, "allow_unpriced = true\n" + toml)
    there = Settings.model_validate(settings.model_dump(mode="json"))
    assert there.catalogue.endpoints["lab"].price == settings.catalogue.endpoints["lab"].price
    assert there.catalogue.allow_unpriced


@pytest.mark.parametrize(
    ("file", "environment", "allowed"),
    [
        ("", {}, False),
        ("allow_unpriced = true", {}, True),
        ("", {"PODIUM_ALLOW_UNPRICED": "1"}, True),
        ("allow_unpriced = true", {"PODIUM_ALLOW_UNPRICED": "0"}, False),
    ],
)
def test_models_without_a_price_are_allowed_by_the_environment_or_the_file(
    tmp_path: Path, file: str, environment: dict[str, str], allowed: bool
) -> None:
    settings = loaded(tmp_path, file, environment)
    assert settings.catalogue.allow_unpriced is allowed
    [origin] = [each for each in settings.origins if each.name == "allow_unpriced"]
    source = "PODIUM_ALLOW_UNPRICED" if environment else "podium.toml:1" if file else "default"
    assert (origin.value, origin.source) == (str(allowed), source)


@pytest.mark.parametrize(
    ("file", "environment", "told"),
    [
        (
            'allow_unpriced = "yes"',
            {},
            'podium.toml:1: "allow_unpriced" should be true or false, not "yes"',
        ),
        (
            "",
            {"PODIUM_ALLOW_UNPRICED": "often"},
            'PODIUM_ALLOW_UNPRICED should be true or false, not "often"',
        ),
        (
            "allow_unprized = true",
            {},
            'podium.toml:1: unknown key "allow_unprized"; did you mean "allow_unpriced"?',
        ),
        (
            LAB + 'price = { input = "1" }',
            {},
            'podium.toml:4: [endpoints.lab.price] has no "output"',
        ),
        (
            LAB + 'price = { input = "1", output = "2", request = "free" }',
            {},
            "podium.toml:4: \"request\" in [endpoints.lab.price] is wrong: 'free' is not a decimal number",
        ),
        (
            LAB + 'price = { input = "1", output = "2", request = "-1" }',
            {},
            "podium.toml:4: \"request\" in [endpoints.lab.price] is wrong: '-1' is not a price in dollars a call",
        ),
        (
            LAB + 'price = { input = "1", output = "2", request = "0.0000000001" }',
            {},
            (
                'podium.toml:4: "request" in [endpoints.lab.price] is wrong:'
                " '0.0000000001' is finer than a nano-dollar"
            ),
        ),
        (
            LAB + 'price = { input = "1", output = "2", cached = "3" }',
            {},
            'podium.toml:4: unknown key "cached" in [endpoints.lab.price]; did you mean "cached_input"?',
        ),
        (
            LAB + '[models."lab/x".price]\ninput = "NaN"\noutput = "0.0000001"\n',
            {},
            (
                'podium.toml:5: "input" in [models."lab/x".price] is wrong:'
                " 'NaN' is not a price in dollars per million tokens\n"
                'podium.toml:6: "output" in [models."lab/x".price] is wrong:'
                " '0.0000001' is finer than a millionth of a dollar per million tokens"
            ),
        ),
    ],
)
def test_a_mistake_in_a_price_is_told_with_its_place(
    tmp_path: Path, file: str, environment: dict[str, str], told: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, file, environment)
    assert str(caught.value) == told


def test_who_names_a_model_that_will_not_be_called_is_told_at_the_start(tmp_path: Path) -> None:
    routes = '[routes]\nfast = ["lab/small", "openai/gpt-5-mini"]\n[models."lab/big"]\n'
    price = 'price = { input = "1", output = "2" }\n'
    dark = 'default_model = "lab/big"\n' + LAB + routes
    told = tuple(
        f'podium.toml: "{name}" of {where} has no price and will not be called:'
        f' give it one in [models."{name}"], or set allow_unpriced = true'
        for name, where in (("lab/big", "default_model"), ("lab/small", 'the route "fast"'))
    )
    assert loaded(tmp_path, dark, KEYS).warnings == told
    assert loaded(tmp_path, dark + price, KEYS).warnings == told[1:]
    assert loaded(tmp_path, dark, {**KEYS, "PODIUM_ALLOW_UNPRICED": "1"}).warnings == ()
