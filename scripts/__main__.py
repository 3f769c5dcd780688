"""`python3 -m scripts NAME`: what the Makefile calls.

This file must run on any Python 3, so that an old one gets a sentence and not a
traceback; the rest of the package is imported only on a new enough one.
"""

import os
import subprocess
import sys

OLDEST = (3, 11)
NEWER_NAMES = ("python3.11", "python3.12", "python3.13", "python3.14")
TRIED = "PORTAL_PYTHON_TRIED"  # set while starting over, so that it happens once


def newer_python() -> str:
    """Another interpreter on the PATH that is new enough, "" when there is none."""
    question = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    for name in NEWER_NAMES:
        try:
            answer = subprocess.call([name, "-c", question], stderr=subprocess.DEVNULL)
        except OSError:
            continue
        if answer == 0:
            return name
    return ""


def start_over_with_newer() -> None:
    """Replace this process by one with a newer Python; return when there is none."""
    name = "" if TRIED in os.environ else newer_python()
    if name:
        os.environ[TRIED] = "1"
        os.execvp(name, [name, "-m", "scripts", *sys.argv[1:]])


if sys.version_info[:2] < OLDEST:
    start_over_with_newer()
    name = " ".join(sys.argv[1:2]) or "demo"
    sys.exit(
        f"This needs Python {OLDEST[0]}.{OLDEST[1]} or later, but {sys.executable} is"
        f" {sys.version_info[0]}.{sys.version_info[1]}.\n"
        f"Install a newer one, or name it: make {name} PYTHON=/path/to/python3.11"
    )

from scripts import commands  # noqa: E402 - only a new enough Python can read it

sys.exit(commands.main(sys.argv[1:]))
