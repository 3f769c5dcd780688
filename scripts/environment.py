"""The virtual environment, installed from the hashed lock files; quick when it is done."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from scripts import tell

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR") or ROOT / "var").absolute()
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts" if os.name == "nt" else "bin") / "python"
RUNTIME_LOCK = ROOT / "requirements.txt"
DEV_LOCK = ROOT / "requirements-dev.txt"
INSTALL_LOG = VAR / "install.log"

# What pip says, and what that means to a person.
PIP_PROBLEMS = {
    "DO NOT MATCH THE HASHES": (
        "A package differs from the one that was locked.",
        "If a mirror or proxy serves packages here, ask its keeper; otherwise: make lock",
    ),
    "No space left": (
        "The disk is full.",
        "Free about 1 GB and start again.",
    ),
    "Temporary failure in name resolution": (
        "The package index cannot be reached.",
        "Connect to the network (or set PIP_INDEX_URL to a mirror) and start again.",
    ),
    "Failed to establish a new connection": (
        "The package index cannot be reached.",
        "Connect to the network (or set PIP_INDEX_URL to a mirror) and start again.",
    ),
    "No matching distribution": (
        "A package has no ready-made wheel for this machine and Python, or the package"
        " index cannot be reached.",
        "Check the network, or use CPython 3.11 on Linux or macOS:"
        " make demo PYTHON=/path/to/python3.11",
    ),
}
UNKNOWN_PIP_PROBLEM = (
    "The packages could not be installed.",
    "Read the lines above; start again when the cause is gone.",
)


def ensure(*, dev: bool) -> None:
    """Make the environment match the lock; raises tell.Stop with a cure when it cannot.

    `dev`: also what checks and tests need (a superset of what the product needs).
    """
    _ensure_writable()
    if not _venv_works():
        _create_venv()
    lock = DEV_LOCK if dev else RUNTIME_LOCK
    if _stamp(lock).exists():
        return
    tell.step(
        f"Installing the packages of {lock.name} into .venv/ (a minute or so, once) …"
    )
    started = time.monotonic()
    _pip_install(lock)
    # The development lock holds everything of the other at the same versions.
    for done in (DEV_LOCK, RUNTIME_LOCK) if dev else (RUNTIME_LOCK,):
        _stamp(done).touch()
    tell.step(f"… installed in {time.monotonic() - started:.0f} s.")


def _ensure_writable() -> None:
    try:
        VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = VAR / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as exc:
        tell.stop(
            f"This folder cannot be written to: {VAR} ({exc.strerror}).",
            "Give yourself the right to write there, or copy the product to a folder"
            " of your own, and start again.",
        )


def _stamp(lock: Path) -> Path:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    return VENV / f"installed-{lock.stem}-{digest}"


def _venv_works() -> bool:
    question = f"import sys, pip; sys.exit(sys.version_info < {(3, 11)!r})"
    try:
        answer = subprocess.run(
            [PYTHON, "-c", question], capture_output=True, check=False
        )
    except OSError:
        return False
    return answer.returncode == 0


def _create_venv() -> None:
    tell.step(
        f"Making the virtual environment .venv/ with Python {sys.version.split()[0]} …"
    )
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        tell.stop(
            f"The virtual environment could not be made: {made.stdout}{made.stderr}",
            "On Debian and Ubuntu: apt install python3-venv. Then start again.",
        )


def _pip_install(lock: Path) -> None:
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes"]
    command += ["--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-r", str(lock)]
    with INSTALL_LOG.open("w") as log:
        code = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
    if code == 0:
        return
    said = INSTALL_LOG.read_text(errors="replace")
    known = [told for mark, told in PIP_PROBLEMS.items() if mark in said]
    problem, cure = known[0] if known else UNKNOWN_PIP_PROBLEM
    last_lines = "\n".join(said.splitlines()[-8:])
    tell.stop(f"{last_lines}\n\n{problem} (All of it: {INSTALL_LOG})", cure)
