"""Settings from their four sources, and the catalogue that comes of them."""

from pathlib import Path

import pytest

from podium.catalogue.endpoint import Resilience
from podium.catalogue.profile import Price
from podium.catalogue.thinking import Thinking
from podium.config.home import default_data_dir
from podium.config.hosts import HOSTS
from podium.config.load import load
from podium.config.mistake import Misconfigured
from podium.config.settings import Settings
from podium.vocabulary.request import Effort

FILE = """
default_model = "lab/small"

[endpoints.lab]
wire = "openai_chat"
base_url = "http://127.0.0.1:9000/v1"
api_key_env = "LAB_KEY"
headers = { x-team = "blue" }
idle_seconds = 5

[models."lab/small"]
context_window = 128000
price = { input = "0.15", cached_input = "0.075", output = "0.60" }

[routes]
fast = ["lab/small", "anthropic/claude-haiku-4-5"]

[server]
port = 7000
lease_seconds = 20
cors_origins = ["https://a.example"]
"""


def loaded(
    tmp_path: Path, text: str = "", environment: dict[str, str] | None = None, **flags: object
) -> Settings:
    if text:
        (tmp_path / "podium.toml").write_text(text)
    return load(
        {"data_dir": tmp_path / "data", **flags}, {"PODIUM_LOCAL": "0", **(environment or {})}, tmp_path
    )


def source(settings: Settings, name: str) -> str:
    [found] = [each.source for each in settings.origins if each.name == name]
    return found


def test_flags_go_before_environment_before_file_before_default(tmp_path: Path) -> None:
    environment = {"LAB_KEY": "k", "PODIUM_PORT": "7001", "PODIUM_LEASE_SECONDS": "30"}
    settings = loaded(tmp_path, FILE, environment, port=7002)
    assert (settings.server.port, source(settings, "port")) == (7002, "--port")
    assert (settings.server.lease_seconds, source(settings, "lease_seconds")) == (
        30.0,
        "PODIUM_LEASE_SECONDS",
    )
    assert settings.server.cors_origins == ("https://a.example",)
    assert source(settings, "cors_origins") == "podium.toml:21"
    assert (settings.server.workers, source(settings, "workers")) == (1, "default")
    assert source(settings, "default_model") == "podium.toml:2"


def test_an_empty_variable_counts_as_unset_and_none_as_not_given(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "", {"PODIUM_PORT": "", "OPENAI_API_KEY": " "}, port=None)
    assert settings.server.port == 8080
    assert "openai" not in settings.catalogue.endpoints


def test_a_list_in_the_environment_is_split_at_commas(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "", {"PODIUM_CORS_ORIGINS": "https://a.example, https://b.example"})
    assert settings.server.cors_origins == ("https://a.example", "https://b.example")


def test_the_file_lies_here_else_in_the_data_directory_unless_it_is_named(tmp_path: Path) -> None:
    data, here = tmp_path / "data", tmp_path / "here"
    data.mkdir()
    here.mkdir()
    (data / "podium.toml").write_text("[server]\nport = 1\n")
    (tmp_path / "named.toml").write_text("[server]\nport = 3\n")

    def port(**environment: str) -> int:
        return load({"data_dir": data}, {"PODIUM_LOCAL": "0", **environment}, here).server.port

    assert port() == 1
    (here / "podium.toml").write_text("[server]\nport = 2\n")
    assert port() == 2
    assert port(PODIUM_CONFIG=str(tmp_path / "named.toml")) == 3


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"REDIS_URL": "redis://a/1", "REDIS_HOST": "b"}, "redis://a/1"),
        ({"REDIS_HOST": "b"}, "redis://b:6379/0"),
        ({"REDIS_HOST": "b", "REDIS_PORT": "7", "REDIS_PASSWORD": "p@ss/"}, "redis://:p%40ss%2F@b:7/0"),
        ({}, None),
    ],
)
def test_redis_is_named_by_url_or_by_host(
    tmp_path: Path, environment: dict[str, str], url: str | None
) -> None:
    assert loaded(tmp_path, "", environment).server.redis_url == url


