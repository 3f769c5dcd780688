"""The product as its operator runs it: web, workers and beat as processes of their own."""

import json
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from proofs import books, http
from proofs.processes import ChildProcess, assert_none_left
from proofs.waiting import POLL_SECONDS

ROOT = Path(__file__).resolve().parent.parent
APP = "merchant_portal"
WSGI = "merchant_portal.wsgi:application"
KEYS = {
    "SECRET_KEY": "stack-secret-key-" + "0" * 40,
    "LINK_TOKEN_KEYS": "v1:stack-link-tokens-" + "0" * 40,
    "FIELD_KEYS": "v1:stack-fields-" + "0" * 40,
    "AUDIT_KEYS": "v1:stack-audit-" + "0" * 40,
}
SQLITE = "sqlite:///"
LONG_AGO = "2000-01-01 00:00:00"
READY_SECONDS = 60.0
COMMAND_SECONDS = 240.0


def command(name: str) -> list[str]:
    """The program of one line of the Procfile, from this virtual environment."""
    for line in (ROOT / "Procfile").read_text().splitlines():
        if line.startswith(f"{name}:"):
            program, *words = shlex.split(line.partition(":")[2])
            return [str(Path(sys.executable).parent / program), *words]
    raise LookupError(f"Procfile has no {name}")


@dataclass
class Shop:
    """One installation: its settings, its processes, and a look into its database.

    `variables` is the whole environment of every process.
    """

    folder: Path
    port: int
    variables: dict[str, str]
    processes: list[ChildProcess] = field(default_factory=list)
    api_key: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # -- processes -------------------------------------------------------------------

    def web(self, *, app: str = WSGI, **changes: str) -> ChildProcess:
        """gunicorn, started; `wait_for_web` tells when it answers.

        `app`: another module that holds the application.
        """
        argv = [app if word == WSGI else word for word in command("web")]
        return self._start("web", argv, changes)

    def worker(self, name: str, *, app: str = APP, **changes: str) -> ChildProcess:
        """A Celery worker, started. `app`: another module that holds the application."""
        argv = [app if word == APP else word for word in command("worker")]
        return self._start(name, [*argv, "--hostname", f"{name}@shop"], changes)

    def beat(self, name: str = "beat") -> ChildProcess:
        return self._start(name, command("beat"), {})

    def wait_for_web(self, web: ChildProcess) -> None:
        web.wait_for_url(f"{self.url}/healthz", timeout=READY_SECONDS)

    @staticmethod
    def wait_for_worker(worker: ChildProcess) -> None:
        """Until it has loaded the product and says what it listens to."""
        worker.wait_for_line(r"\[queues\]", timeout=READY_SECONDS)

    def revive(self) -> None:
        """Start again what ended by itself, as `make stack` and containers do."""
        for process in self.processes:
            if not process.is_running:
                process.start()

    def stop(self) -> None:
        """End every process by SIGKILL: the outbox makes that harmless."""
        for process in self.processes:
            process.kill()
        assert_none_left(self.processes)

    def _start(
        self, name: str, argv: list[str], changes: Mapping[str, str]
    ) -> ChildProcess:
        process = ChildProcess(
            name,
            argv,
            log_file=self.folder / f"{name}.log",
            env={**self.variables, **changes},
            cwd=ROOT,
        )
        self.processes.append(process)
        return process.start()

    def manage(self, *arguments: str, **changes: str) -> str:
        """Run a management command to its end and return what it printed."""
        return manage({**self.variables, **changes}, *arguments)

    # -- the database ----------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """One statement, committed; its rows if it gives any."""
        url = self.variables["DATABASE_URL"]
        if url.startswith(SQLITE):
            return _rows_of_sqlite(url.removeprefix(SQLITE), query, values)
        with psycopg.connect(url, autocommit=True, row_factory=tuple_row) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def books(self) -> list[str]:
        """What of its money does not add up; see proofs.books."""
        url = self.variables["DATABASE_URL"]
        if url.startswith(SQLITE):
            path = url.removeprefix(SQLITE)
            with closing(sqlite3.connect(path, timeout=20)) as session:
                return books.check(session)
        with psycopg.connect(url, autocommit=True) as connection:
            return books.check(connection)

    def wait_for_rows(
        self,
        expected: list[tuple[Any, ...]],
        query: str,
        *values: object,
        within: float = 20.0,
    ) -> None:
        """Until the query gives exactly that; AssertionError with what it gives instead."""
        seen: list[tuple[Any, ...]] = []
        deadline = time.monotonic() + within
        while (seen := self.rows(query, *values)) != expected:
            assert time.monotonic() < deadline, f"after {within:g} s: {query}: {seen}"
            time.sleep(POLL_SECONDS)

    def let_leases_lapse(self) -> None:
        """Make what a dead process held due now, instead of a minute from now."""
        self.rows(
            "UPDATE notifications_message SET lease_until = %s WHERE state = 'sending'",
            LONG_AGO,
        )
        self.rows(
            "UPDATE links_webhookevent SET next_try_at = %s WHERE state = 'received'",
            LONG_AGO,
        )
        self.rows(
            "UPDATE links_refund SET next_check_at = %s WHERE state = 'sending'",
            LONG_AGO,
        )

    def let_requests_lapse(self) -> None:
        """Let a repeat take up what a killed request left undone, without the minute."""
        self.rows("UPDATE staff_apirequest SET lease_until = %s", LONG_AGO)

    def let_checks_come_due(self) -> None:
        """Make the next look at every open checkout due now."""
        self.rows(
            "UPDATE links_checkout SET next_check_at = %s"
            " WHERE next_check_at IS NOT NULL",
            LONG_AGO,
        )

    # -- the API ---------------------------------------------------------------------

    def api_get(self, path: str) -> dict[str, Any]:
        answer = http.get(f"{self.url}/api/v1/{path}", self._credentials())
        assert answer.status == 200, answer.text
        return answer.data

    def api_post(
        self, path: str, data: Mapping[str, Any], *, key: str = ""
    ) -> http.Answer:
        """`key`: the Idempotency-Key, if any."""
        headers = {**self._credentials(), "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return http.post(
            f"{self.url}/api/v1/{path}", body=json.dumps(data).encode(), headers=headers
        )

    def _credentials(self) -> dict[str, str]:
        if not self.api_key:
            said = self.manage("create_api_key", "stack", "--scope", "*")
            found = re.search(r"mp_\S+", said)
            assert found, said
            self.api_key = found[0]
        return {"Authorization": f"Bearer {self.api_key}"}


def _rows_of_sqlite(
    path: str, query: str, values: tuple[object, ...]
) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as session:
        return session.execute(query.replace("%s", "?"), values).fetchall()


def environment(
    *, folder: Path, port: int, database_url: str, redis_url: str, **more: str
) -> dict[str, str]:
    """All that a process of the product is told; nothing of this machine's shop leaks in."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ENV_FILE": "",
        "VAR_DIR": str(folder),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_BIND": f"127.0.0.1:{port}",
        "API_REQUESTS_PER_MINUTE": "6000",
        **KEYS,
        **more,
    }


def manage(variables: Mapping[str, str], *arguments: str) -> str:
    """`manage.py …`; AssertionError with its output when it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout
