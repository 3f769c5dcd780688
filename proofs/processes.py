"""Child processes of a proof: own process group, log file, deadlines, no leftovers."""

import http.client
import os
import re
import signal
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.05
# Long enough for a cold interpreter on a busy two-core machine.
START_SECONDS = 30.0
STOP_SECONDS = 15.0


class ProcessError(RuntimeError):
    """A process did not do what was expected in time; the message ends with its log."""


def free_port() -> int:
    """A TCP port that was free on 127.0.0.1 a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_answers(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether something accepts a connection on the port right now."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def url_status(url: str, *, timeout_seconds: float = 2.0) -> int | None:
    """The status of a GET without following redirects; None when nobody answers."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_seconds)
    try:
        connection.request("GET", urllib.parse.urlunsplit(("", "", *parts[2:4], "")))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class ChildProcess:
    """One program in its own process group, its output collected in a file.

    `env` is the whole environment (None: inherited). `user` starts it as that
    system user, which only root may ask for. Usable as a context manager: starts on
    entry, terminates on exit. May be started again after it ended.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log_file: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log_file = log_file
        self.env = None if env is None else dict(env)
        self.cwd = cwd
        self.user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []
        self._log_start = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.terminate()

    @property
    def pid(self) -> int:
        """The id of the running (or last) process. Raises ProcessError before the first start."""
        if self._process is None:
            raise ProcessError(f"{self.name} was never started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def start(self) -> Self:
        """Start the program; returns at once, wait with one of the wait_for methods."""
        if self.is_running:
            raise ProcessError(f"{self.name} is running already")
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
                start_new_session=True,
            )
        self._groups.append(self._process.pid)
        return self

    def log_text(self) -> str:
        """What this run (not earlier ones) has printed so far."""
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode("utf-8", "replace")

    def wait_for_line(
        self, pattern: str, *, timeout: float = START_SECONDS
    ) -> re.Match[str]:
        """Wait until a whole printed line matches the regular expression (re.search)."""
        regex = re.compile(pattern)
        deadline = time.monotonic() + timeout
        while True:
            ended = not self.is_running
            for line in self.log_text().splitlines(keepends=True):
                found = regex.search(line.rstrip("\n")) if line.endswith("\n") else None
                if found:
                    return found
            self._give_up(ended, deadline, f"no line like {pattern!r}")

    def wait_for_port(self, port: int, *, timeout: float = START_SECONDS) -> None:
        """Wait until 127.0.0.1:port accepts connections."""
        deadline = time.monotonic() + timeout
        while not port_answers(port):
            self._give_up(not self.is_running, deadline, f"port {port} does not answer")

    def wait_for_url(
        self, url: str, *, status: int = 200, timeout: float = START_SECONDS
    ) -> None:
        """Wait until GET url answers with the status."""
        deadline = time.monotonic() + timeout
        while (seen := url_status(url)) != status:
            self._give_up(not self.is_running, deadline, f"{url} answers {seen}")

    def wait(self, *, timeout: float) -> int:
        """Wait until the program ends by itself and return its code."""
        if self._process is None:
            raise ProcessError(f"{self.name} was never started")
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as exc:
            raise ProcessError(
                self._failure(f"still running after {timeout:g} s")
            ) from exc

    def terminate(self, *, timeout: float = STOP_SECONDS) -> int | None:
        """SIGTERM, then SIGKILL to the whole group when it does not end in time.

        Returns the code, None when it was never started. Safe to call twice.
        """
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self._kill_groups()
        return self._process.returncode

    def kill(self) -> None:
        """kill -9 to the program and everything in its process group."""
        if self._process is None:
            return
        self._kill_groups()
        self._process.wait(STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        while self.group_pids():
            self._give_up(False, deadline, "kill -9 left processes")

    def signal(self, number: signal.Signals, *, pid: int | None = None) -> None:
        """Send a signal to the program, or to one process of its group."""
        if pid is not None and pid not in self.group_pids():
            raise ProcessError(f"process {pid} does not belong to {self.name}")
        os.kill(self.pid if pid is None else pid, number)

    def pause(self) -> None:
        """SIGSTOP the whole group: alive, but frozen."""
        for pid in self.group_pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT the whole group."""
        for pid in self.group_pids():
            os.kill(pid, signal.SIGCONT)

    def group_pids(self) -> list[int]:
        """Living processes of all groups that this object started, the leader first."""
        alive = [pid for pid, _, group in _process_table() if group in self._groups]
        return sorted(alive, key=lambda pid: (pid not in self._groups, pid))

    def _kill_groups(self) -> None:
        # The group at once: a child forked while pids are listed would survive.
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _give_up(self, ended: bool, deadline: float, what: str) -> None:
        if ended:
            raise ProcessError(self._failure(f"ended with {self.returncode}, {what}"))
        if time.monotonic() > deadline:
            raise ProcessError(self._failure(what))
        time.sleep(POLL_SECONDS)

    def _failure(self, what: str) -> str:
        return f"{self.name}: {what}\n--- its log ---\n{self.log_text()[-4000:]}"


def descendants(pid: int) -> list[int]:
    """Living processes below `pid`, also those that left its process group."""
    table = _process_table()
    found: list[int] = []
    todo = [pid]
    while todo:
        parent = todo.pop()
        below = [child for child, owner, _ in table if owner == parent]
        found += below
        todo += below
    return found


def assert_none_left(
    processes: Iterable[ChildProcess], *, timeout: float = 5.0
) -> None:
    """Raise AssertionError naming every process of these groups that still lives."""
    watched = list(processes)
    deadline = time.monotonic() + timeout
    while left := {p.name: p.group_pids() for p in watched if p.group_pids()}:
        if time.monotonic() > deadline:
            raise AssertionError(f"processes left behind: {left}")
        time.sleep(POLL_SECONDS)


def _process_table() -> list[tuple[int, int, int]]:
    """(pid, parent, group) of every process that is no zombie."""
    table = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        # The name is in brackets and may hold spaces and brackets itself.
        state, parent, group = stat.rpartition(")")[2].split()[:3]
        if state != "Z":
            table.append((int(entry.name), int(parent), int(group)))
    return table
