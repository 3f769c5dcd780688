"""An own PostgreSQL cluster and an own Redis on free ports, made to be killed."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from proofs.processes import ChildProcess, descendants, free_port

START_SECONDS = 60.0
# Commits still reach the kernel before they are answered, so kill -9 loses nothing;
# only a power cut would. (synchronous_commit=off does lose rows on kill -9.)
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off"}
DURABLE_SETTINGS = {"fsync": "on", "full_page_writes": "on"}
COMMON_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "jit": "off",
    "timezone": "UTC",
}


class ClusterError(RuntimeError):
    """A server program is missing or did not start; the message says which."""


class PostgresCluster:
    """A PostgreSQL server with its own data in a temporary folder, user postgres, no password.

    Runs as the system user postgres when we are root, which PostgreSQL refuses to be.
    `durable` keeps fsync on; `settings` go on top as `-c name=value`. Data survive kill(),
    stop() and start(); leaving the context removes them.
    """

    def __init__(
        self, *, durable: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="proofs-postgres-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.directory, self._user)
        self._data = self.directory / "data"
        speed = DURABLE_SETTINGS if durable else FAST_SETTINGS
        options = {
            **COMMON_SETTINGS,
            **speed,
            **(settings or {}),
            "port": str(self.port),
        }
        flags = [part for pair in options.items() for part in ("-c", "=".join(pair))]
        self.process = ChildProcess(
            "postgres",
            [str(postgres_program("postgres")), "-D", str(self._data), *flags],
            log_file=Path(f"{self.directory}.log"),
            cwd=self.directory,
            user=self._user,
        )

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def url(self, database: str = "postgres") -> str:
        """A DATABASE_URL for the database (which must exist to connect)."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Start (on the first call: create) the server and wait until it answers queries."""
        if not self._data.exists():
            self._initialise()
        deadline = time.monotonic() + START_SECONDS
        self.process.start()
        while not self.answers():
            if not self.process.is_running:
                # After kill() the old shared memory may need a moment to be let go.
                if (
                    "in use" not in self.process.log_text()
                    or time.monotonic() > deadline
                ):
                    raise ClusterError(
                        f"postgres ended:\n{self.process.log_text()[-4000:]}"
                    )
                self.process.start()
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"postgres is silent:\n{self.process.log_text()[-4000:]}"
                )
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        """Fast shutdown: sessions are cut, everything committed is kept."""
        if self.process.is_running:
            self.process.signal(signal.SIGINT)
            self.process.wait(timeout=START_SECONDS)

    def kill(self) -> None:
        """kill -9 to the server and to every backend, all at once."""
        if not self.process.is_running:
            return
        below = descendants(self.process.pid)
        self.process.kill()
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def abort(self) -> None:
        """Immediate shutdown: sessions are told and cut, nothing is tidied up."""
        self.process.signal(signal.SIGQUIT)
        self.process.wait(timeout=START_SECONDS)

    def restart(self) -> Self:
        """Stop if running, then start on the same port with the same data."""
        self.stop()
        return self.start()

    def remove(self) -> None:
        """End the server and delete its data and log."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        Path(f"{self.directory}.log").unlink(missing_ok=True)

    def create_database(self, name: str) -> str:
        """Create an empty UTF-8 database and return its URL."""
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def copy_database(self, template: str, name: str) -> str:
        """Create a database that holds what `template` does, and return its URL."""
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop the database, cutting whoever is connected."""
        self._execute(
            sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name))
        )

    def terminate_backends(self, database: str) -> int:
        """pg_terminate_backend on every client session of the database; returns how many."""
        query = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(self.url(), autocommit=True) as connection:
            row = connection.execute(query, [database]).fetchone()
        return 0 if row is None else int(row[0])

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def answers(self) -> bool:
        """Whether it takes a query now."""
        try:
            with psycopg.connect(self.url(), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        done = subprocess.run(
            [
                str(postgres_program("initdb")),
                f"--pgdata={self._data}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            cwd=self.directory,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(
                f"initdb failed as {self._user or getpass.getuser()}: {done.stderr}"
            )


class RedisServer:
    """A Redis on 127.0.0.1; what it held is gone after kill(), unless it `keeps` it.

    `keeps`: every write is in its append-only file before it is answered.
    """

    def __init__(self, *, keeps: bool = False) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="proofs-redis-"))
        program = shutil.which("redis-server")
        if program is None:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise ClusterError("redis-server is not installed")
        options = {
            "--bind": "127.0.0.1",
            "--port": str(self.port),
            "--save": "",
            "--appendonly": "yes" if keeps else "no",
            "--appendfsync": "always",
            "--dir": str(self.directory),
        }
        self.process = ChildProcess(
            "redis",
            [program, *(part for option in options.items() for part in option)],
            log_file=self.directory / "redis.log",
        )

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def url(self, number: int = 0) -> str:
        """A REDIS_URL for database `number`."""
        return f"redis://127.0.0.1:{self.port}/{number}"

    def start(self) -> Self:
        """Start it and wait until it accepts connections."""
        self.process.start()
        self.process.wait_for_port(self.port)
        return self

    def stop(self) -> None:
        """SIGTERM and wait."""
        self.process.terminate()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def restart(self) -> Self:
        """Stop if running, then start empty on the same port."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    def copy_file(self, to: Path) -> None:
        """The append-only file as it is now."""
        shutil.copytree(self._append_only, to)

    def start_from(self, copy: Path) -> Self:
        """kill -9, then start with a file that was copied earlier."""
        self.kill()
        shutil.rmtree(self._append_only)
        shutil.copytree(copy, self._append_only)
        return self.start()

    @property
    def _append_only(self) -> Path:
        return self.directory / "appendonlydir"

    def remove(self) -> None:
        """End it and delete its folder."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def postgres_program(name: str) -> Path:
    """A program of the newest installed PostgreSQL server. Raises ClusterError when none is."""
    homes = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.is_dir()
    ]
    homes.sort(
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0
    )
    config = shutil.which("pg_config")
    if config:
        found = subprocess.run(
            [config, "--bindir"], capture_output=True, text=True, check=True
        )
        homes.append(Path(found.stdout.strip()))
    for home in reversed(homes):
        if (home / name).is_file():
            return home / name
    raise ClusterError(
        f"PostgreSQL's {name} was not found in /usr/lib/postgresql or by pg_config"
    )
