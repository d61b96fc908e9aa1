"""Whom to tell of budgets, and what users may spend by default, from the environment and podium.toml."""

from pathlib import Path

import pytest

from podium.config.mistake import Misconfigured
from tests.config.test_load import loaded, source

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://hooks.example.org/hush"


def test_a_webhook_is_named_by_the_environment(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "", {"PODIUM_WEBHOOK_URL": URL, "PODIUM_WEBHOOK_SECRET": SECRET})
    assert settings.webhook is not None
    assert (settings.webhook.url, len(settings.webhook.key)) == (URL, 24)
    assert source(settings, "alerts.webhook_url") == "PODIUM_WEBHOOK_URL"
    told = repr(settings) + "".join(each.value for each in settings.origins)
    assert "hush" not in told
    assert SECRET not in told


def test_a_webhook_is_named_by_the_file_and_signs_with_the_variable_that_it_names(tmp_path: Path) -> None:
    text = f'[alerts]\nwebhook_url = "{URL}"\nwebhook_secret_env = "HOOK"\n'
    settings = loaded(tmp_path, text, {"HOOK": SECRET})
    assert settings.webhook is not None
    assert source(settings, "alerts.webhook_url") == "podium.toml:2"
    assert source(settings, "alerts.webhook_secret") == "HOOK"


def test_without_an_address_there_is_no_webhook(tmp_path: Path) -> None:
    assert loaded(tmp_path, "", {"PODIUM_WEBHOOK_SECRET": SECRET}).webhook is None


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"PODIUM_WEBHOOK_URL": "hush"}, "PODIUM_WEBHOOK_URL should begin with http:// or https://"),
        (
            {"PODIUM_WEBHOOK_URL": URL},
            "PODIUM_WEBHOOK_URL: a webhook needs a secret to sign with: set PODIUM_WEBHOOK_SECRET to whsec_…",
        ),
        (
            {"PODIUM_WEBHOOK_URL": URL, "PODIUM_WEBHOOK_SECRET": "hush"},
            'PODIUM_WEBHOOK_SECRET should be "whsec_" and 24 to 64 random bytes in base64',
        ),
    ],
)
def test_a_mistaken_webhook_is_told_and_no_secret_with_it(
    tmp_path: Path, environment: dict[str, str], told: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        loaded(tmp_path, "", environment)
    assert refused.value.mistakes == (told,)


def test_a_mistaken_address_in_the_file_is_told_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        loaded(tmp_path, '[alerts]\nwebhook_url = "ftp://hush"\n')
    [told] = refused.value.mistakes
    assert told.startswith("podium.toml:2: ")
    assert "should begin with http://" in told
    assert "hush" not in told


def test_default_budgets_are_read_to_the_last_digit(tmp_path: Path) -> None:
    text = '[server]\ndefault_daily_budget = "3"\ndefault_user_budget = "100"\n'
    server = loaded(tmp_path, text, {"DEFAULT_DAILY_BUDGET": "0.123456789"}).server
    assert server.default_daily_budget == "0.123456789"
    assert (server.default_monthly_budget, server.default_user_budget) == (None, "100")


@pytest.mark.parametrize("text", ["free", "-1", "1e3", "0.0000000001", "1000000001", "nan", "1."])
def test_a_default_budget_that_is_no_amount_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        loaded(tmp_path, "", {"DEFAULT_MONTHLY_BUDGET": text})
    assert refused.value.mistakes == (
        f'DEFAULT_MONTHLY_BUDGET should be dollars as text with at most nine decimals, not "{text}"',
    )


def test_a_default_budget_in_the_file_is_text(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        loaded(tmp_path, "[server]\ndefault_daily_budget = 0.1\n")
    assert "should be text" in refused.value.mistakes[0]
