"""A process that holds a database of its own and answers what it is asked, line by line."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proofs.cluster import PostgresCluster
from proofs.processes import free_port
from proofs.shop import ROOT, environment, manage


class Peer:
    """One line in, one line out."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """ValueError when the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ValueError(f"The process ended: {self._process.wait()}")
        return line.strip()


@contextmanager
def peer(
    postgres: PostgresCluster, redis_url: str, module: str, count: int
) -> Iterator[Peer]:
    """`python -m MODULE COUNT` on a database named after both, once it says ready."""
    name = module.rpartition(".")[2].strip("_")
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(
            folder=Path(folder),
            port=free_port(),
            database_url=postgres.create_database(f"{name}_{count}"),
            redis_url=redis_url,
        )
        manage(variables, "migrate", "--noinput", "-v0")
        with subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", module, str(count)],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            started = Peer(process)
            started.answer()
            try:
                yield started
            finally:
                process.kill()
