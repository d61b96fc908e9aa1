"""Errors as a person at a terminal reads them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from podium.errors import OperatorError, PodiumError


@contextmanager
def told() -> Iterator[None]:
    """End the command with a plain message: status 2 where the installation is wrong, 1 where anything else is."""
    try:
        yield
    except PodiumError as error:
        tell(error)
        sys.exit(2 if isinstance(error, OperatorError) else 1)


def tell(error: PodiumError) -> None:
    """Print what is wrong and what to do."""
    from podium.config.mistake import Misconfigured

    has_places = isinstance(error, Misconfigured)  # podium.toml:7: …
    print(error.message if has_places else f"podium: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"        {error.hint}", file=sys.stderr)
