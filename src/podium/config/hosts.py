"""The endpoints and models that need no file: large providers where their key is set, and the simulator."""

from dataclasses import dataclass

from podium.catalogue.profile import Profile


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

# Windows and output limits as the hosts publish them; what is not here gets a careful default.
PROFILES = tuple(
    Profile(endpoint=endpoint, model=model, context_window=window, output_limit=limit)
    for endpoint, model, window, limit in (
        ("openai", "gpt-5", 400_000, 128_000),
        ("openai", "gpt-5-mini", 400_000, 128_000),
        ("openai", "gpt-5-nano", 400_000, 128_000),
        ("openai", "gpt-4.1", 1_047_576, 32_768),
        ("openai", "gpt-4.1-mini", 1_047_576, 32_768),
        ("openai", "gpt-4o", 128_000, 16_384),
        ("openai", "gpt-4o-mini", 128_000, 16_384),
        ("anthropic", "claude-haiku-4-5", 200_000, 64_000),
        ("anthropic", "claude-sonnet-4-5", 200_000, 64_000),
        ("gemini", "gemini-2.5-flash", 1_048_576, 65_536),
        ("gemini", "gemini-2.5-pro", 1_048_576, 65_536),
    )
)

SIMULATOR = Profile(endpoint="simulator", model="echo", context_window=128_000)

NAMES = frozenset((*(host.name for host in HOSTS), "simulator"))
"""Endpoints of which podium.toml need not say where they are."""
