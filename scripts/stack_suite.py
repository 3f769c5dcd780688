"""Runs pytest on PostgreSQL and Redis, after checking that all it needs is there.

Without arguments everything but the tests marked `full`, which take minutes each, and
those marked `once`, which say the same on every database and belong to `make test`.
"""

import os
import shutil
import subprocess
import sys

from proofs.cluster import ClusterError
from proofs.vendor_specs import SpecsMissing, specs_directory
from scripts import services, tell

CHROMIUM = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
# The first draws the same pages without a window: for a test, half the work.
# Tests of processes wait more than they compute. A file stays with one of the four,
# because its tests share the servers that it started; files go in the order of `conftest`.
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
# As long as a production key; the suite's own, worth nothing elsewhere.
KEYS = {
    "SECRET_KEY": "test-stack-secret-key-" + "0" * 40,
    "LINK_TOKEN_KEYS": "v1:test-stack-link-tokens-" + "0" * 40,
    "FIELD_KEYS": "v1:test-stack-fields-" + "0" * 40,
    "AUDIT_KEYS": "v1:test-stack-audit-" + "0" * 40,
}


def main() -> int:
    try:
        specs = specs_directory()
    except SpecsMissing as exc:
        tell.failure(str(exc))
        return 2
    chosen = os.environ.get("CHROMIUM")
    browsers = [chosen] if chosen else CHROMIUM
    chromium = next(filter(None, map(shutil.which, browsers)), None)
    if chromium is None:
        tell.failure(
            f"There is no browser at {' or '.join(browsers)}.\n"
            "Install chromium-headless-shell, or set CHROMIUM to where one is."
        )
        return 2
    given = {"PROVIDER_SPECS": str(specs), "CHROMIUM": chromium}
    try:
        with services.running("portal") as variables:
            env = {**KEYS, **variables, **given}
            if not os.environ.get("DATABASE_URL"):
                env["TEST_TEMPLATE"] = _migrated(env)
            return max(_pytest(run, env) for run in _runs(sys.argv[1:]))
    except ClusterError as exc:
        tell.failure(
            f"{exc}\nInstall postgresql and redis-server, or set DATABASE_URL and"
            " REDIS_URL to running ones."
        )
        return 2


def _runs(chosen: list[str]) -> list[list[str]]:
    """What pytest is given, run by run: first what measures a page's speed, by itself."""
    if chosen:
        return [[*SIDE_BY_SIDE, *chosen]]
    return [
        ["-m", "alone"],
        [*SIDE_BY_SIDE, "-m", "not full and not alone and not once"],
    ]


def _migrated(env: dict[str, str]) -> str:
    """The name of our own database, migrated for every process to copy it."""
    command = [sys.executable, "manage.py", "migrate", "--noinput", "-v0"]
    subprocess.run(command, env=env, check=True)
    return env["DATABASE_URL"].rpartition("/")[2]


def _pytest(arguments: list[str], env: dict[str, str]) -> int:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], env=env, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
