"""What people are asked to do about a link."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from ..models import PaymentLink, StaffTask, TaskKind
from . import links, notices
from .errors import LinkConflict, LinkError

MAX_TEXT = 300


def add(
    link: PaymentLink,
    *,
    text: str,
    assigned_to: User | None,
    due_at: datetime,
    key: str,
    by: User,
) -> StaffTask:
    """Write down what somebody is to do; the same `key` again gives the task that is
    there. Raises LinkError for a text that cannot be kept."""
    if not text:
        raise LinkError(_("Say what is to be done."), "text")
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        now = clock.now()
        task, is_new = StaffTask.objects.get_or_create(
            link=locked,
            origin=f"staff:{key}"[:40],
            defaults={
                "kind": TaskKind.STAFF,
                "text": text[:MAX_TEXT],
                "assigned_to": assigned_to,
                "due_at": due_at,
                "created_at": now,
            },
        )
        if not is_new:
            return task
        links.note(locked, "task.made", by.actor(), now, task=task.text)
        if assigned_to not in (None, by):
            notices.tell([notices.of_task(task)])
        audit.record(by.actor().id, "task.made", link.public_id, task=task.public_id)
    return task


def done(task: StaffTask, *, by: User) -> None:
    """Tick it off; LinkConflict when somebody did before."""
    with transaction.atomic():
        link = PaymentLink.objects.locked(task.link_id)
        now = clock.now()
        ticked = StaffTask.objects.filter(pk=task.pk, done_at__isnull=True).update(
            done_at=now, done_by=by
        )
        if not ticked:
            raise LinkConflict(_("Somebody has done this in the meantime."))
        links.note(link, "task.done", by.actor(), now, task=task.text)
        audit.record(by.actor().id, "task.done", link.public_id, task=task.public_id)


def change(
    task: StaffTask, *, assigned_to: User | None, due_at: datetime, by: User
) -> None:
    """Give it to somebody, or another day; LinkConflict when it is done already."""
    with transaction.atomic():
        changed = StaffTask.objects.filter(pk=task.pk, done_at__isnull=True).update(
            assigned_to=assigned_to, due_at=due_at
        )
        if not changed:
            raise LinkConflict(_("Somebody has done this in the meantime."))
        if assigned_to not in (None, by, task.assigned_to):
            fresh = StaffTask.objects.select_related("link").get(pk=task.pk)
            notices.tell([notices.of_task(fresh)])
        audit.record(by.actor().id, "task.changed", task.public_id)