def test_an_endpoint_of_the_file_is_all_that_it_says(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, FILE, {"LAB_KEY": "lab-secret"}).catalogue
    [candidate] = catalogue.resolve("lab/small")
    assert candidate.endpoint.base_url == "http://127.0.0.1:9000/v1"
    assert candidate.endpoint.api_key == "lab-secret"
    assert candidate.endpoint.headers == {"x-team": "blue"}
    assert (candidate.endpoint.patience.idle, candidate.endpoint.patience.connect) == (5.0, 5.0)
    assert candidate.profile.context_window == 128_000
    price = Price(input=150_000, cached_input=75_000, output=600_000, source="podium.toml:13")
    assert candidate.profile.price == price
    assert catalogue.default_model == "lab/small"


def test_any_other_model_of_an_endpoint_has_a_careful_profile(tmp_path: Path) -> None:
    [candidate] = loaded(tmp_path, FILE, {"LAB_KEY": "k"}).catalogue.resolve("lab/large")
    assert (candidate.profile.model, candidate.profile.price) == ("large", None)


def test_an_endpoint_without_its_key_is_left_out_and_told(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FILE)
    assert "lab" not in settings.catalogue.endpoints
    assert settings.warnings[0] == (
        'podium.toml:7: LAB_KEY is not set in the environment; the endpoint "lab" is left out'
    )


def test_a_route_skips_who_is_not_configured_and_says_so(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FILE, {"LAB_KEY": "k"})
    assert [each.profile.name for each in settings.catalogue.resolve("fast")] == ["lab/small"]
    assert settings.warnings == (
        (
            'podium.toml:16: "anthropic/claude-haiku-4-5" in the route "fast" has no configured endpoint'
            " (ANTHROPIC_API_KEY is not set) and is skipped"
        ),
    )
    both = loaded(tmp_path, FILE, {"LAB_KEY": "k", "ANTHROPIC_API_KEY": "a"}).catalogue
    assert [each.endpoint.name for each in both.resolve("fast")] == ["lab", "anthropic"]


def test_a_model_under_an_unknown_endpoint_is_told(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FILE.replace('models."lab/', 'models."labs/'), {"LAB_KEY": "k"})
    assert settings.warnings[0] == (
        'podium.toml:11: [models."labs/small"]: there is no endpoint "labs"; did you mean "lab"?'
    )


