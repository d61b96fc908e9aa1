"""Locks on files, between processes: the kernel frees them when their holder dies, however it dies.

A lock belongs to the open file, not to the process: a child that inherits the descriptor holds it too, which is how a
keeper gets the lock that its starter took.
"""

import fcntl
import os
from pathlib import Path


def take(path: Path, *, shared: bool = False) -> int | None:
    """Take the lock if it is free now; the descriptor that holds it, or None. Closing it frees the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def is_free(path: Path, *, shared: bool = False) -> bool:
    """Whether `take` would have succeeded a moment ago. Leaves no file where there was none."""
    if not path.exists():
        return True
    descriptor = take(path, shared=shared)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def write(descriptor: int, text: str) -> None:
    """Replace what the locked file says."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
