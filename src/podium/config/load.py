"""Read the settings, once: flags over environment over file over default."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from podium.config.alerts import origins as alerts_origins
from podium.config.alerts import webhook
from podium.config.catalogue import build, find_key
from podium.config.document import Document, read
from podium.config.home import checked_key, default_data_dir
from podium.config.hosts import HOSTS
from podium.config.limits import VARIABLES as LIMITS
from podium.config.limits import limits, limits_said_by, told
from podium.config.mistake import SECRET, Misconfigured, reason
from podium.config.price import ALLOW_UNPRICED, allowed_by
from podium.config.resilience import VARIABLES, resilience, said_by
from podium.config.server import Server
from podium.config.settings import Origin, Settings
from podium.config.variable import NAMES, strangers
from podium.errors import OperatorError
from podium.providers.local.weights import Weights, get_weights

Flags = Mapping[str, object]


def load(flags: Flags, environment: Mapping[str, str], directory: Path) -> Settings:
    """All settings, each with its origin.

    Args:
        flags: settings given on the command line, by name, and `config`; None means not given.
        environment: the process's; an empty variable counts as unset.
        directory: where podium.toml is looked for first.

    Raises:
        Misconfigured: with every mistake there is, each with its place.
    """
    flags = {name: value for name, value in flags.items() if value is not None}
    environment = {name: value for name, value in environment.items() if value.strip()}
    mistakes: list[str] = []
    document, over = Document(), Server()
    try:
        over = _overrides(flags, environment)
    except Misconfigured as error:
        mistakes += error.mistakes
    try:
        document = _read(flags, environment, directory, over)
    except Misconfigured as error:
        mistakes += error.mistakes
    mistakes += _mistaken_variables(environment, document)
    server = document.file.server.model_copy(
        update={name: getattr(over, name) for name in over.model_fields_set}
    )
    weights, why_not = None, None
    try:
        weights = _weights(server, document)
    except OperatorError as error:
        why_not = error
        if server.local_model is not None:
            mistakes.append(f"{_source('local_model', flags, environment, document)}: {error}")
    if mistakes:
        raise Misconfigured(mistakes)
    default_model = environment.get("PODIUM_DEFAULT_MODEL") or document.file.default_model
    allowed = allowed_by(environment)
    catalogue, warnings = build(
        document,
        environment,
        server=server,
        weights=weights,
        default_model=default_model,
        allow_unpriced=document.file.allow_unpriced if allowed is None else allowed,
    )
    if why_not is not None and catalogue.default_model == "simulator/echo":
        warnings.append(f"{why_not} {why_not.hint or ''} The simulator answers instead.".replace("  ", " "))
    return Settings(
        server=server,
        data_dir=_data_dir(server),
        config_file=document.path,
        admin_key=_admin_key(environment),
        catalogue=catalogue,
        limits=limits(document.file.limits, limits_said_by(environment)),
        webhook=webhook(environment, document),
        weights=weights,
        origins=tuple(_origins(server, flags, environment, document)),
        warnings=(*strangers(environment, document), *warnings),
    )


def _data_dir(server: Server) -> Path:
    return (server.data_dir or default_data_dir()).expanduser().resolve()


def _overrides(flags: Flags, environment: Mapping[str, str]) -> Server:
    """What flags and environment say, on its own."""
    said: dict[str, object] = {name: environment[key] for name, key in NAMES.items() if key in environment}
    if "redis_url" not in said and "REDIS_HOST" in environment:
        said["redis_url"] = _redis_url(environment)
    said |= {name: value for name, value in flags.items() if name in NAMES}
    try:
        return Server.model_validate(said)
    except ValidationError as error:
        raise Misconfigured(
            f"{_source(str(each['loc'][0]), flags, environment, Document())} {reason(each)}"
            for each in error.errors()
        ) from error


def _mistaken_variables(environment: Mapping[str, str], document: Document) -> Iterator[str]:
    for look in (lambda: webhook(environment, document), lambda: _admin_key(environment)):
        try:
            look()
        except Misconfigured as error:
            yield from error.mistakes
    for host in HOSTS:
        address = environment.get(host.address_name or "", "https://")
        if not address.startswith(("http://", "https://")):
            yield f'{host.address_name} should begin with http:// or https://, not "{address}"'
    try:
        said_by(environment)
    except ValidationError as error:
        for each in error.errors():
            yield f"{VARIABLES[str(each['loc'][0])]} {reason(each)}"
    try:
        allowed_by(environment)
    except ValidationError as error:
        yield from (f"{ALLOW_UNPRICED} {reason(each)}" for each in error.errors())
    try:
        limits_said_by(environment)
    except ValidationError as error:
        for each in error.errors():
            yield f"{LIMITS[tuple(map(str, each['loc']))]} {reason(each)}"


def _admin_key(environment: Mapping[str, str]) -> str | None:
    given = environment.get("PODIUM_ADMIN_KEY")
    try:
        return None if given is None else checked_key(given)
    except ValueError as error:
        raise Misconfigured([f"PODIUM_ADMIN_KEY {error}"]) from error


def _redis_url(environment: Mapping[str, str]) -> str:
    host, port = environment["REDIS_HOST"], environment.get("REDIS_PORT", "6379")
    if not port.isdigit():
        raise Misconfigured([f'REDIS_PORT should be a whole number, not "{port}"'])
    password = environment.get("REDIS_PASSWORD")
    return f"redis://{f':{quote(password, safe=str())}@' if password else ''}{host}:{port}/0"


def _read(flags: Flags, environment: Mapping[str, str], directory: Path, over: Server) -> Document:
    named = flags.get("config") or environment.get("PODIUM_CONFIG")
    if named:
        return read((directory / Path(str(named)).expanduser()).resolve(), str(named))
    here = directory / "podium.toml"
    if here.is_file():
        return read(here, "podium.toml")
    kept = _data_dir(over) / "podium.toml"
    try:
        is_there = kept.is_file()
    except PermissionError:
        return Document()  # the data directory is somebody else's, which the server will say better
    if not is_there:
        return Document()
    document = read(kept, str(kept))
    if document.file.server.data_dir is not None:
        place = document.place("server", "data_dir")
        raise Misconfigured(
            [f'{place}: "data_dir" cannot be set by the file that lies in the data directory']
        )
    return document


def _weights(server: Server, document: Document) -> Weights | None:
    """The local model, unless it is switched off or podium.toml has an endpoint of this name."""
    if not server.local or "local" in document.file.endpoints:
        return None
    return get_weights(server.local_model)


def _source(name: str, flags: Flags, environment: Mapping[str, str], document: Document) -> str:
    if name in flags:
        return f"--{name.replace('_', '-')}"
    if NAMES[name] in environment:
        return NAMES[name]
    if name == "redis_url" and "REDIS_HOST" in environment:
        return "REDIS_HOST"
    if name in document.file.server.model_fields_set:
        return document.place("server", name)
    return "default"


def _origins(
    server: Server, flags: Flags, environment: Mapping[str, str], document: Document
) -> Iterator[Origin]:
    for name, value in server:
        shown = "set" if name in SECRET and value is not None else value
        if name == "data_dir":
            shown = _data_dir(server)
        text = ", ".join(shown) if isinstance(shown, tuple) else "" if shown is None else str(shown)
        yield Origin(name=name, value=text, source=_source(name, flags, environment, document))
    source = "PODIUM_DEFAULT_MODEL" if "PODIUM_DEFAULT_MODEL" in environment else "default"
    if source == "default" and document.file.default_model:
        source = document.place("default_model")
    yield Origin(
        name="default_model",
        value=environment.get("PODIUM_DEFAULT_MODEL") or document.file.default_model or "",
        source=source,
    )
    yield _unpriced_origin(environment, document)
    yield from _resilience_origins(environment, document)
    yield from _limits_origins(environment, document)
    yield from alerts_origins(environment, document)
    if "PODIUM_ADMIN_KEY" in environment:
        yield Origin(name="admin_key", value="set", source="PODIUM_ADMIN_KEY")
    for host in HOSTS:
        if key := find_key(host, environment):
            yield Origin(name=f"{host.name} key", value="set", source=key[0])
        if host.address_name and (address := environment.get(host.address_name)):
            yield Origin(name=f"{host.name} address", value=address, source=host.address_name)


def _unpriced_origin(environment: Mapping[str, str], document: Document) -> Origin:
    """Whether models without a price may be called."""
    allowed, source = allowed_by(environment), ALLOW_UNPRICED
    if allowed is None:
        allowed = document.file.allow_unpriced
        is_said = ("allow_unpriced",) in document.lines
        source = document.place("allow_unpriced") if is_said else "default"
    return Origin(name="allow_unpriced", value=str(allowed), source=source)


def _resilience_origins(environment: Mapping[str, str], document: Document) -> Iterator[Origin]:
    """What holds for endpoints that do not say it themselves."""
    wide = document.file.resilience
    in_all = resilience((said_by(environment), wide))
    for name in in_all.__slots__:
        source = "default"
        if getattr(wide, name) is not None:
            source = document.place("resilience", name)
        elif VARIABLES.get(name) in environment:
            source = VARIABLES[name]
        value = getattr(in_all, name)
        yield Origin(name=f"resilience.{name}", value="" if value is None else str(value), source=source)


def _limits_origins(environment: Mapping[str, str], document: Document) -> Iterator[Origin]:
    """What holds for users, keys and tenants."""
    for path, value in told(limits(document.file.limits, limits_said_by(environment))):
        source = "default"
        if LIMITS[path] in environment:
            source = LIMITS[path]
        elif ("limits", *path) in document.lines:
            source = document.place("limits", *path)
        if value or source != "default":
            yield Origin(name=".".join(("limits", *path)), value=value, source=source)
