"""The web server: `gunicorn -c python:merchant_portal.gunicorn_conf merchant_portal.wsgi`.

Embedded: one worker with threads, and in that same process Celery's worker and beat.
"""

import os
import sys
import threading

from django.conf import settings
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from .celery import embedded
from .lib.surroundings import look_around

bind = settings.WEB_BIND
worker_class = "gthread"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
preload_app = False  # threads do not survive the fork
control_socket_disable = True
timeout = 60
# Requests bound their own outside calls; the embedded product ends while someone waits.
graceful_timeout = 3 if settings.EMBEDDED else 30
keepalive = 5
# Longest address a real request has: a link token and a provider's return parameters.
limit_request_line = 4094
limit_request_fields = 60
accesslog = None
loglevel = "warning" if settings.LOG_FORMAT == "plain" else "info"
logconfig_dict = settings.LOGGING
EMBEDDED_STOP_SECONDS = 2.0


def when_ready(server: Arbiter) -> None:
    if settings.LOG_FORMAT == "plain":
        sys.stdout.write(f"Open {settings.PUBLIC_URL}/admin/ - Ctrl-C ends it.\n")
        sys.stdout.flush()


def post_worker_init(worker: Worker) -> None:
    """Start the embedded worker and beat, here and nowhere else: never in a command."""
    look_around()
    if settings.EMBEDDED:
        embedded.start()


def worker_exit(server: Arbiter, worker: Worker) -> None:
    """End without waiting for a slow outside call: the outbox holds what it did."""
    if not settings.EMBEDDED:
        return
    embedded.stop(EMBEDDED_STOP_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    if threading.active_count() > 1:
        os._exit(0)
