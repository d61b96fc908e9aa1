"""A turn's failure, as it was recorded, back into the error that it was."""

from collections.abc import Iterator

from podium import errors
from podium.errors import Interrupted, PodiumError, ProviderError, RefusedError
from podium.vocabulary.event import Failure


def _below(base: type[PodiumError]) -> Iterator[type[PodiumError]]:
    yield base
    for child in base.__subclasses__():
        yield from _below(child)


_BY_CODE = {each.code: each for each in _below(PodiumError) if each.__module__ == errors.__name__}


def error_of(failure: Failure) -> PodiumError:
    """The error that a failure tells of; its status, and whether to try again, follow from its class."""
    kind = _BY_CODE.get(failure.code, errors.BugError)
    if issubclass(kind, ProviderError):
        error = kind(
            failure.message,
            status=failure.status,
            after=failure.after,
            body=(failure.body or "").encode(),
            param=failure.param,
            hint=failure.hint,
        )
        error.retryable = failure.retryable
        return error
    if issubclass(kind, RefusedError):
        refused = kind(failure.message, param=failure.param, hint=failure.hint, after=failure.after)
        if isinstance(refused, Interrupted):
            refused.retryable = failure.retryable
        return refused
    return kind(failure.message, param=failure.param, hint=failure.hint)
