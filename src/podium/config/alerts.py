"""[alerts]: whom to tell when a budget reaches its threshold."""

from collections.abc import Iterator, Mapping

from podium.config.document import Document
from podium.config.mistake import Misconfigured
from podium.config.settings import Origin
from podium.ledger.webhook import Webhook, read_secret

WEBHOOK_URL = "PODIUM_WEBHOOK_URL"
WEBHOOK_SECRET = "PODIUM_WEBHOOK_SECRET"  # noqa: S105  # the name of the variable that holds it


def webhook(environment: Mapping[str, str], document: Document) -> Webhook | None:
    """The operator's receiver, if there is one.

    Raises:
        Misconfigured: its address is none, or its secret is missing or malformed; neither is repeated.
    """
    url, source = _url(environment, document)
    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise Misconfigured([f"{source} should begin with http:// or https://"])
    name = _secret_name(document)
    if name not in environment:
        raise Misconfigured([f"{source}: a webhook needs a secret to sign with: set {name} to whsec_…"])
    try:
        read_secret(environment[name])
    except ValueError as error:
        raise Misconfigured([f"{name} {error}"]) from error
    return Webhook(url, environment[name])


def origins(environment: Mapping[str, str], document: Document) -> Iterator[Origin]:
    """Where they were said; the address may hold a secret, so it is not shown either."""
    url, source = _url(environment, document)
    if url is not None:
        yield Origin(name="alerts.webhook_url", value="set", source=source)
        yield Origin(name="alerts.webhook_secret", value="set", source=_secret_name(document))


def _url(environment: Mapping[str, str], document: Document) -> tuple[str | None, str]:
    if WEBHOOK_URL in environment:
        return environment[WEBHOOK_URL], WEBHOOK_URL
    return document.file.alerts.webhook_url, document.place("alerts", "webhook_url")


def _secret_name(document: Document) -> str:
    return document.file.alerts.webhook_secret_env or WEBHOOK_SECRET
