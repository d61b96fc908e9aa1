"""How the embedded Postgres is configured: for one small machine, and for nobody but Podium.

The files are written anew at each start, so a new version of Podium brings its own; what an operator wants to change
stands in `local.conf` beside them and is read last.
"""

import os
from pathlib import Path

from podium.store.embedded.account import Account
from podium.store.embedded.address import PORT, ROLE
from podium.store.embedded.directory import DataDirectory

_SETTINGS: dict[str, str | int] = {
    # Reached by its socket alone, by those whom the map below names.
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": 100,
    # What was committed is on the disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "max_wal_senders": 2,
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    # Memory and processes of a small machine.
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    # Nothing in /dev/shm: what a killed Postgres leaves there, nobody clears away once the data directory is gone.
    "dynamic_shared_memory_type": "mmap",
    "min_dynamic_shared_memory": "8MB",
    "io_method": "sync",
    "max_worker_processes": 4,
    "max_parallel_workers_per_gather": 0,
    "max_logical_replication_workers": 0,
    "jit": "off",
    "track_io_timing": "off",
    # Small tables that are updated all the time: cleaned early, before they have grown.
    "autovacuum_naptime": "10s",
    "autovacuum_max_workers": 2,
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_threshold": 200,
    "autovacuum_analyze_scale_factor": "0.05",
    # A transaction that is forgotten open keeps every dead row of the database alive.
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    # Into a file that the keeper keeps short. Terse: the details of an error quote rows, which are people's words.
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}

_HEADER = "# Written by Podium at each start; what you change here is lost. Put your own settings into local.conf.\n"
_LOCAL = "# Your own settings of Postgres, read last. Podium made this file once and never writes it again.\n"
_MAP = "podium"
_SUPERUSER = "postgres"


def write(directory: DataDirectory, *, socket: Path) -> Path:
    """Write the configuration and return the path of its main file."""
    config = directory.config
    config.mkdir(mode=0o755, exist_ok=True)
    config.chmod(0o755)  # the data directory around it is closed
    hba, ident, main = config / "pg_hba.conf", config / "pg_ident.conf", config / "postgresql.conf"
    settings = {**_SETTINGS, "unix_socket_directories": socket, "hba_file": hba, "ident_file": ident}
    lines = [f"{name} = {_quoted(str(value))}\n" for name, value in settings.items()]
    local = config / "local.conf"
    if not local.exists():
        _write(local, _LOCAL)
    _write(main, _HEADER + "".join(lines) + f"include = {_quoted(str(local))}\n")
    # Who comes over the socket is known by the kernel (peer); no password, no trust.
    _write(hba, f"{_HEADER}local all {ROLE},{_SUPERUSER} peer map={_MAP}\n")
    people = [f'{_MAP} "{name}" {role}\n' for name in _people() for role in (ROLE, _SUPERUSER)]
    _write(ident, _HEADER + "".join(people))
    return main


def _people() -> list[str]:
    """Who may use the database: who runs Podium, and root, whom nothing keeps out anyway."""
    return sorted({"root", Account.of(os.geteuid()).name})


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)
