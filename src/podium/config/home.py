"""What an installation keeps in its data directory besides the database: who it is, and the operator's key.

What makes them is to be called only by who holds the directory's lock.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from podium.errors import OperatorError
from podium.kit import ids

KEY_FILE = "admin.key"
_HOME_FILE = "home"
_MOST_KEY = 512  # characters: the keyring takes no longer one for a key


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The operator's key; `path` is where it is kept, None where the operator brought it; `is_new` only once."""

    value: str = field(repr=False)
    path: Path | None
    is_new: bool = False


def default_data_dir() -> Path:
    """Where data lies unless said otherwise: the user's data home, for root /var/lib/podium."""
    if os.geteuid() == 0:
        return Path("/var/lib/podium")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "podium"
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home and Path(home).is_absolute() else Path.home() / ".local" / "share") / "podium"


def checked_key(text: str) -> str:
    """A key that a person brought, without the white space that a mounted secret may have at its ends.

    Raises:
        ValueError: it can never open anything; says why, to follow its name, and nothing of the key.
    """
    key = text.strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError("holds what no header can hold: only printable ASCII can be sent")
    if len(key) > _MOST_KEY:
        raise ValueError(f"is too long for a key: {len(key):,} characters, where {_MOST_KEY} are the most")
    return key


def get_home(data_dir: Path) -> str:
    """The stable identifier of this data directory, made at the first call."""
    return _kept(data_dir / _HOME_FILE) or _keep(data_dir / _HOME_FILE, ids.new("home"))


def get_admin_key(data_dir: Path, given: str | None) -> AdminKey:
    """The key that the operator gave, else the one that is kept, else a new one, kept from now on (mode 600).

    Raises:
        OperatorError: the kept key cannot be read.
    """
    if given is not None:
        return AdminKey(given, None)
    path = data_dir / KEY_FILE
    if kept := _kept(path):
        return AdminKey(kept, path)
    return AdminKey(_keep(path, ids.secret("podium")), path, is_new=True)


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}.") from error


def _keep(path: Path, text: str) -> str:
    """Write a file that only its owner reads; it is there whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}.") from error
    return text
