"""`make stack`: the processes of Procfile on PostgreSQL and Redis, until Ctrl-C.

Runs inside .venv. A process that ends by itself is started again, as an init system
would; none outlives this one.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from merchant_portal.environment import GENERATED_KEYS, Keys
from proofs.cluster import ClusterError
from scripts import environment, serve, services, tell

WORKERS = 2
RESTART_SECONDS = 1.0
# Celery's warm stop waits for running tasks; the outbox makes cutting them harmless.
STOP_SECONDS = 4.0
LOGS = environment.VAR / "log"
ENV_FILE = environment.VAR / "stack.env"


@dataclass
class Member:
    """One process of the stack and what to start it with."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self, variables: dict[str, str]) -> None:
        with (LOGS / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=environment.ROOT,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C comes to the supervisor alone
                preexec_fn=serve.end_with_parent,
            )

    def send(self, number: signal.Signals) -> None:
        """A signal to the process and all it started."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return


def members() -> list[Member]:
    """The processes of Procfile, the worker as often as WORKERS says."""
    found: list[Member] = []
    for line in (environment.ROOT / "Procfile").read_text().splitlines():
        name, _, command = line.partition(":")
        words = shlex.split(command)
        if name == "release":
            continue
        words[0] = str(environment.PYTHON.parent / words[0])
        if name != "worker":
            found.append(Member(name, words))
            continue
        for number in range(1, WORKERS + 1):
            own = ["--hostname", f"worker{number}@%h"]
            found.append(Member(f"worker{number}", [*words, *own]))
    return found


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupt)
    os.umask(0o077)
    LOGS.mkdir(exist_ok=True)
    try:
        with services.running("portal") as variables:
            return _serve(variables)
    except ClusterError as exc:
        tell.failure(
            f"{exc}\nInstall postgresql and redis-server, or set DATABASE_URL and"
            " REDIS_URL to running ones."
        )
        return 2
    except tell.Stop as exc:
        tell.failure(str(exc))
        return 1
    except KeyboardInterrupt:
        tell.step("Ended.")
        return 0


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # ending is not interrupted a second time
    raise KeyboardInterrupt


def _serve(variables: dict[str, str]) -> NoReturn:
    keys = Keys(environment.VAR, may_generate=True)
    for name in GENERATED_KEYS:
        variables[name] = variables.get(name) or keys.secret(name)
    serve.prepare(variables)
    _write_env_file(variables)
    stack = members()
    try:
        for member in stack:
            member.start(variables)
        _tell_how(variables)
        _keep_running(stack, variables)
    finally:
        _end(stack)


def _write_env_file(variables: dict[str, str]) -> None:
    """What another terminal needs to run commands on this stack."""
    names = ["DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "VAR_DIR", *GENERATED_KEYS]
    ENV_FILE.unlink(missing_ok=True)
    ENV_FILE.touch(mode=0o600)
    ENV_FILE.write_text("".join(f"{name}={variables[name]}\n" for name in names))


def _tell_how(variables: dict[str, str]) -> None:
    shown = Path(os.path.relpath(ENV_FILE))
    tell.step(
        f"Open {variables['PUBLIC_URL']}/admin/ - Ctrl-C ends all of it.\n"
        f"Commands: ENV_FILE={shown} .venv/bin/python manage.py"
        " create_owner you@example.com\n"
        f"Logs are in {os.path.relpath(LOGS)}/. A database that was started here is"
        " removed at the end."
    )


def _keep_running(stack: list[Member], variables: dict[str, str]) -> NoReturn:
    while True:
        time.sleep(RESTART_SECONDS)
        for member in stack:
            code = None if member.process is None else member.process.poll()
            if code is not None:
                log = os.path.relpath(LOGS / f"{member.name}.log")
                tell.step(f"{member.name} ended ({code}), started again; see {log}")
                member.send(signal.SIGKILL)  # what it left behind
                member.start(variables)


def _end(stack: list[Member]) -> None:
    for member in stack:
        if member.process is not None:
            member.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for member in stack:
        if member.process is None:
            continue
        try:
            member.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            tell.step(f"{member.name} was still at work and is cut off.")
        member.send(signal.SIGKILL)
        member.process.wait()


if __name__ == "__main__":
    sys.exit(main())
