"""Variables that look like settings and are none."""

from pathlib import Path

import pytest

from podium.config.load import load

LAB = """
[endpoints.lab]
wire = "openai_chat"
base_url = "http://127.0.0.1:9000/v1"
api_key_env = "PODIUM_LAB_KEY"
[alerts]
webhook_secret_env = "PODIUM_HOOK"
"""


def warnings(tmp_path: Path, text: str = "", **environment: str) -> tuple[str, ...]:
    (tmp_path / "podium.toml").write_text(text)
    return load({"data_dir": tmp_path / "data"}, {"PODIUM_LOCAL": "0", **environment}, tmp_path).warnings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PODIUM_PROT", "PODIUM_PORT"),
        ("PODIUM_WORKER", "PODIUM_WORKERS"),
        ("PODIUM_LIMIT_FREE_REQUESTS_PER_MINUTE", "PODIUM_LIMITS_FREE_REQUESTS_PER_MINUTE"),
        ("PODIUM_API_KEY", "PODIUM_ADMIN_KEY"),
        ("PODIUM_DATABASE_URL", "DATABASE_URL"),
        ("PODIUM_MAX_TOKENS", "MAX_TOKENS"),
    ],
)
def test_an_unknown_variable_is_told_with_the_one_that_was_likely_meant(
    tmp_path: Path, name: str, meant: str
) -> None:
    assert warnings(tmp_path, **{name: "secret"}) == (
        f"{name} in the environment is no known setting and does nothing; did you mean {meant}?",
    )


def test_an_unknown_variable_near_no_known_one_is_told_alone(tmp_path: Path) -> None:
    assert warnings(tmp_path, PODIUM_ZZ="1", PODIUM="1", PODIUMS="1") == (
        "PODIUM_ZZ in the environment is no known setting and does nothing",
    )


def test_an_empty_unknown_variable_is_not_told(tmp_path: Path) -> None:
    assert warnings(tmp_path, PODIUM_PROT=" ") == ()


def test_variables_that_somebody_reads_are_not_told(tmp_path: Path) -> None:
    assert (
        warnings(
            tmp_path,
            LAB,
            PODIUM_LAB_KEY="named by the file",
            PODIUM_HOOK="named by the file",
            PODIUM_URL="http://127.0.0.1:1",
            PODIUM_KEY="of a command",
            PODIUM_ADMIN_KEY="k",
            PODIUM_ALLOW_UNPRICED="1",
            PODIUM_DEFAULT_MODEL="simulator/echo",
            PODIUM_LIMITS_REPLICAS="2",
            PODIUM_LOG_LEVEL="debug",
            PODIUM_WEBHOOK_SECRET="unused",
            PODIUM_TEST_DATA="of the tests",
            PODIUM_REQUIRE_ALL="1",
        )
        == ()
    )


def test_what_kubernetes_says_of_its_services_is_not_told(tmp_path: Path) -> None:
    said = dict.fromkeys(
        (
            "PODIUM_SERVICE_HOST",
            "PODIUM_SERVICE_PORT",
            "PODIUM_SERVICE_PORT_HTTP",
            "PODIUM_PORT_8080_TCP",
            "PODIUM_PORT_8080_TCP_PROTO",
            "PODIUM_PORT_8080_TCP_PORT",
            "PODIUM_PORT_8080_TCP_ADDR",
            "PODIUM_DB_SERVICE_HOST",
        ),
        "10.0.0.11",
    )
    assert warnings(tmp_path, PODIUM_DB_PORT="tcp://10.0.0.12:5432", **said) == ()
