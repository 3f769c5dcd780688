"""What a newcomer is told when something is missing, and that nothing was touched then."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from scripts import environment, locks, tell

OLD_PYTHON = """
import os, runpy, sys
sys.version_info = (3, 9, 18, "final", 0)
sys.argv = ["scripts", "demo"]
runpy.run_module("scripts", run_name="__main__")
"""


def run(
    *arguments: str, code: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    what = ["-c", code] if code else ["-m", "scripts", *arguments]
    return subprocess.run(
        [sys.executable, *what],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_old_python_gets_a_sentence(tmp_path: Path) -> None:
    done = run(code=OLD_PYTHON, PATH=str(tmp_path))

    assert done.returncode == 1
    assert "This needs Python 3.11 or later" in done.stderr
    assert "make demo PYTHON=" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_hands_over_to_a_newer_one(tmp_path: Path) -> None:
    (tmp_path / "python3.11").symlink_to(sys.executable)

    done = run(code=OLD_PYTHON.replace('"demo"', '"help"'), PATH=str(tmp_path))

    assert done.returncode == 0
    assert "make demo" in done.stdout


@pytest.mark.parametrize("name", ["demo", "run", "stack"])
def test_a_taken_port_is_told_before_anything_is_done(
    name: str, tmp_path: Path
) -> None:
    var = tmp_path / "var"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        done = run(name, PORT=str(port), VAR_DIR=str(var))

    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 is taken" in done.stderr
    assert f"PORT={port + 1}" in done.stderr
    assert not var.exists()


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1", "80 80"])
def test_a_port_that_is_none_is_told(port: str, tmp_path: Path) -> None:
    done = run("demo", PORT=port, VAR_DIR=str(tmp_path / "var"))

    assert done.returncode == 1
    assert f"PORT={port} is not a port number." in done.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = run("demo", PORT=str(free_port()), VAR_DIR=str(tmp_path / "file/var"))

    assert done.returncode == 1
    assert "This folder cannot be written to" in done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_unknown_benchmark_is_told() -> None:
    done = run("bench", NAME="no_such")

    assert done.returncode == 2
    assert "There is no benchmark" in done.stderr


def test_an_unknown_proof_is_told() -> None:
    done = run("prove", NAME="../../etc/passwd")

    assert done.returncode == 2
    assert "There is no proof" in done.stderr


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own folder with a lock that asks for a package nobody has."""
    lock = tmp_path / "requirements.txt"
    digest = "0" * 64
    lock.write_text(f"portal-no-such-package==1.0 --hash=sha256:{digest}\n")
    for name, value in {
        "VAR": tmp_path / "var",
        "VENV": tmp_path / ".venv",
        "PYTHON": tmp_path / ".venv/bin/python",
        "RUNTIME_LOCK": lock,
        "INSTALL_LOG": tmp_path / "var/install.log",
    }.items():
        monkeypatch.setattr(environment, name, value)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path


@pytest.mark.stack
def test_a_failed_install_says_why_and_is_tried_again(bare: Path) -> None:
    for _ in range(2):
        with pytest.raises(tell.Stop, match="has no ready-made wheel"):
            environment.ensure(dev=False)

    assert "portal-no-such-package" in (bare / "var/install.log").read_text()


@pytest.mark.stack
def test_what_is_installed_is_not_installed_again(bare: Path) -> None:
    (bare / "requirements.txt").write_text("")
    environment.ensure(dev=False)
    first = (bare / "var/install.log").stat().st_mtime_ns

    environment.ensure(dev=False)
    assert (bare / "var/install.log").stat().st_mtime_ns == first

    (bare / "requirements.txt").write_text("# changed\n")
    environment.ensure(dev=False)
    assert (bare / "var/install.log").stat().st_mtime_ns > first


def test_the_locks_are_in_step() -> None:
    assert locks.problems() == []


def test_locks_out_of_step_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.in").write_text("django>=5.2\nStripe_SDK[x]>=1\n")
    (tmp_path / "requirements-dev.in").write_text("-r requirements.in\n")
    pinned = "django==5.2.19 \\\n    --hash=sha256:0\n    # via -r requirements.in\n"
    gone = "gone==1.0\n    # via -r requirements.in\n"
    (tmp_path / "requirements.txt").write_text(pinned + gone)
    (tmp_path / "requirements-dev.txt").write_text(pinned.replace(".19", ".18"))
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "RUNTIME_LOCK", tmp_path / "requirements.txt")
    monkeypatch.setattr(environment, "DEV_LOCK", tmp_path / "requirements-dev.txt")

    found = "\n".join(locks.problems())

    assert "stripe-sdk is asked for but not in requirements.txt" in found
    assert "gone is in requirements.txt but not asked for" in found
    assert "gone has no hash in requirements.txt" in found
    assert "django differs between the two locks" in found
