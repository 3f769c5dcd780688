"""`make bench` and `make prove`: run one module, or all of them, by name."""

import os
import subprocess

from scripts import environment, tell


def bench() -> int:
    """Every benchmark, or the one of NAME; each prints one JSON line a figure."""
    names = _names("benchmarks")
    wanted = os.environ.get("NAME", "")
    if not names or (wanted and wanted not in names):
        return _unknown("benchmark", "benchmarks", wanted, names)
    environment.ensure(dev=True)
    codes = [_run(f"benchmarks.{name}") for name in ([wanted] if wanted else names)]
    return max(codes)


def prove() -> int:
    """The full-size proof of NAME."""
    names = _names("proofs/scenarios")
    wanted = os.environ.get("NAME", "")
    if wanted not in names:
        return _unknown("proof", "proofs/scenarios", wanted, names)
    environment.ensure(dev=True)
    return _run(f"proofs.scenarios.{wanted}")


def _names(folder: str) -> list[str]:
    found = (environment.ROOT / folder).glob("*.py")
    return sorted(path.stem for path in found if not path.stem.startswith("_"))


def _unknown(word: str, folder: str, wanted: str, names: list[str]) -> int:
    said = f"There is no {word} {wanted!r}." if wanted else f"Which {word}? Give NAME=."
    if names:
        tell.failure(f"{said} There are: {', '.join(names)}")
    else:
        tell.failure(f"There is no {word} yet: {folder}/ holds none.")
    return 2


def _run(module: str) -> int:
    command = [str(environment.PYTHON), "-m", module]
    return subprocess.run(command, cwd=environment.ROOT, check=False).returncode
