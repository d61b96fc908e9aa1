"""Mistakes in podium.toml: what a person reads about them."""

from pathlib import Path

import pytest

from podium.config.load import load
from podium.config.mistake import Misconfigured


def mistakes(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "podium.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        load({"data_dir": tmp_path / "data"}, {"PODIUM_LOCAL": "0"}, tmp_path)
    return list(caught.value.mistakes)


LAB = '[endpoints.lab]\nwire = "openai_chat"\nbase_url = "http://127.0.0.1:9000/v1"\n'

TOLD = [
    (
        f'default_model = "lab/small"\n\n\n{LAB.replace("base_url", "baseurl")}',
        'podium.toml:6: unknown key "baseurl" in [endpoints.lab]; did you mean "base_url"?',
    ),
    ('[endpoint.lab]\nwire = "x"\n', "podium.toml:1: unknown table [endpoint]; did you mean [endpoints]?"),
    ('default_mode = "x"\n', 'podium.toml:1: unknown key "default_mode"; did you mean "default_model"?'),
    ('colour = "red"\n', 'podium.toml:1: unknown key "colour"'),
    ("port = 9\n", 'podium.toml:1: unknown key "port"; it belongs in [server]'),
    ("[routes]\nfast = []\n", 'podium.toml:2: "fast" in [routes] needs at least one'),
    ('[endpoints.lab]\nwire = "openai_chat"\n', 'podium.toml:1: [endpoints.lab] has no "base_url"'),
    (
        '[endpoints.opneai]\nwire = "openai_chat"\n',
        'podium.toml:1: [endpoints.opneai] has no "base_url"; did you mean [endpoints.openai]?',
    ),
    (
        LAB.replace("openai_chat", "smoke"),
        'podium.toml:2: "wire" in [endpoints.lab] should be "openai_chat" or "anthropic" or "gemini", not "smoke"',
    ),
    (
        LAB.replace("http:", "ftp:"),
        (
            'podium.toml:3: "base_url" in [endpoints.lab] should begin with http:// or https://,'
            ' not "ftp://127.0.0.1:9000/v1"'
        ),
    ),
    (
        f'{LAB}[models."lab/small"]\ncontext_window = "128k"\n',
        'podium.toml:5: "context_window" in [models."lab/small"] should be a whole number, not "128k"',
    ),
    (
        f'{LAB}[models."lab/small"]\nmedia = ["image", "sound"]\n',
        (
            'podium.toml:5: "media" in [models."lab/small"], number 2 of its list, should be "image" or "audio" or'
            ' "video" or "document", not "sound"'
        ),
    ),
    (
        f'{LAB}[models."lab/small"]\nmedia = "image"\n',
        'podium.toml:5: "media" in [models."lab/small"] should be a list, not "image"',
    ),
    (
        f'{LAB}[models."lab/small"]\ntools = "no"\n',
        'podium.toml:5: "tools" in [models."lab/small"] should be true or false, not "no"',
    ),
    (
        f'{LAB}[models."lab/small"]\nprice = {{ input = "cheap", output = "0.60" }}\n',
        'podium.toml:5: "input" in [models."lab/small".price] is wrong: \'cheap\' is not a decimal number',
    ),
    (
        f'{LAB}[models."lab/small"]\nprice = {{ input = 0.15, output = "0.60" }}\n',
        'podium.toml:5: "input" in [models."lab/small".price] should be text, not 0.15',
    ),
    (
        f'{LAB}[models."lab/small".price]\ninput = "0.1"\n',
        'podium.toml:4: [models."lab/small".price] has no "output"',
    ),
    ("[models.small]\n", 'podium.toml:1: [models.small] should be named "endpoint/model"'),
    ('[routes]\nfast = "lab/small"\n', 'podium.toml:2: "fast" in [routes] should be a list, not "lab/small"'),
    (
        '[routes]\nfast = ["a/b", 2]\n',
        'podium.toml:2: "fast" in [routes], number 2 of its list, should be text, not 2',
    ),
    ('[server]\nport = "80"\n', 'podium.toml:2: "port" in [server] should be a whole number, not "80"'),
    (
        "[server]\nport = 70000\n",
        'podium.toml:2: "port" in [server] should be less than or equal to 65535, not 70000',
    ),
    (
        "[server]\nlease_second = 4\n",
        'podium.toml:2: unknown key "lease_second" in [server]; did you mean "lease_seconds"?',
    ),
    (
        '[server]\nlog_level = "inf"\n',
        (
            'podium.toml:2: "log_level" in [server] should be "debug" or "info" or "warning" or "error", not "inf";'
            ' did you mean "info"?'
        ),
    ),
    (
        "[resilience]\nattempt = 2\n",
        'podium.toml:2: unknown key "attempt" in [resilience]; did you mean "attempts"?',
    ),
    (
        "[resilience]\nattempts = 0\n",
        'podium.toml:2: "attempts" in [resilience] should be greater than or equal to 1, not 0',
    ),
    (
        f"{LAB}[endpoints.lab.resilience]\nidle_secs = 3\n",
        (
            'podium.toml:5: unknown key "idle_secs" in [endpoints.lab.resilience];'
            ' did you mean "idle_seconds"?'
        ),
    ),
    (
        f'{LAB}resilience = {{ tokens_per_minute = "many" }}\n',
        (
            'podium.toml:4: "tokens_per_minute" in [endpoints.lab.resilience] should be a whole number,'
            ' not "many"'
        ),
    ),
    (
        '[models."a/b"]\nthinking = { budgets = { hgh = 3 } }\n',
        ('podium.toml:2: unknown key "hgh" in [models."a/b".thinking.budgets]; did you mean "high"?'),
    ),
    (
        '[models."a/b"]\nthinking = { off = "nver" }\n',
        (
            'podium.toml:2: "off" in [models."a/b".thinking] should be "unsaid" or "disabled" or "between_tools"'
            ' or "never", not "nver"; did you mean "never"?'
        ),
    ),
    ("server = 3\n", "podium.toml:1: [server] should be a table, not 3"),
    ("endpoints = 3\n", "podium.toml:1: [endpoints] should be a table, not 3"),
    ("\n\n[server\n", "podium.toml:3: not valid TOML: expected ']' at the end of a table declaration"),
    ("x = [1,\n2,\n", "podium.toml:2: not valid TOML: invalid value"),
    ("[a]\n[a]\n", "podium.toml:2: not valid TOML: cannot declare ('a',) twice"),
]


@pytest.mark.parametrize(("text", "told"), TOLD)
def test_a_mistake_is_told_with_its_place_and_the_likely_word(tmp_path: Path, text: str, told: str) -> None:
    assert mistakes(tmp_path, text) == [told]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "colour = 1\n[server]\nport = 0.5\nworkers = 0\n[endpoints.lab]\nwire = 3\n[routes]\nx = []"
    told = mistakes(tmp_path, text)
    assert [line.split(":")[1] for line in told] == ["1", "3", "4", "5", "6", "8"]


def test_mistakes_of_environment_and_flags_are_told_beside_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "podium.toml").write_text("colour = 1\n")
    flags = {"workers": 0, "data_dir": tmp_path}
    with pytest.raises(Misconfigured) as caught:
        load(flags, {"PODIUM_PORT": "80a", "PODIUM_LOCAL_MODEL": "/nowhere.gguf"}, tmp_path)
    assert caught.value.mistakes == (
        'PODIUM_PORT should be a whole number, not "80a"',
        "--workers should be greater than or equal to 1, not 0",
        'podium.toml:1: unknown key "colour"',
    )


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_password_in_a_wrong_address_is_not_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load({"data_dir": tmp_path}, {name: "mysql://me:sesame@db/podium"}, tmp_path)
    assert name in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_file_that_was_named_and_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"\Alab\.toml: cannot be read: No such file or directory\Z"):
        load({"config": "lab.toml", "data_dir": tmp_path}, {}, tmp_path)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "podium.toml").write_bytes(b'x = "\xff"')
    with pytest.raises(Misconfigured, match="is not UTF-8 text"):
        load({"data_dir": tmp_path}, {}, tmp_path)


def test_weights_that_are_none_are_told(tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("not a model")
    environment = {"PODIUM_LOCAL_MODEL": str(tmp_path / "notes.gguf")}
    with pytest.raises(Misconfigured, match=r"PODIUM_LOCAL_MODEL: The weights .* are not a GGUF file"):
        load({"data_dir": tmp_path}, environment, tmp_path)