@pytest.mark.parametrize(
    ("environment", "model"),
    [
        ({"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}, "openai/gpt-5-mini"),
        ({"GEMINI_API_KEY": "g", "ANTHROPIC_API_KEY": "a"}, "anthropic/claude-haiku-4-5"),
        ({"GOOGLE_API_KEY": "g", "PODIUM_LOCAL": "1"}, "gemini/gemini-2.5-flash"),
        ({"PODIUM_LOCAL": "1"}, "local/smollm2-135m"),
        ({}, "simulator/echo"),
        ({"OPENAI_API_KEY": "o", "PODIUM_DEFAULT_MODEL": "simulator/echo"}, "simulator/echo"),
    ],
)
def test_the_default_model_is_the_first_that_can_answer(
    tmp_path: Path, environment: dict[str, str], model: str
) -> None:
    catalogue = loaded(tmp_path, "", environment).catalogue
    assert catalogue.default_model == model
    assert catalogue.resolve(None)[0].profile.name == model


def test_the_gemini_key_goes_before_googles(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "", {"GOOGLE_API_KEY": "second", "GEMINI_API_KEY": "first"})
    assert settings.catalogue.endpoints["gemini"].api_key == "first"
    assert source(settings, "gemini key") == "GEMINI_API_KEY"


def test_bare_names_find_their_provider(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, "", {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}).catalogue
    assert catalogue.resolve("gpt-99")[0].endpoint.name == "openai"
    assert catalogue.resolve("claude-99")[0].endpoint.name == "anthropic"


def test_a_table_may_change_a_known_endpoint_in_part(tmp_path: Path) -> None:
    text = '[endpoints.openai]\nbase_url = "https://gateway.example/v1"\ntotal_seconds = 9\n'
    openai = loaded(tmp_path, text, {"OPENAI_API_KEY": "o"}).catalogue.endpoints["openai"]
    assert (openai.base_url, openai.api_key, openai.wire) == (
        "https://gateway.example/v1",
        "o",
        "openai_chat",
    )
    assert (openai.patience.total, openai.patterns[0]) == (9.0, "gpt-*")


@pytest.mark.parametrize(
    ("variable", "name", "base_url"),
    [
        ("CEREBRAS_API_KEY", "cerebras", "https://api.cerebras.ai/v1"),
        ("DEEPSEEK_API_KEY", "deepseek", "https://api.deepseek.com"),
        ("GROQ_API_KEY", "groq", "https://api.groq.com/openai/v1"),
        ("HF_TOKEN", "huggingface", "https://router.huggingface.co/v1"),
        ("HUGGINGFACE_API_KEY", "huggingface", "https://router.huggingface.co/v1"),
        ("MISTRAL_API_KEY", "mistral", "https://api.mistral.ai/v1"),
        ("OPENROUTER_API_KEY", "openrouter", "https://openrouter.ai/api/v1"),
        ("PERPLEXITY_API_KEY", "perplexity", "https://api.perplexity.ai"),
        ("PPLX_API_KEY", "perplexity", "https://api.perplexity.ai"),
        ("TOGETHER_API_KEY", "together", "https://api.together.ai/v1"),
        ("XAI_API_KEY", "xai", "https://api.x.ai/v1"),
    ],
)
def test_a_key_is_all_that_a_known_host_needs(
    tmp_path: Path, variable: str, name: str, base_url: str
) -> None:
    settings = loaded(tmp_path, "", {variable: "sesame"})
    endpoint = settings.catalogue.endpoints[name]
    assert (endpoint.wire, endpoint.base_url, endpoint.api_key) == ("openai_chat", base_url, "sesame")
    assert settings.catalogue.resolve(f"{name}/some/model")[0].profile.model == "some/model"
    assert source(settings, f"{name} key") == variable
    assert "sesame" not in repr(settings)
    assert settings.warnings == ()


def test_hosts_differ_by_what_is_declared_of_them_and_a_file_may_say_it_anew(tmp_path: Path) -> None:
    mistral = loaded(tmp_path, "", {"MISTRAL_API_KEY": "m"}).catalogue.endpoints["mistral"]
    assert (mistral.max_tokens_member, mistral.call_id_length, mistral.stream_usage) == (
        "max_tokens",
        9,
        False,
    )
    text = """
[endpoints.mistral]
auth_header = "X-Key"
max_tokens_member = "max_completion_tokens"
stream_usage = true
"""
    told = loaded(tmp_path, text, {"MISTRAL_API_KEY": "m"}).catalogue.endpoints["mistral"]
    assert (told.auth_header, told.max_tokens_member, told.call_id_length, told.stream_usage) == (
        "x-key",
        "max_completion_tokens",
        9,
        True,
    )


def test_a_table_of_a_known_host_says_only_what_differs(tmp_path: Path) -> None:
    text = '[endpoints.ollama]\n\n[endpoints.groq]\napi_key_env = "MY_GROQ"\n'
    settings = loaded(tmp_path, text, {"MY_GROQ": "g", "GROQ_API_KEY": "other"})
    endpoints = settings.catalogue.endpoints
    assert (endpoints["ollama"].base_url, endpoints["ollama"].api_key) == ("http://127.0.0.1:11434/v1", None)
    assert (endpoints["groq"].base_url, endpoints["groq"].api_key) == ("https://api.groq.com/openai/v1", "g")
    assert settings.warnings == ()


def test_a_known_host_whose_key_is_missing_is_left_out_and_told(tmp_path: Path) -> None:
    text = '[endpoints.groq]\nidle_seconds = 9\n\n[routes]\nfast = ["groq/a", "ollama/b", "simulator/echo"]\n'
    settings = loaded(tmp_path, text)
    assert "groq" not in settings.catalogue.endpoints
    assert settings.warnings == (
        'podium.toml:1: GROQ_API_KEY is not set in the environment; the endpoint "groq" is left out',
        (
            'podium.toml:5: "groq/a" in the route "fast" has no configured endpoint'
            " (GROQ_API_KEY is not set) and is skipped"
        ),
        (
            'podium.toml:5: "ollama/b" in the route "fast" has no configured endpoint'
            " ([endpoints.ollama] is not there) and is skipped"
        ),
    )


@pytest.mark.parametrize(
    "address", ["https://me.example", "https://me.example/", "https://me.example/openai/v1/"]
)
def test_azure_is_where_the_environment_says(tmp_path: Path, address: str) -> None:
    settings = loaded(tmp_path, "", {"AZURE_OPENAI_API_KEY": "a", "AZURE_OPENAI_ENDPOINT": address})
    azure = settings.catalogue.endpoints["azure"]
    assert (azure.base_url, azure.auth_header) == ("https://me.example/openai/v1", "api-key")
    assert source(settings, "azure address") == "AZURE_OPENAI_ENDPOINT"


def test_azure_without_an_address_is_left_out_and_a_wrong_address_is_told(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "", {"AZURE_OPENAI_API_KEY": "a"})
    assert "azure" not in settings.catalogue.endpoints
    assert settings.warnings == (
        'AZURE_OPENAI_ENDPOINT is not set in the environment; the endpoint "azure" is left out',
    )
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, "", {"AZURE_OPENAI_ENDPOINT": "me.example"})
    assert caught.value.mistakes == (
        'AZURE_OPENAI_ENDPOINT should begin with http:// or https://, not "me.example"',
    )
    text = '[endpoints.azure]\nbase_url = "https://you.example/openai/v1"\n'
    azure = loaded(tmp_path, text, {"AZURE_OPENAI_API_KEY": "a"}).catalogue.endpoints["azure"]
    assert azure.base_url == "https://you.example/openai/v1"


def test_other_hosts_change_neither_the_default_model_nor_whose_a_bare_name_is(tmp_path: Path) -> None:
    keys = {name: "k" for host in HOSTS for name in host.key_names}
    more = {"AZURE_OPENAI_ENDPOINT": "https://me.example"}
    catalogue = loaded(tmp_path, "", keys | more).catalogue
    assert {host.name for host in HOSTS} - set(catalogue.endpoints) == {"ollama"}
    assert catalogue.default_model == "openai/gpt-5-mini"
    bare = ("gpt-99", "claude-99", "gemini-99")
    assert [catalogue.resolve(name)[0].endpoint.name for name in bare] == ["openai", "anthropic", "gemini"]
    alone = loaded(tmp_path, "", {"GROQ_API_KEY": "k", "MISTRAL_API_KEY": "k"}).catalogue
    assert alone.default_model == "simulator/echo"


def test_an_endpoint_named_local_takes_the_place_of_the_model_in_the_house(tmp_path: Path) -> None:
    text = '[endpoints.local]\nwire = "openai_chat"\nbase_url = "http://127.0.0.1:11434/v1"\n'
    settings = loaded(tmp_path, text, {"PODIUM_LOCAL": "1"})
    assert settings.weights is None
    assert settings.catalogue.endpoints["local"].base_url == "http://127.0.0.1:11434/v1"
    assert settings.catalogue.default_model == "simulator/echo"


def test_settings_pass_to_another_process_unchanged(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FILE, {"LAB_KEY": "k", "OPENAI_API_KEY": "o", "PODIUM_LOCAL": "1"})
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_no_secret_is_in_what_a_person_sees_of_the_settings(tmp_path: Path) -> None:
    secrets = {
        "LAB_KEY": "sesame1",
        "OPENAI_API_KEY": "sesame2",
        "PODIUM_ADMIN_KEY": "sesame3",
        "DATABASE_URL": "postgresql://me:sesame4@db/podium",
        "REDIS_URL": "redis://:sesame5@cache/0",
    }
    settings = loaded(tmp_path, FILE, secrets)
    assert "sesame" not in repr(settings)
    assert "sesame" not in str([each.model_dump() for each in settings.origins])


def test_the_data_directory_is_the_users_data_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/ada/data")
    assert default_data_dir() == Path("/home/ada/data/podium")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_data_dir() == Path("/home/ada/.local/share/podium")
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_data_dir() == Path("/home/ada/Library/Application Support/podium")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_data_dir() == Path("/var/lib/podium")


def test_the_file_in_the_data_directory_cannot_move_it(tmp_path: Path) -> None:
    (tmp_path / "podium.toml").write_text('[server]\ndata_dir = "/elsewhere"\n')
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(
        Exception, match='"data_dir" cannot be set by the file that lies in the data directory'
    ):
        load({"data_dir": tmp_path}, {"PODIUM_LOCAL": "0"}, empty)


def test_where_no_model_can_run_the_simulator_answers_and_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podium.providers.local.weights._RUNTIME", "no_wheel_for_this_machine")
    settings = loaded(tmp_path, "", {"PODIUM_LOCAL": "1"})
    assert settings.catalogue.default_model == "simulator/echo"
    assert settings.warnings[0].startswith(
        "The local model cannot run: the package no_wheel_for_this_machine"
    )
    assert settings.warnings[0].endswith("The simulator answers instead.")


RESILIENT = """
[resilience]
attempts = 2
requests_per_minute = 100
idle_seconds = 7
total_seconds = 70

[endpoints.lab]
wire = "openai_chat"
base_url = "http://127.0.0.1:9000/v1"
total_seconds = 80

[endpoints.calm]
wire = "openai_chat"
base_url = "http://127.0.0.1:9001/v1"
total_seconds = 80
[endpoints.calm.resilience]
breaker_failures = 0
requests_per_minute = 0
total_seconds = 90
"""


def test_resilience_is_said_for_all_endpoints_and_for_one(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RESILIENT)
    lab, calm = settings.catalogue.endpoints["lab"], settings.catalogue.endpoints["calm"]
    assert lab.resilience == Resilience(attempts=2, breaker_failures=5, requests_per_minute=100)
    assert calm.resilience == Resilience(attempts=2, breaker_failures=0)
    assert (lab.patience.idle, lab.patience.total) == (7, 80)
    assert (calm.patience.idle, calm.patience.total) == (7, 90)
    assert settings.catalogue.endpoints["simulator"].resilience.attempts == 2
    assert (source(settings, "resilience.attempts"), source(settings, "resilience.breaker_failures")) == (
        "podium.toml:3",
        "default",
    )


def test_variables_of_resilience_are_defaults_after_what_the_file_says_for_one_endpoint_or_for_all(
    tmp_path: Path,
) -> None:
    environment = {
        "RATE_LIMIT_REQUESTS_PER_MINUTE": "9",
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "3",
        "PODIUM_IDLE_SECONDS": "4",
    }
    settings = loaded(tmp_path, RESILIENT, environment)
    lab, calm = settings.catalogue.endpoints["lab"], settings.catalogue.endpoints["calm"]
    assert lab.resilience == Resilience(attempts=2, breaker_failures=3, requests_per_minute=100)
    assert calm.resilience == Resilience(attempts=2, breaker_failures=0)
    assert lab.patience.idle == 4
    assert source(settings, "resilience.requests_per_minute") == "podium.toml:4"
    assert source(settings, "resilience.breaker_failures") == "CIRCUIT_BREAKER_FAILURE_THRESHOLD"
    alone = loaded(tmp_path, "\n", environment).catalogue.endpoints["simulator"]
    assert alone.resilience == Resilience(breaker_failures=3, requests_per_minute=9)


def test_a_mistake_in_a_variable_of_resilience_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, "", {"CIRCUIT_BREAKER_FAILURE_THRESHOLD": "often"})
    assert caught.value.mistakes == (
        'CIRCUIT_BREAKER_FAILURE_THRESHOLD should be a whole number, not "often"',
    )


