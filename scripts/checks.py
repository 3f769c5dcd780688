"""`make check`: every check, one line each, and what failed at the end; `make lock`."""

import os
import subprocess

from scripts import environment, locks, tell

# What a shop on the internet would set; the values are worth nothing elsewhere.
PRODUCTION = {
    "ENV_FILE": "",
    "PUBLIC_URL": "https://pay.shop.example",
    "SECRET_KEY": "check-3f8Lq0vZr5TnXb1Wc7Ky9Pd2Hm4Js6Ga8Ue0Io1Rt3Fw6Bz",
    "LINK_TOKEN_KEYS": "v1:check-3f8Lq0vZr5TnXb1Wc7Ky9Pd2Hm4Js6Ga8Ue0",
    "FIELD_KEYS": "v1:check-3f8Lq0vZr5TnXb1Wc7Ky9Pd2Hm4Js6Ga8Ue0",
    "AUDIT_KEYS": "v1:check-3f8Lq0vZr5TnXb1Wc7Ky9Pd2Hm4Js6Ga8Ue0",
    "EMAIL_URL": "smtp+tls://portal:password@mail.shop.example:587",
}
MANAGE = ["python", "manage.py"]
CHECKS: dict[str, list[str]] = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy", "."],
    "import contracts": ["lint-imports"],
    "migrations": [*MANAGE, "makemigrations", "--check", "--dry-run"],
    "texts of the screens": ["python", "-m", "scripts.texts"],
    "deployment": [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"],
}


def check() -> int:
    """Run them all, also after one failed; 1 when any did."""
    environment.ensure(dev=True)
    failed = [name for name, command in CHECKS.items() if not _passes(name, command)]
    for problem in locks.problems():
        tell.step(f"locks: {problem}")
        failed.append("locks")
    if failed:
        tell.failure(f"Failed: {', '.join(dict.fromkeys(failed))}")
        return 1
    tell.step("All checks passed.")
    return 0


def lock() -> int:
    """Resolve requirements*.in anew for CPython 3.11 and later, with hashes."""
    environment.ensure(dev=True)
    return locks.write()


def _passes(name: str, command: list[str]) -> bool:
    tell.step(f"── {name}")
    program = environment.PYTHON.parent / command[0]
    done = subprocess.run(
        [program, *command[1:]],
        cwd=environment.ROOT,
        env={**os.environ, **PRODUCTION},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0
