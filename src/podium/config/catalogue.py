"""From podium.toml and the keys in the environment to the catalogue of endpoints, profiles and routes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Patience
from podium.catalogue.profile import Profile, described
from podium.config.document import Document
from podium.config.families import FAMILIES
from podium.config.file import EndpointTable, ModelTable
from podium.config.hosts import FREE, HOSTS, NAMES, PROFILES, SIMULATED, SIMULATOR, Host
from podium.config.mistake import header, likely, nearest
from podium.config.resilience import PatienceTable, resilience, said_by
from podium.config.server import Server
from podium.kit import ids
from podium.providers.local.weights import Weights

_BY_NAME = {host.name: host for host in HOSTS}

_QUIRKS = {"auth_header", "max_tokens_member", "call_id_length", "stream_usage"}
_SAID = {"wire", "base_url", "headers", "patterns", "proxy", "count_tokens", *_QUIRKS}
"""What an endpoint and its table call by the same name."""

_LOCAL_PATIENCE = Patience(first_byte=300.0, idle=60.0)
"""Beyond its slots the local model lets calls wait."""


def build(
    document: Document,
    environment: Mapping[str, str],
    *,
    server: Server,
    weights: Weights | None,
    default_model: str | None,
    allow_unpriced: bool,
) -> tuple[Catalogue, list[str]]:
    """The catalogue, and what the operator should know about it: nothing that keeps a server from starting."""
    warnings: list[str] = []
    endpoints = dict(_endpoints(document, environment, server=server, warnings=warnings))
    profiles = {each.name: each for each in (*PROFILES, SIMULATOR)}
    if weights is not None:
        wide = (said_by(environment), document.file.resilience)
        endpoints["local"] = replace(_local(weights.name), resilience=resilience(wide))
        profiles |= {f"local/{weights.name}": replace(weights.profile(), price=FREE)}
    for name, table in document.file.models.items():
        profiles[name] = _profile(
            name, table, profiles.get(name), document.bare_place("models", name, "price")
        )
        if name.partition("/")[0] not in (*endpoints, *NAMES):
            warnings.append(_unknown_endpoint(document, name, endpoints))
        elif (said := _unknown_model(document, name, endpoints)) is not None:
            warnings.append(said)
    catalogue = Catalogue(endpoints=endpoints, profiles=profiles, families=FAMILIES)
    routes = {
        alias: tuple(_resolvable(document, alias, catalogue, environment, warnings))
        for alias in document.file.routes
    }
    catalogue = replace(
        catalogue,
        routes={alias: names for alias, names in routes.items() if names},
        default_model=default_model or _default_model(environment, endpoints, weights),
        allow_unpriced=allow_unpriced,
    )
    if default_model is not None and not _is_known(catalogue, default_model):
        why = _why(default_model, environment)
        near = _meant(default_model, document, catalogue)
        warnings.append(f'the default model "{default_model}" has no configured endpoint{why}{near}')
    warnings += _unpriced(document, catalogue)
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
        name="simulator",
        wire="openai_chat",
        base_url=server.simulator_url,
        patience=patience,
        price=SIMULATED,
    )
    known = {host.name: _hosted(host, environment, patience) for host in HOSTS} | {"simulator": simulator}
    tables = document.file.endpoints
    for name in (*known, *(name for name in tables if name not in known)):
        endpoint = known.get(name) or Endpoint(name=name, wire="", base_url="", patience=patience)
        table = tables.get(name, EndpointTable())
        if name not in tables and not endpoint.api_key and name != "simulator":
            continue
        if lacking := _lacking(endpoint, table, environment):
            place = f"{document.place('endpoints', name, 'api_key_env')}: " if name in tables else ""
            warnings.append(
                f'{place}{lacking} is not set in the environment; the endpoint "{name}" is left out'
            )
        else:
            told = _told_more(endpoint, table, environment)
            if table.price is not None:
                told = replace(told, price=table.price.price(document.bare_place("endpoints", name, "price")))
            yield name, replace(told, resilience=resilience((*wide, table.resilience)))


def _lacking(endpoint: Endpoint, table: EndpointTable, environment: Mapping[str, str]) -> str | None:
    """The variable without which the endpoint cannot be asked. Behind another base URL there may be no keys."""
    if table.api_key_env and not environment.get(table.api_key_env):
        return table.api_key_env
    host = _BY_NAME.get(endpoint.name)
    if host is None or table.base_url:
        return None
    if host.key_names and not (endpoint.api_key or table.api_key_env):
        return host.key_names[0]
    return host.address_name if not endpoint.base_url else None


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
        base_url=_base_url(host, environment),
        api_key=key[1] if key else None,
        patterns=host.patterns,
        patience=patience,
        price=host.price,
        price_list=host.price_list,
        **{name: getattr(host, name) for name in _QUIRKS},
    )


def _base_url(host: Host, environment: Mapping[str, str]) -> str:
    """Empty where it is for the environment to say, and it does not; it may say the whole, or what is in front."""
    if host.address_name is None:
        return host.base_url
    address = environment.get(host.address_name, "").rstrip("/").removesuffix(host.base_url)
    return address and address + host.base_url


def _told_more(endpoint: Endpoint, table: EndpointTable, environment: Mapping[str, str]) -> Endpoint:
    """The endpoint with what its table in the file says."""
    said = table.model_dump(exclude_none=True, include=_SAID)
    sizes = table.model_dump(exclude_none=True, include={"event_bytes", "body_bytes"})
    patience = table.resilience.over(table.over(replace(endpoint.patience, **sizes)))
    key = environment[table.api_key_env] if table.api_key_env else endpoint.api_key
    return replace(endpoint, api_key=key, patience=patience, **said)


def _local(model: str) -> Endpoint:
    """The model in the house. Its port is known only once it runs, so `providers.local` puts it in at each call."""
    return Endpoint(
        name="local",
        wire="openai_chat",
        base_url="http://127.0.0.1:0/v1",
        api_key=ids.secret("local"),
        patience=_LOCAL_PATIENCE,
        max_tokens_member="max_tokens",
        models=(model,),
        price=FREE,
    )


def _profile(name: str, table: ModelTable, known: Profile | None, place: str) -> Profile:
    """The profile that a table describes; `place` is where its price stands."""
    endpoint, _, model = name.partition("/")
    said = table.model_dump(exclude_unset=True, exclude_none=True, exclude={"price", "thinking"})
    if table.price is not None:
        said["price"] = table.price.price(place)
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
                f"{_why(name, environment)} and is skipped{_meant(name, document, catalogue)}"
            )


def _is_known(catalogue: Catalogue, name: str) -> bool:
    return bool(catalogue.find(name))


def _unpriced(document: Document, catalogue: Catalogue) -> Iterator[str]:
    """Models that are named and will not be called. Of a host whose prices are published nothing is said."""
    named: list[tuple[str, tuple[str, ...]]] = [("default_model", (catalogue.default_model or "",))]
    named += [(f'the route "{alias}"', names) for alias, names in catalogue.routes.items()]
    for where, names in named if not catalogue.allow_unpriced else ():
        for name in names:
            for each in catalogue.find(name):
                if not (each.profile.price or each.endpoint.price or each.endpoint.price_list):
                    yield (
                        f'{document.name}: "{each.profile.name}" of {where} has no price and will not be called:'
                        f" give it one in {header(('models', each.profile.name))}, or set allow_unpriced = true"
                        f"{_near(each.profile, document)}"
                    )


def _why(name: str, environment: Mapping[str, str]) -> str:
    host = _BY_NAME.get(name.partition("/")[0])
    if host is None or find_key(host, environment):
        return ""
    missing = f"{host.key_names[0]} is not set" if host.key_names else f"[endpoints.{host.name}] is not there"
    return f" ({missing})"


def _meant(name: str, document: Document, catalogue: Catalogue) -> str:
    """The likely name where this one is misspelt. Of an endpoint that was left out it has been told why."""
    head, slash, tail = name.partition("/")
    endpoints = {*catalogue.endpoints, *document.file.endpoints}
    if head in catalogue.endpoints and (names := catalogue.endpoints[head].names):
        return f'; did you mean "{names[0]}"?'
    if head in endpoints or head in NAMES:
        return ""
    if slash and (near := nearest(head, sorted(endpoints))):
        return f'; did you mean "{near}/{tail}"?'
    return likely(name, catalogue.models())


def _near(profile: Profile, document: Document) -> str:
    """The likely model of the same endpoint where this one stands nowhere else in the file."""
    declared = document.file.models
    if profile.name in declared:
        return ""
    heads = (name.partition("/") for name in declared)
    models = (model for endpoint, _, model in heads if endpoint == profile.endpoint)
    return likely(profile.model, models, shown=f'"{profile.endpoint}/{{}}"')


def _unknown_endpoint(document: Document, name: str, endpoints: Mapping[str, Endpoint]) -> str:
    path = ("models", name)
    head = name.partition("/")[0]
    return f'{document.place(*path)}: {header(path)}: there is no endpoint "{head}"{likely(head, endpoints)}'


def _unknown_model(document: Document, name: str, endpoints: Mapping[str, Endpoint]) -> str | None:
    """What to tell of a table for a model that its endpoint does not have."""
    head, _, model = name.partition("/")
    endpoint = endpoints.get(head)
    if endpoint is None or endpoint.has(model):
        return None
    path = ("models", name)
    return f'{document.place(*path)}: {header(path)}: "{head}" has no such model; did you mean "{endpoint.names[0]}"?'


def _default_model(
    environment: Mapping[str, str], endpoints: Mapping[str, Endpoint], weights: Weights | None
) -> str:
    for host in HOSTS:
        if host.default_model and host.name in endpoints and find_key(host, environment):
            return f"{host.name}/{host.default_model}"
    return f"local/{weights.name}" if weights is not None else SIMULATOR.name
