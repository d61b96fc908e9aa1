"""What aiohttp's errors mean in Podium's words, and how their texts are kept free of secrets."""

import os
import ssl

import aiohttp

from podium.errors import Garbled, ProviderError, TimedOut, Truncated, Unreachable

_TLS = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.ServerFingerprintMismatch,
)
_NOT_HTTP = (aiohttp.ClientResponseError, aiohttp.http_exceptions.ContentEncodingError)
_UNREACHED: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (_TLS, "No TLS with {where}: {reason}."),
    ((aiohttp.ClientConnectorDNSError,), "The host name of {where} cannot be resolved."),
    ((aiohttp.ConnectionTimeoutError,), "No connection to {where} in time."),
    ((aiohttp.ClientProxyConnectionError,), "The proxy to {where} cannot be reached: {reason}."),
    ((aiohttp.ClientHttpProxyError,), "The proxy to {where} refused to connect."),
    ((aiohttp.ClientConnectorError,), "No connection to {where}: {reason}."),
)
"""Narrow before wide: the first that fits is told."""

_REDACTED = "[redacted]"


def translated(error: Exception, where: str) -> ProviderError:
    """The ProviderError that a foreign error of the HTTP client means; `where` names the endpoint and its host.

    It is to be raised `from None`: representations of aiohttp's errors carry the request's headers, keys included.
    """
    unreached = _unreached(error, where)
    if unreached is not None:
        return unreached
    if isinstance(error, TimeoutError):
        return TimedOut(f"{where} did not answer in time.")
    if isinstance(error, _NOT_HTTP) or isinstance(error.__cause__, _NOT_HTTP):
        return Garbled(f"{where} sent something that is not HTTP, or is wrongly encoded.")
    return Truncated(f"{where} closed the connection before its answer was whole.")


def _unreached(error: Exception, where: str) -> Unreachable | None:
    """Errors in making the connection: not a byte of the request has left."""
    for kinds, words in _UNREACHED:
        if isinstance(error, kinds):
            failed = Unreachable(words.format(where=where, reason=_reason(error)) + " Nothing was sent.")
            if kinds is _TLS:
                failed.retryable = False
                failed.hint = "Check the host's certificate, this machine's clock and its CA certificates."
            return failed
    return None


def _reason(error: Exception) -> str:
    """The system's own short words, without addresses."""
    told = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(told, ssl.SSLError):
        return getattr(told, "verify_message", None) or told.reason or "the handshake failed"
    return os.strerror(told.errno) if isinstance(told, OSError) and told.errno else type(told).__name__


def redact(error: ProviderError, secrets: tuple[str, ...]) -> None:
    """Blot out secrets that a host repeats in its error, in place."""
    for secret in secrets:
        error.message = error.message.replace(secret, _REDACTED)
        error.body = error.body.replace(secret.encode(), _REDACTED.encode())
        if error.hint is not None:
            error.hint = error.hint.replace(secret, _REDACTED)
    error.args = (error.message,)


def printable(data: bytes, secrets: tuple[str, ...]) -> str:
    """The first 200 characters of what a host sent, escaped for a log line, without secrets."""
    text = data[:2000].decode("utf-8", "replace")
    for secret in secrets:
        text = text.replace(secret, _REDACTED)
    return ascii(text[:200])
