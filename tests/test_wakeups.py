"""A wake-up by a wrong name would only be noticed as slowness."""

from merchant_portal.celery import app
from merchant_portal.lib import queue


def test_every_task_that_may_be_nudged_exists() -> None:
    app.loader.import_default_modules()

    assert set(app.tasks) >= queue.TASKS
