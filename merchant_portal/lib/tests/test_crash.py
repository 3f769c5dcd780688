import os
import signal
import subprocess
import sys

import pytest
from pytest_django.fixtures import Settings

from .. import crash

PROGRAM = """
import django
from django.conf import settings
settings.configure(CRASH_POINT={point!r})
from merchant_portal.lib import crash
for number in range(3):
    print(number, flush=True)
    crash.crash_at("message.after_claim")
    crash.crash_at("message.after_send")
print("end", flush=True)
"""


def run(point: str) -> tuple[int, list[str]]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(point=point)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
    )
    return ended.returncode, ended.stdout.split()


@pytest.mark.parametrize(
    ("point", "lines"),
    [("message.after_claim", ["0"]), ("message.after_send:3", ["0", "1", "2"])],
)
def test_dies_at_the_named_point_and_pass(point: str, lines: list[str]) -> None:
    assert run(point) == (-signal.SIGKILL, lines)


@pytest.mark.parametrize("point", ["", "payment.before_commit"])
def test_lives_on_without_it(point: str) -> None:
    assert run(point) == (0, ["0", "1", "2", "end"])


def test_unknown_names_are_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        crash.crash_at("nowhere")

    settings.CRASH_POINT = "message.nowhere"
    with pytest.raises(ValueError, match="nowhere"):
        crash.crash_at("message.after_claim")
