"""Where a command finds the server and the key to it."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from podium.cli.client import Client
from podium.cli.occupancy import Occupant, find_occupant
from podium.config.home import KEY_FILE, checked_key, default_data_dir
from podium.errors import OperatorError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class NotServing(OperatorError):
    """No server serves from the data directory."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was named, or the data directory of a server on this machine. `key` is the one that was named."""

    data_dir: Path
    url: str | None
    key: str | None = field(repr=False)

    @property
    def name(self) -> str:
        """What stands for it where something is remembered about it."""
        return self.url or str(self.data_dir)

    def occupant(self) -> Occupant | None:
        """Who serves from the data directory now.

        Raises:
            OperatorError: it is closed to who asks.
        """
        try:
            return find_occupant(self.data_dir)
        except OSError as error:
            raise OperatorError(
                f"The data directory {self.data_dir} cannot be looked into: {error.strerror}.",
                hint="Ask as who runs Podium there, or name a server and a key with --url and --key.",
            ) from error

    def client(self) -> Client:
        """A client of the server that is there.

        Raises:
            NotServing: there is none, or it has not begun to serve.
            OperatorError: there is no key.
        """
        if self.url is not None:
            return Client(self.url.rstrip("/"), self._find_key(self.url))
        occupant = self.occupant()
        if occupant is None:
            raise NotServing(
                f"No server serves from the data directory {self.data_dir}.",
                hint="Start one with `podium serve`, or name another with --data-dir, or one elsewhere with --url.",
            )
        if not occupant.url:
            raise NotServing(
                f"The server (process {occupant.pid}) is still starting.", hint="Try again soon."
            )
        return Client(occupant.url, self._find_key(occupant.url))

    def _find_key(self, url: str) -> str:
        """The key that was named; on this machine else the operator's, which is sent nowhere else."""
        if self.key and self.key.strip():
            return _checked("The key of --key or PODIUM_KEY", self.key)
        if self.url is None or urlsplit(url).hostname in _LOOPBACK:
            if given := os.environ.get("PODIUM_ADMIN_KEY", "").strip():
                return _checked("PODIUM_ADMIN_KEY", given)
            try:
                return (self.data_dir / KEY_FILE).read_text(encoding="utf-8").strip()
            except FileNotFoundError:
                pass
            except OSError as error:
                raise OperatorError(
                    f"{self.data_dir / KEY_FILE} cannot be read: {error.strerror}."
                ) from error
        raise OperatorError(f"There is no key for {url}.", hint="Name one with --key or PODIUM_KEY.")


def _checked(name: str, key: str) -> str:
    try:
        return checked_key(key)
    except ValueError as error:
        raise OperatorError(f"{name} {error}.") from error


def find_target(url: str | None, key: str | None, data_dir: Path | None) -> Target:
    """The target that the options name, else the environment, else podium.toml, else the default."""
    return Target(
        data_dir=(data_dir or _configured() or default_data_dir()).expanduser().resolve(),
        url=url or os.environ.get("PODIUM_URL") or None,
        key=key or os.environ.get("PODIUM_KEY") or None,
    )


def _configured() -> Path | None:
    """The data directory as settings name it. Reading them all would take ten times as long as this."""
    if named := os.environ.get("PODIUM_DATA_DIR", "").strip():
        return Path(named)
    file = Path(os.environ.get("PODIUM_CONFIG", "").strip() or "podium.toml").expanduser()
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8")).get("server", {})
    except (OSError, ValueError):
        return None  # `podium serve` and `podium doctor` tell what is wrong with it
    configured = said.get("data_dir") if isinstance(said, dict) else None
    return Path(configured) if isinstance(configured, str) else None
