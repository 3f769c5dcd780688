"""Is it alive, and can it work."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from links.models import EventState, WebhookEvent
from links.services import ticks
from merchant_portal.lib import clock, surroundings
from merchant_portal.lib.surroundings import Unready
from notifications.models import Message, MessageState
from notifications.services import claims

from .celery import embedded

log = logging.getLogger(__name__)

# With no webhook and no broker at all the product is right within 15 minutes; a row
# that waits longer means that nobody works.
LATE_SECONDS = 900
# A dozen sweeps; reminders and what dead workers held come due by them alone.
SILENT_SECONDS = 120


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when all parts work, else 503; each part with "ok" or what is wrong.

    `oldest_due_seconds`: how long the oldest unsent message that may leave and the oldest webhook
    not worked on have been due, 0 when nothing is.
    """
    reasons: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            check()
        except Unready as exc:
            reasons[name] = str(exc)
    ages = {"outbox": 0, "inbox": 0}
    if "database" not in reasons:
        ages = _oldest_due_seconds()
        for name, age in ages.items():
            if age > LATE_SECONDS:
                reasons[name] = f"the oldest due row has waited {age} seconds"
    if reasons:
        log.warning("Not ready: %s", reasons)
    parts = [*CHECKS, *ages]
    return JsonResponse(
        {
            "status": "unavailable" if reasons else "ok",
            "checks": {name: reasons.get(name, "ok") for name in parts},
            "oldest_due_seconds": ages,
        },
        status=503 if reasons else 200,
    )


def _check_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        missing = _missing_migrations()
    except DatabaseError as exc:
        raise Unready("the database does not answer") from exc
    if missing:
        raise Unready(f"{missing} migrations are missing; run: manage.py migrate")


def _missing_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _check_broker() -> None:
    if settings.EMBEDDED:
        if not embedded.is_alive:
            raise Unready("the embedded worker or beat is not running")
        return
    surroundings.check_broker()


def _check_beat() -> None:
    try:
        silent = ticks.silent_seconds()
    except DatabaseError as exc:
        raise Unready("the database does not answer") from exc
    if silent > SILENT_SECONDS:
        raise Unready(f"no sweep has run for {silent:.0f} seconds; is beat running?")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _check_database,
    "broker": _check_broker,
    "beat": _check_beat,
    "clock": surroundings.check_clock,
}


def _oldest_due_seconds() -> dict[str, int]:
    now = clock.now()
    messages = Message.objects.filter(
        claims.MAY_LEAVE, state=MessageState.QUEUED, due_at__lte=now
    )
    events = WebhookEvent.objects.filter(state=EventState.RECEIVED).annotate(
        wanted_at=Coalesce("next_try_at", "received_at")
    )
    return {
        "outbox": _age(now, messages.aggregate(at=Min("due_at"))["at"]),
        "inbox": _age(now, events.aggregate(at=Min("wanted_at"))["at"]),
    }


def _age(now: datetime, at: datetime | None) -> int:
    return 0 if at is None else max(0, int((now - at).total_seconds()))
