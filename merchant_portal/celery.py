"""The Celery application: addresses and times come from settings, the rest is here.

Without Redis the worker and beat are threads of the web process. The broker is then
the process's memory: it only wakes, the database holds what is to be done.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.beat import EmbeddedService
from celery.signals import worker_ready
from django.conf import settings

from .lib import surroundings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")

# A broker that does not answer costs its caller two seconds at most.
REDIS_OPTIONS = {
    "socket_timeout": 2,
    "socket_connect_timeout": 1,
    # one try a wake-up: kombu else waits 2 and 4 s and tries again
    "max_retries": 0,
    "visibility_timeout": 120,
    # kombu looks for lost tasks only about every 100 s by default
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}


def _options() -> dict[str, Any]:
    """What every worker obeys: a task that dies runs again, and none runs for ever."""
    return {
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_soft_time_limit": 40,
        "task_time_limit": 50,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_publish_retry": False,
        "broker_connection_retry_on_startup": True,
        "worker_hijack_root_logger": False,
        "broker_transport_options": {"polling_interval": 0.05}
        if settings.EMBEDDED
        else REDIS_OPTIONS,
    }


app = Celery("merchant_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.add_defaults(_options)
app.autodiscover_tasks()
# Request threads must wake workers through this app, not through Celery's fallback one.
app.set_default()

log = logging.getLogger(__name__)


def _look_around(**_kwargs: Any) -> None:
    surroundings.look_around()


worker_ready.connect(_look_around)


# Sends are batches and provider calls wait on the network: few threads are enough,
# and SQLite writes one at a time anyway.
EMBEDDED_THREADS = 4
RESTART_SECONDS = 2.0


class Embedded:
    """Worker and beat in threads of this process; started once, by the web server."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._worker: Any = None
        self._beat: Any = None
        self._threads: list[threading.Thread] = []

    @property
    def is_alive(self) -> bool:
        """Whether both threads run (they are restarted when they end by themselves)."""
        return bool(self._threads) and all(each.is_alive() for each in self._threads)

    def start(self) -> None:
        for name, target in (("worker", self._work), ("beat", self._tick)):
            thread = threading.Thread(
                target=self._keep_running, args=(name, target), name=name, daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Take no new task and wait at most that long for the running ones."""
        self._stopping.set()
        if self._beat is not None:
            self._beat.service.stop()
        if self._worker is not None:
            # stop() waits for running tasks without a limit, so it gets a thread too
            stopper = threading.Thread(target=self._worker.stop, daemon=True)
            stopper.start()
            stopper.join(timeout_seconds)

    def _keep_running(self, name: str, target: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                target()
            except Exception:
                log.exception("The embedded %s ended; it is started again", name)
            self._stopping.wait(RESTART_SECONDS)

    def _work(self) -> None:
        self._worker = app.WorkController(
            pool="threads",
            concurrency=EMBEDDED_THREADS,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            hostname=f"embedded-{os.getpid()}@local",
        )
        self._worker.start()

    def _tick(self) -> None:
        self._beat = EmbeddedService(
            app, thread=True, scheduler_cls=app.conf.beat_scheduler
        )
        self._beat.run()


embedded = Embedded()
