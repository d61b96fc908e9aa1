"""From podium.toml and the keys in the environment to the catalogue of endpoints, profiles and routes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Patience
from podium.catalogue.profile import Profile, described
from podium.config.document import Document
from podium.config.families import FAMILIES
from podium.config.file import EndpointTable, ModelTable
from podium.config.hosts import HOSTS, NAMES, PROFILES, SIMULATOR, Host
from podium.config.mistake import header, likely
from podium.config.resilience import PatienceTable, resilience, said_by
from podium.config.server import Server
from podium.errors import UnknownModel
from podium.kit import ids
from podium.providers.local.weights import Weights

_LOCAL_PATIENCE = Patience(first_byte=300.0, idle=60.0)
"""Beyond its slots the local model lets calls wait."""


def build(
    document: Document,
    environment: Mapping[str, str],
    *,
    server: Server,
    weights: Weights | None,
    default_model: str | None,
) -> tuple[Catalogue, list[str]]:
    """The catalogue, and what the operator should know about it: nothing that keeps a server from starting."""
    warnings: list[str] = []
    endpoints = dict(_endpoints(document, environment, server=server, warnings=warnings))
    profiles = {each.name: each for each in (*PROFILES, SIMULATOR)}
    if weights is not None:
        wide = (said_by(environment), document.file.resilience)
        endpoints["local"] = replace(_local(), resilience=resilience(wide))
        profiles |= {f"local/{weights.name}": weights.profile()}
    for name, table in document.file.models.items():
        profiles[name] = _profile(name, table, profiles.get(name))
        if name.partition("/")[0] not in (*endpoints, *NAMES):
            warnings.append(_unknown_endpoint(document, name, endpoints))
    catalogue = Catalogue(endpoints=endpoints, profiles=profiles, families=FAMILIES)
    routes = {
        alias: tuple(_resolvable(document, alias, catalogue, environment, warnings))
        for alias in document.file.routes
    }
    catalogue = replace(
        catalogue,
        routes={alias: names for alias, names in routes.items() if names},
        default_model=default_model or _default_model(environment, endpoints, weights),
    )
    if default_model is not None and not _is_known(catalogue, default_model):
        why = _why(default_model, environment)
        warnings.append(f'the default model "{default_model}" has no configured endpoint{why}')
    return catalogue, warnings


def find_key(host: Host, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The name and value of the first key of a host that is set."""
    return next(((name, environment[name]) for name in host.key_names if environment.get(name)), None)


def _endpoints(
    document: Document, environment: Mapping[str, str], *, server: Server, warnings: list[str]
) -> Iterator[tuple[str, Endpoint]]:
    patience = _patience(document, environment, server)
    wide = (said_by(environment), document.file.resilience)
    simulator = Endpoint(
        name="simulator", wire="openai_chat", base_url=server.simulator_url, patience=patience
    )
    known = {host.name: _hosted(host, environment, patience) for host in HOSTS} | {"simulator": simulator}
    tables = document.file.endpoints
    for name in (*known, *(name for name in tables if name not in known)):
        endpoint = known.get(name) or Endpoint(name=name, wire="", base_url="", patience=patience)
        table = tables.get(name, EndpointTable())
        if table.api_key_env and not environment.get(table.api_key_env):
            place = document.place("endpoints", name, "api_key_env")
            warnings.append(
                f'{place}: {table.api_key_env} is not set in the environment; the endpoint "{name}" is left out'
            )
        elif endpoint.api_key or table.api_key_env or table.base_url or name == "simulator":
            told = _told_more(endpoint, table, environment)
            yield name, replace(told, resilience=resilience((*wide, table.resilience)))


def _patience(document: Document, environment: Mapping[str, str], server: Server) -> Patience:
    """With endpoints that do not say it themselves: by the environment, else [resilience], else [server]."""
    names = PatienceTable.model_fields
    by_variable = {name: getattr(server, name) for name in names if f"PODIUM_{name.upper()}" in environment}
    by_server = PatienceTable(**{name: getattr(server, name) for name in names})
    patience = document.file.resilience.over(by_server.over(Patience()))
    return PatienceTable(**by_variable).over(patience)


def _hosted(host: Host, environment: Mapping[str, str], patience: Patience) -> Endpoint:
    key = find_key(host, environment)
    return Endpoint(
        name=host.name,
        wire=host.wire,
        base_url=host.base_url,
        api_key=key[1] if key else None,
        patterns=host.patterns,
        patience=patience,
    )


def _told_more(endpoint: Endpoint, table: EndpointTable, environment: Mapping[str, str]) -> Endpoint:
    """The endpoint with what its table in the file says."""
    said = table.model_dump(
        exclude_none=True,
        include={"wire", "base_url", "headers", "patterns", "proxy", "max_tokens_member", "call_id_length"},
    )
    sizes = table.model_dump(exclude_none=True, include={"event_bytes", "body_bytes"})
    patience = table.resilience.over(table.over(replace(endpoint.patience, **sizes)))
    key = environment[table.api_key_env] if table.api_key_env else endpoint.api_key
    return replace(endpoint, api_key=key, patience=patience, **said)


def _local() -> Endpoint:
    """The model in the house. Its port is known only once it runs, so `providers.local` puts it in at each call."""
    return Endpoint(
        name="local",
        wire="openai_chat",
        base_url="http://127.0.0.1:0/v1",
        api_key=ids.secret("local"),
        patience=_LOCAL_PATIENCE,
        max_tokens_member="max_tokens",
    )


def _profile(name: str, table: ModelTable, known: Profile | None) -> Profile:
    endpoint, _, model = name.partition("/")
    said = table.model_dump(exclude_unset=True, exclude_none=True, exclude={"price", "thinking"})
    if table.price is not None:
        said["price"] = table.price.price()
    if table.thinking is not None:
        said["thinking"] = table.thinking.thinking()
    return replace(known or described(endpoint, model, FAMILIES), **said)


def _resolvable(
    document: Document,
    alias: str,
    catalogue: Catalogue,
    environment: Mapping[str, str],
    warnings: list[str],
) -> Iterator[str]:
    for name in document.file.routes[alias]:
        if _is_known(catalogue, name):
            yield name
        else:
            warnings.append(
                f'{document.place("routes", alias)}: "{name}" in the route "{alias}" has no configured endpoint'
                f"{_why(name, environment)} and is skipped"
            )


def _is_known(catalogue: Catalogue, name: str) -> bool:
    try:
        catalogue.resolve(name)
    except UnknownModel:
        return False
    return True


def _why(name: str, environment: Mapping[str, str]) -> str:
    for host in HOSTS:
        if host.name == name.partition("/")[0] and not find_key(host, environment):
            return f" ({host.key_names[0]} is not set)"
    return ""


def _unknown_endpoint(document: Document, name: str, endpoints: Mapping[str, Endpoint]) -> str:
    path = ("models", name)
    head = name.partition("/")[0]
    return f'{document.place(*path)}: {header(path)}: there is no endpoint "{head}"{likely(head, endpoints)}'


def _default_model(
    environment: Mapping[str, str], endpoints: Mapping[str, Endpoint], weights: Weights | None
) -> str:
    for host in HOSTS:
        if host.name in endpoints and find_key(host, environment):
            return f"{host.name}/{host.default_model}"
    return f"local/{weights.name}" if weights is not None else SIMULATOR.name
