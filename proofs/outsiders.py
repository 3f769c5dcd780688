"""Peers that nobody here wrote, installed from a lock: Stripe's own CLI; Prism, which
answers by a vendor's document and refuses what that does not allow; and Lighthouse, which
judges a page."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proofs.processes import ChildProcess, free_port

PEERS = Path(__file__).with_name("peers")
CLI = PEERS / "node_modules" / ".bin" / "stripe"
LIGHTHOUSE = PEERS / "node_modules" / ".bin" / "lighthouse"
PRISM = PEERS / "node_modules" / ".bin" / "prism"
LOCK = PEERS / "package-lock.json"
INSTALL_SECONDS = 300
RUN_SECONDS = 90
PRISM_SECONDS = 240
# It reads a document of some megabytes first, on a machine that may be busy.


class OutsiderMissing(RuntimeError):
    """Node.js is not installed, or the package could not be; the message says what to do."""


def install() -> None:
    """`npm ci` from the lock, when that has not been done for this very lock.

    One process at a time: it empties the folder first, and tests run side by side.
    """
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(hashlib.sha256(lock.read()).hexdigest())


def _install(digest: str) -> None:
    stamp = PEERS / "node_modules" / ".installed"
    if CLI.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise OutsiderMissing("Install Node.js 18 or newer with npm (Debian: npm).")
    # Its script would only say hello: the program comes as a package of its own.
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=PEERS,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        raise OutsiderMissing(f"npm ci failed in {PEERS}:\n{done.stdout}{done.stderr}")
    stamp.write_text(digest)


def stripe_cli(*arguments: str, api_base: str, key: str, home: Path) -> str:
    """Run the CLI against a fake and return what it printed.

    `home` takes its settings; it reads and leaves nothing else. AssertionError with its
    output when it fails.
    """
    install()
    done = subprocess.run(
        [str(CLI), *arguments, "--api-base", api_base],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "STRIPE_API_KEY": key,
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


TRIES = 5
TRY_AGAIN = "Please run Lighthouse again"
# What it says when the browser lost the beginning of its own record.
FULL_SLOWDOWN, TELEPHONE = 4.0, 440
# Lighthouse takes this machine for one of a benchmark index of 1,750, whose work costs a
# telephone of the middle class four times as long.


def slowdown_of(report: dict[str, Any]) -> float:
    """How many times slower than this machine such a telephone is, by the index that the
    report's own run measured here; what Lighthouse's documents call calibrating."""
    index: float = report["environment"]["benchmarkIndex"]
    return min(FULL_SLOWDOWN, max(1.0, index / TELEPHONE))


def lighthouse(
    url: str, *, chromium: str, home: Path, slowdown: float = FULL_SLOWDOWN
) -> dict[str, Any]:
    """Its report of a page as a telephone on a slow line would load it.

    Times are computed from what the page asked for, and from what its work cost here
    times `slowdown`. Nothing leaves the machine. AssertionError with its output when it
    fails.
    """
    install()
    report = home / "lighthouse.json"
    browser = (
        "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
        " --disable-component-update --disable-sync --no-first-run"
    )
    command = [
        *(str(LIGHTHOUSE), url, "--quiet", "--output=json"),
        f"--output-path={report}",
        "--only-categories=performance,accessibility,best-practices",
        "--throttling-method=simulate",
        f"--throttling.cpuSlowdownMultiplier={slowdown:.2f}",
        "--ignore-status-code",  # of a link that is over: 410
        "--no-enable-error-reporting",
        f"--chrome-flags={browser}",
    ]
    for _try in range(TRIES):
        done = subprocess.run(
            command,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "CHROME_PATH": chromium,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        if TRY_AGAIN not in done.stdout + done.stderr:
            break
    assert done.returncode == 0, f"{url}: {done.stdout}{done.stderr}"
    found: dict[str, Any] = json.loads(report.read_text())
    return found


@contextmanager
def prism(document: Path, folder: Path) -> Iterator[str]:
    """Prism serving a vendor's document on loopback; its address.

    It keeps nothing: every answer is filler of the right shape, and a request that the
    document does not allow gets 401, 404, 415 or 422.
    """
    install()
    port = free_port()
    command = [str(PRISM), "mock", "--host", "127.0.0.1", "--port", str(port)]
    process = ChildProcess(
        "prism",
        [*command, str(document)],
        log_file=folder / f"prism-{document.stem}.log",
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        cwd=PEERS,
    )
    process.start()
    try:
        process.wait_for_line(r"is listening on", timeout=PRISM_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
