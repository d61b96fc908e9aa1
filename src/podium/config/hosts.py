"""The endpoints and models that need no file: large providers where their key is set, and the simulator."""

from dataclasses import dataclass

from podium.catalogue.profile import Profile, described
from podium.config.families import FAMILIES


@dataclass(frozen=True, slots=True)
class Host:
    """A provider known by name. `key_names` are the environment variables of its official SDK, first one first."""

    name: str
    wire: str
    base_url: str
    key_names: tuple[str, ...]
    patterns: tuple[str, ...]
    default_model: str


HOSTS = (
    Host(
        name="openai",
        wire="openai_chat",
        base_url="https://api.openai.com/v1",
        key_names=("OPENAI_API_KEY",),
        patterns=("gpt-*", "o1*", "o3*", "o4*", "chatgpt-*"),
        default_model="gpt-5-mini",
    ),
    Host(
        name="anthropic",
        wire="anthropic",
        base_url="https://api.anthropic.com",
        key_names=("ANTHROPIC_API_KEY",),
        patterns=("claude-*",),
        default_model="claude-haiku-4-5",
    ),
    Host(
        name="gemini",
        wire="gemini",
        base_url="https://generativelanguage.googleapis.com",
        key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        patterns=("gemini-*",),
        default_model="gemini-2.5-flash",
    ),
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
