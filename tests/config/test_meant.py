"""Models that podium.toml names and that are likely misspelt."""

from pathlib import Path

import pytest

from podium.config.load import load

LAB = """
[endpoints.lab]
wire = "openai_chat"
base_url = "http://127.0.0.1:9000/v1"
price = { input = "1", output = "2" }
[models."lab/small"]
"""
DARK = LAB.replace('price = { input = "1", output = "2" }\n', "")


def warnings(tmp_path: Path, text: str, **environment: str) -> tuple[str, ...]:
    (tmp_path / "podium.toml").write_text(text)
    return load({"data_dir": tmp_path / "data"}, {"PODIUM_LOCAL": "0", **environment}, tmp_path).warnings


@pytest.mark.parametrize(
    ("name", "meant"),
    [("lba/small", "lab/small"), ("labs/large", "lab/large"), ("smallx", "lab/small"), ("fats", "fast")],
)
def test_a_default_model_of_no_endpoint_is_told_with_the_likely_one(
    tmp_path: Path, name: str, meant: str
) -> None:
    told = (f'the default model "{name}" has no configured endpoint; did you mean "{meant}"?',)
    routes = '[routes]\nfast = ["lab/small"]\n'
    assert warnings(tmp_path, f'default_model = "{name}"\n{LAB}{routes}') == told
    assert warnings(tmp_path, LAB + routes, PODIUM_DEFAULT_MODEL=name) == told


def test_a_model_of_no_endpoint_in_a_route_is_told_with_the_likely_one(tmp_path: Path) -> None:
    assert warnings(tmp_path, f'{LAB}[routes]\nfast = ["lab/small", "lba/small", "zz/top"]\n') == (
        (
            'podium.toml:8: "lba/small" in the route "fast" has no configured endpoint and is skipped;'
            ' did you mean "lab/small"?'
        ),
        'podium.toml:8: "zz/top" in the route "fast" has no configured endpoint and is skipped',
    )


def test_a_model_of_an_endpoint_without_its_key_is_not_taken_for_misspelt(tmp_path: Path) -> None:
    text = f'{LAB}[endpoints.lap]\nwire = "openai_chat"\nbase_url = "http://x"\napi_key_env = "LAP_KEY"\n'
    assert warnings(tmp_path, f'{text}[routes]\nfast = ["lab/small", "lap/small"]\n') == (
        'podium.toml:10: LAP_KEY is not set in the environment; the endpoint "lap" is left out',
        'podium.toml:12: "lap/small" in the route "fast" has no configured endpoint and is skipped',
    )


def test_a_model_without_a_price_is_told_with_the_declared_one_that_was_likely_meant(tmp_path: Path) -> None:
    [smallx, small] = warnings(
        tmp_path, f'default_model = "lab/smallx"\n{DARK}[routes]\nfast = ["lab/small"]\n'
    )
    assert smallx == (
        'podium.toml: "lab/smallx" of default_model has no price and will not be called: give it one in'
        ' [models."lab/smallx"], or set allow_unpriced = true; did you mean "lab/small"?'
    )
    assert "did you mean" not in small


def test_a_model_that_is_declared_or_priced_by_its_endpoint_may_be_near_another(tmp_path: Path) -> None:
    assert warnings(tmp_path, f'default_model = "lab/smallx"\n{LAB}') == ()
    [told] = warnings(tmp_path, f'default_model = "lab/smallx"\n{DARK}[models."lab/smallx"]\n')
    assert "did you mean" not in told


def test_the_model_in_the_house_has_one_name_and_another_is_told_with_it(tmp_path: Path) -> None:
    meant = 'did you mean "local/smollm2-135m"?'
    text = 'default_model = "local/llama"\n[models."local/llama"]\n'
    assert warnings(tmp_path, text, PODIUM_LOCAL="1") == (
        f'podium.toml:2: [models."local/llama"]: "local" has no such model; {meant}',
        f'the default model "local/llama" has no configured endpoint; {meant}',
    )
