"""The endpoints and models that need no file: providers where their key is set, and the simulator."""

from dataclasses import dataclass

from podium.catalogue.profile import Price, Profile, described
from podium.config.families import FAMILIES


@dataclass(frozen=True, slots=True)
class Host:
    """A provider known by name. `key_names` are the environment variables of its official SDK, first one first.

    Without them it needs no key, and is there once podium.toml has a table of its name. Where every customer has an
    address of his own, `address_name` is the variable that holds it, and `base_url` what follows behind. A
    `default_model` answers where no model is named. `price_list` is the host's name in genai-prices, and `price` the
    price of a host that is in no list. The rest is as in `Endpoint`.
    """

    name: str
    base_url: str
    key_names: tuple[str, ...] = ()
    wire: str = "openai_chat"
    patterns: tuple[str, ...] = ()
    default_model: str | None = None
    address_name: str | None = None
    auth_header: str = "authorization"
    max_tokens_member: str = "max_completion_tokens"
    call_id_length: int | None = None
    stream_usage: bool = True
    price_list: str | None = None
    price: Price | None = None


FREE = Price(input=0, output=0, source="runs in the house")
SIMULATED = Price(input=100_000, output=400_000, cached_input=10_000, source="simulated")
"""Ten cents a million tokens that go in, forty that come out: of nobody's money, so that there is something to see."""

HOSTS = (
    Host(
        name="openai",
        price_list="openai",
        base_url="https://api.openai.com/v1",
        key_names=("OPENAI_API_KEY",),
        patterns=("gpt-*", "o1*", "o3*", "o4*", "chatgpt-*"),
        default_model="gpt-5-mini",
    ),
    Host(
        name="anthropic",
        price_list="anthropic",
        wire="anthropic",
        base_url="https://api.anthropic.com",
        key_names=("ANTHROPIC_API_KEY",),
        patterns=("claude-*",),
        default_model="claude-haiku-4-5",
    ),
    Host(
        name="gemini",
        price_list="google",
        wire="gemini",
        base_url="https://generativelanguage.googleapis.com",
        key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        patterns=("gemini-*",),
        default_model="gemini-2.5-flash",
    ),
    # https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle: /openai/v1 takes no api-version.
    Host(
        name="azure",
        price_list="azure",
        base_url="/openai/v1",
        address_name="AZURE_OPENAI_ENDPOINT",
        key_names=("AZURE_OPENAI_API_KEY",),
        auth_header="api-key",
    ),
    Host(
        name="cerebras",
        price_list="cerebras",
        base_url="https://api.cerebras.ai/v1",
        key_names=("CEREBRAS_API_KEY",),
    ),
    Host(
        name="deepseek",
        price_list="deepseek",
        base_url="https://api.deepseek.com",
        key_names=("DEEPSEEK_API_KEY",),
        max_tokens_member="max_tokens",
    ),
    Host(
        name="groq", price_list="groq", base_url="https://api.groq.com/openai/v1", key_names=("GROQ_API_KEY",)
    ),
    Host(
        name="huggingface",
        price_list="huggingface_*",
        base_url="https://router.huggingface.co/v1",
        key_names=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        max_tokens_member="max_tokens",
    ),
    # It answers 422 to members that it does not know, `stream_options` among them; usage it tells unasked.
    Host(
        name="mistral",
        price_list="mistral",
        base_url="https://api.mistral.ai/v1",
        key_names=("MISTRAL_API_KEY",),
        max_tokens_member="max_tokens",
        call_id_length=9,
        stream_usage=False,
    ),
    Host(name="ollama", price=FREE, base_url="http://127.0.0.1:11434/v1", max_tokens_member="max_tokens"),
    Host(
        name="openrouter",
        price_list="openrouter",
        base_url="https://openrouter.ai/api/v1",
        key_names=("OPENROUTER_API_KEY",),
    ),
    Host(
        name="perplexity",
        price_list="perplexity",
        base_url="https://api.perplexity.ai",
        key_names=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        max_tokens_member="max_tokens",
    ),
    Host(
        name="together",
        price_list="together",
        base_url="https://api.together.ai/v1",
        key_names=("TOGETHER_API_KEY",),
        max_tokens_member="max_tokens",
    ),
    Host(name="xai", price_list="x-ai", base_url="https://api.x.ai/v1", key_names=("XAI_API_KEY",)),
)

PROFILES = tuple(
    described(endpoint, model, FAMILIES)
    for endpoint, models in (
        ("openai", "gpt-5 gpt-5-mini gpt-5-nano gpt-4.1 gpt-4.1-mini gpt-4o gpt-4o-mini"),
        ("anthropic", "claude-fable-5-2 claude-opus-5-5 claude-sonnet-5-5 claude-haiku-5-5"),
        ("anthropic", "claude-opus-4-8 claude-sonnet-4-6 claude-haiku-4-5 claude-sonnet-4-5"),
        ("gemini", "gemini-3.8-flash gemini-3.5-flash gemini-3.1-pro-preview gemini-3.1-flash-lite"),
        ("gemini", "gemini-2.5-flash gemini-2.5-flash-lite gemini-2.5-pro"),
    )
    for model in models.split()
)
"""The models that are shown to those who ask what there is; any other name under an endpoint works as well."""

SIMULATOR = Profile(endpoint="simulator", model="echo", context_window=128_000)

NAMES = frozenset((*(host.name for host in HOSTS), "simulator"))
"""Endpoints of which podium.toml need not say where they are."""
