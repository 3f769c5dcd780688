"""The house stands as it was drawn: contracts, sizes, names that must exist."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

from merchant_portal.lib import queue

ROOT = Path(settings.BASE_DIR)
LONGEST_FILE = 400
FOREIGN = {"var", "migrations", "node_modules", "__pycache__"}


@pytest.fixture(scope="module")
def registered() -> set[str]:
    current_app.loader.import_default_modules()
    return set(current_app.tasks)


def own_modules() -> Iterator[Path]:
    """Python files of the house, without migrations and what was installed."""
    for folder, below, files in os.walk(ROOT):
        below[:] = [name for name in below if name not in FOREIGN and name[0] != "."]
        yield from (Path(folder) / name for name in files if name.endswith(".py"))


def test_nobody_imports_upward() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def test_no_file_has_grown_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in own_modules()
    }

    assert {name for name, lines in lengths.items() if lines > LONGEST_FILE} == set()


def test_every_task_that_may_be_nudged_exists(registered: set[str]) -> None:
    assert registered >= queue.TASKS


def test_every_task_that_beat_sends_exists(registered: set[str]) -> None:
    sent = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert sent <= registered
    assert {"links.tasks.sweep", "notifications.tasks.sweep"} <= sent


def test_every_task_is_bounded_and_survives_its_worker(registered: set[str]) -> None:
    own = {name for name in registered if not name.startswith("celery.")}

    assert own
    assert current_app.conf.task_reject_on_worker_lost is True
    for name in own:
        task = current_app.tasks[name]
        assert task.acks_late, name
        assert task.reject_on_worker_lost is not False, name
        assert task.ignore_result, name


def test_procfile_names_programs_that_are_installed() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    commands = dict(line.split(":", 1) for line in lines)

    assert list(commands) == ["release", "web", "worker", "beat"]
    for command in commands.values():
        assert (Path(sys.executable).parent / shlex.split(command)[0]).exists()
