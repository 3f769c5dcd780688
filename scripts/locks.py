"""The hashed lock files: written by uv, checked against the .in files without network."""

import re
import subprocess
from pathlib import Path

from scripts import environment

COMPILE = ["uv", "pip", "compile", "--universal", "--python-version", "3.11"]
COMPILE += ["--generate-hashes", "--no-emit-index-url", "--quiet"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def write() -> int:
    """Both locks; the development one holds the same versions as the other."""
    runtime = ["-o", "requirements.txt", "requirements.in"]
    dev = ["-c", "requirements.txt", "-o", "requirements-dev.txt"]
    dev += ["requirements-dev.in"]
    for arguments in (runtime, dev):
        program = str(environment.PYTHON.parent / COMPILE[0])
        command = [program, *COMPILE[1:], *arguments]
        code = subprocess.run(command, cwd=environment.ROOT, check=False).returncode
        if code:
            return code
    return 0


def problems() -> list[str]:
    """What is out of step, as sentences: names asked for and not locked, or the reverse."""
    found: list[str] = []
    runtime = _Lock(environment.RUNTIME_LOCK)
    dev = _Lock(environment.DEV_LOCK)
    asked_runtime = _asked("requirements.in")
    asked_dev = asked_runtime | _asked("requirements-dev.in")
    for lock, asked in ((runtime, asked_runtime), (dev, asked_dev)):
        for name in sorted(asked - lock.direct):
            found.append(f"{name} is asked for but not in {lock.name}. Run: make lock")
        for name in sorted(lock.direct - asked):
            found.append(f"{name} is in {lock.name} but not asked for. Run: make lock")
        for name in sorted(lock.without_hash):
            found.append(f"{name} has no hash in {lock.name}. Run: make lock")
    for name, version in runtime.versions.items():
        if dev.versions.get(name) != version:
            found.append(f"{name} differs between the two locks. Run: make lock")
    return found


class _Lock:
    """What a lock pins: versions by name, which of them were asked for directly."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.versions: dict[str, str] = {}
        self.direct: set[str] = set()
        self.without_hash: set[str] = set()
        name = ""
        for line in path.read_text().splitlines():
            if not line or line.startswith("#"):
                continue
            if not line.startswith(" "):
                name, version = line.split("==", 1)
                name = _canonical(name)
                self.versions[name] = version.split()[0]
                self.without_hash.add(name)
            elif "--hash=" in line:
                self.without_hash.discard(name)
            elif "-r requirements" in line:
                self.direct.add(name)


def _asked(file: str) -> set[str]:
    lines = (environment.ROOT / file).read_text().splitlines()
    names = (NAME.match(line) for line in lines)
    return {_canonical(match.group()) for match in names if match}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.split("[")[0]).strip().lower()
