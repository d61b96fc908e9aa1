"""The part of `podium doctor` that looks at the hosts of models: are there keys, and do they open anything?"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from podium.catalogue.catalogue import Candidate, Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.cli.finding import Finding
from podium.cli.target import NotServing, Target
from podium.config.hosts import HOSTS
from podium.config.server import Server
from podium.config.settings import Settings
from podium.errors import PodiumError, ProviderError, Rejected
from podium.kit import clock, ids
from podium.providers.provider import Call
from podium.providers.remote import Remote, open_client
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request, Sampling
from podium.wires.all import WIRES

_WIRES = {wire.name: wire for wire in WIRES}
_SECONDS = 60.0
_TOKENS = 16
_WORDS = "Say ok."
_LOCAL_ADVICE = "Was the server started with other settings? If not, local.log in the data directory tells."


async def check_hosts(
    settings: Settings, target: Target, *, with_calls: bool
) -> AsyncGenerator[Finding, None]:
    """A finding for each host that is configured, and one for the large ones that are not."""
    catalogue = settings.catalogue
    for endpoint in catalogue.endpoints.values():
        if endpoint.name == "simulator" and _is_implied(settings):
            continue
        if endpoint.name == "local":
            yield _check_local(settings, target, with_calls=with_calls)
        elif with_calls:
            yield await _call(endpoint, catalogue)
        else:
            yield Finding("ok", endpoint.name, f"{_told(endpoint)}; --call tries it")
    absent = [
        f"{host.name} ({host.key_names[0]})"
        for host in HOSTS
        if host.default_model and host.name not in catalogue.endpoints
    ]
    if absent:
        yield Finding("note", "hosts", f"without a key, and left out: {', '.join(absent)}")
    model = catalogue.default_model or ""
    if catalogue.find(model):
        yield Finding("ok", "default", f"{model} answers where no model is named")
    else:
        yield Finding(
            "WRONG",
            "default",
            f"{model or 'no model'} is the default, and nothing answers to it",
            "Set default_model in podium.toml to a model of a configured endpoint, or set that endpoint's key.",
        )


def _is_implied(settings: Settings) -> bool:
    """Whether nobody asked for the simulator at its usual place."""
    usual = Server.model_fields["simulator_url"].default
    return bool(settings.catalogue.endpoints["simulator"].base_url == usual)


def _told(endpoint: Endpoint) -> str:
    key = "a key is set" if endpoint.api_key else "needs no key"
    return f"{endpoint.base_url} ({endpoint.wire}), {key}"


def _check_local(settings: Settings, target: Target, *, with_calls: bool) -> Finding:
    """The model in the house runs below a server, so it is called through it."""
    name = f"local/{settings.weights.name}" if settings.weights else "local"
    where = f"{name} runs in the house when it is asked"
    if not with_calls:
        return Finding("ok", "local", f"{where}; --call tries it")
    body = {"model": name, "messages": [{"role": "user", "content": _WORDS}], "max_tokens": _TOKENS}
    began = clock.monotonic()
    try:
        target.client().ask("POST", "/v1/chat/completions", body)
    except NotServing:
        return Finding("note", "local", f"{where}, and no server runs to ask it", "Start one: podium serve")
    except PodiumError as error:
        return Finding(
            "WRONG",
            "local",
            error.message,
            error.hint
            or "Was the server started with other settings? Else local.log in the data directory tells.",
        )
    return Finding("ok", "local", f"{name} answered in {clock.monotonic() - began:.1f} s")


async def _call(endpoint: Endpoint, catalogue: Catalogue) -> Finding:
    candidate = _candidate(endpoint, catalogue)
    if candidate is None:
        return Finding(
            "note",
            endpoint.name,
            f"{_told(endpoint)}; not called, as no model of it is listed",
            f'List one: [models."{endpoint.name}/NAME"] in podium.toml.',
        )
    began = clock.monotonic()
    try:
        await _ask(candidate)
    except ProviderError as error:
        return Finding("WRONG", endpoint.name, error.message, error.hint or _advice(error, endpoint))
    except PodiumError as error:
        return Finding("WRONG", endpoint.name, error.message, error.hint or "")
    took = clock.monotonic() - began
    return Finding("ok", endpoint.name, f"{candidate.profile.model} answered in {took:.1f} s")


def _candidate(endpoint: Endpoint, catalogue: Catalogue) -> Candidate | None:
    """The model to try: the host's usual one, the default if it lives there, or the first that is listed."""
    usual = [
        f"{host.name}/{host.default_model}"
        for host in HOSTS
        if host.default_model and host.name == endpoint.name
    ]
    default = [catalogue.default_model] if catalogue.default_model else []
    for name in (*default, *usual, *catalogue.profiles):
        if name.partition("/")[0] == endpoint.name and (found := catalogue.find(name)):
            return found[0]
    return None


async def _ask(candidate: Candidate) -> None:
    endpoint, profile = candidate.endpoint, candidate.profile
    request = Request(
        model=profile.model,
        lines=(Line(role="user", parts=(Text(_WORDS),)),),
        sampling=Sampling(max_output=_TOKENS),
        stream=True,
    )
    call = Call(turn=None, purpose="doctor", deadline=clock.monotonic() + _SECONDS, trace=ids.new("req"))
    async with open_client() as client:
        remote = Remote(client, _WIRES[endpoint.wire], endpoint, profile)
        async with aclosing(remote.stream(request, call)) as deltas:
            async for _ in deltas:
                pass


def _advice(error: ProviderError, endpoint: Endpoint) -> str:
    if isinstance(error, Rejected) and error.status in (401, 403):
        names = [name for host in HOSTS if host.name == endpoint.name for name in host.key_names]
        return (
            f"The key is wrong or may not do this: set {' or '.join(names) or 'the one in api_key_env'} anew."
        )
    if isinstance(error, Rejected):
        return f"Is the model there? Is base_url of [endpoints.{endpoint.name}] right?"
    return (
        f"Can this machine reach {endpoint.base_url}? Behind a proxy: proxy in [endpoints.{endpoint.name}]."
    )
