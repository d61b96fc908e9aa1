"""What a person reads when the server is ready."""

import json
import shlex

import podium
from podium.config.home import AdminKey
from podium.config.hosts import HOSTS
from podium.config.server import Server
from podium.config.settings import Settings

_EXAMPLE = json.dumps({"messages": [{"role": "user", "content": "Say hello in one sentence."}]})


def banner(settings: Settings, key: AdminKey, url: str) -> str:
    """Where it is, whose key opens it, which model answers, and a line to try it with."""
    return "\n".join(
        (
            f"Podium {podium.__version__} is ready: {url}",
            "",
            f"  Admin key  {_key(key)}",
            *_models(settings),
            *(f"  Warning    {warning}" for warning in settings.warnings),
            "",
            "  Try it:",
            f"  {curl(key, url)}",
            "",
            "  Ctrl-C stops everything.",
        )
    )


def curl(key: AdminKey, url: str) -> str:
    """A line that works when it is pasted into a shell of whoever may read the key."""
    secret = "$PODIUM_ADMIN_KEY" if key.path is None else f"$(cat {shlex.quote(str(key.path))})"
    return (
        f'curl -s {url}/v1/chat/completions -H "Authorization: Bearer {secret}"'
        f" -H 'Content-Type: application/json' -d '{_EXAMPLE}'"
    )


def _key(key: AdminKey) -> str:
    if key.path is None:
        return "as given in PODIUM_ADMIN_KEY"
    return f"{key.value}  (shown this once, kept in {key.path})" if key.is_new else f"kept in {key.path}"


def _models(settings: Settings) -> list[str]:
    catalogue = settings.catalogue
    keyed = [host.name for host in HOSTS if host.key_names and host.name in catalogue.endpoints]
    if catalogue.default_model and catalogue.find(catalogue.default_model):
        lines = [f"  Model      {catalogue.default_model} answers where none is named."]
    else:
        lines = [
            f"  Model      {catalogue.default_model}, the default, has no configured endpoint: name another."
        ]
    if keyed:
        lines.append(f"             Provider keys were found for: {', '.join(keyed)}.")
    elif catalogue.default_model == "simulator/echo":
        lines.append("             It is no model: it plays one, by rules.")
        if settings.server.simulator_url != Server.model_fields["simulator_url"].default:
            lines.append(
                f"             It is asked at {settings.server.simulator_url}, where `podium simulate` must run."
            )
    if settings.weights is not None and catalogue.default_model == f"local/{settings.weights.name}":
        if settings.weights.is_small:
            lines.append(
                "             It runs in this house: a real model, but a small one (135M), and not clever."
            )
        else:
            lines.append(f"             It runs in this house, from {settings.weights.path}.")
    if not keyed:
        lines.append("             A better one: the same start with OPENAI_API_KEY=sk-... before it")
        lines.append("             (or ANTHROPIC_API_KEY, GEMINI_API_KEY, or an endpoint in podium.toml)")
    return lines
