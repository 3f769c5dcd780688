"""`make test` on the embedded default, `make test-stack` on PostgreSQL and Redis."""

import os
import subprocess

from scripts import environment, tell

# On every core; a file stays together, because its tests share what they set up.
SIDE_BY_SIDE = ("-n", "auto", "--dist", "loadfile")
# What would make the embedded suite run against something else than its own SQLite.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "CRASH_POINT", "CLOCK_OFFSET")


def test() -> int:
    """Everything that needs no service, no browser and no document from outside."""
    environment.ensure(dev=True)
    tell.step("Testing on the built-in database …")
    variables = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    return _run(
        "pytest", *SIDE_BY_SIDE, "-m", "not stack and not browser", variables=variables
    )


def test_stack() -> int:
    """The same and the tests of real processes, browser, faults and vendors' documents."""
    environment.ensure(dev=True)
    tell.step("Testing on PostgreSQL and Redis, with a browser …")
    return _run("scripts.stack_suite", variables=dict(os.environ))


def _run(module: str, *arguments: str, variables: dict[str, str]) -> int:
    variables["ENV_FILE"] = ""
    # Else each process would compile the whole house anew.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(environment.PYTHON), "-m", module, *arguments]
    return subprocess.run(
        command, cwd=environment.ROOT, env=variables, check=False
    ).returncode