def test_a_model_of_a_known_family_is_known_wherever_it_is_and_by_each_of_its_names(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, FILE, {"LAB_KEY": "k", "ANTHROPIC_API_KEY": "k"}).catalogue
    for name in ("anthropic/claude-haiku-4-5", "claude-haiku-4-5-20251001", "lab/anthropic/claude-haiku-4-5"):
        profile = catalogue.resolve(name)[0].profile
        assert (profile.context_window, profile.output_limit) == (200_000, 64_000)
        assert profile.native_schema
    assert catalogue.resolve("claude-opus-5-5")[0].profile.forced_choice is False
    assert catalogue.resolve("lab/other")[0].profile.thinking is None


def test_a_table_says_what_a_model_can_do_over_what_is_known_of_it(tmp_path: Path) -> None:
    text = """
[models."anthropic/claude-haiku-4-5"]
inline_system = true
thinking = { least = 2000, most = 8000, budgets = { low = 3000 } }

[models."anthropic/tiny"]
sampling = "none"
media = ["image"]
tools = false
thinking = {}

[models."anthropic/claude-opus-9"]
thinking = { levels = ["high", "low"], off = "disabled" }
"""
    profiles = loaded(tmp_path, text, {"ANTHROPIC_API_KEY": "k"}).catalogue.profiles
    haiku = profiles["anthropic/claude-haiku-4-5"]
    assert (haiku.inline_system, haiku.native_schema, haiku.context_window) == (True, True, 200_000)
    assert haiku.thinking is not None
    assert [haiku.thinking.budget(Effort(each)) for each in ("minimal", "low", "high")] == [2000, 3000, 8000]
    assert profiles["anthropic/tiny"].thinking == Thinking()
    assert profiles["anthropic/tiny"].sampling == "none"
    assert (profiles["anthropic/tiny"].media, profiles["anthropic/tiny"].tools) == (
        frozenset({"image"}),
        False,
    )
    assert (haiku.media, haiku.tools) == (frozenset({"image", "document"}), True)
    assert profiles["anthropic/claude-opus-9"].thinking == Thinking(("low", "high"), off="disabled")


@pytest.mark.parametrize("given", ["sesame", "sesame\n", " \tsesame\r\n"])
def test_white_space_around_the_operators_key_is_not_of_it(tmp_path: Path, given: str) -> None:
    assert loaded(tmp_path, "", {"PODIUM_ADMIN_KEY": given}).admin_key == "sesame"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("sesame\nsesame", "PODIUM_ADMIN_KEY holds what no header can hold"),
        ("sésame", "PODIUM_ADMIN_KEY holds what no header can hold"),
        ("sesame" * 1500, "PODIUM_ADMIN_KEY is too long for a key: 9,000 characters, where 512 are the most"),
    ],
)
def test_an_operators_key_that_can_never_work_is_told_and_not_shown(
    tmp_path: Path, given: str, told: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, "", {"PODIUM_ADMIN_KEY": given})
    [mistake] = caught.value.mistakes
    assert mistake.startswith(told)
    assert given[:3] not in mistake
