"""One mail a day about all that waited for it, at the hour that each person chose."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from notifications.services import outbox

from ..models import NoticeItem, StaffDigest
from . import notice_mail, notices

KEEP = timedelta(days=30)
# What was told, so that a mail that waits for days can still be written.
MOST = 500
# forgotten at a time; SQLite holds its lock meanwhile


def make_due() -> int:
    """A digest for everybody whose hour has come today and for whom something waits;
    returns how many. After an outage that is one, with all that came meanwhile."""
    now = clock.now()
    business = Business.objects.current()
    there = now.astimezone(ZoneInfo(business.time_zone))
    people = list(_due(there))
    if not people:
        return 0
    made = [make(person, there.date(), now) for person in people]
    _forget(now)
    return sum(made)


def _due(there: datetime) -> QuerySet[User]:
    """`there`: now, by the wall clock of the business. An hour between 5 and 21 is
    never one that a change of the clocks leaves out."""
    waiting = NoticeItem.objects.filter(person=OuterRef("pk"), digest=None)
    told = StaffDigest.objects.filter(person=OuterRef("pk"), day=there.date())
    return User.objects.filter(
        Exists(waiting), ~Exists(told), is_active=True, digest_hour__lte=there.hour
    ).order_by("pk")


def make(person: User, day: date, now: datetime) -> bool:
    """That day's mail to them; False if there is one, or nothing to tell.

    Two at the same moment: the constraint lets one through, and what waits is
    claimed in its transaction.
    """
    try:
        with transaction.atomic():
            digest = StaffDigest.objects.create(person=person, day=day, created_at=now)
            waiting = NoticeItem.objects.filter(person=person, digest=None)
            if not waiting.update(digest=digest):
                raise _NothingToTell
            outbox.want_many([_mail(digest, person)])
    except (IntegrityError, _NothingToTell):
        return False
    return True


class _NothingToTell(Exception):
    """Somebody was faster; the row of the digest goes as well."""


def _mail(digest: StaffDigest, person: User) -> outbox.NewMessage:
    return outbox.NewMessage(
        kind=notices.KIND,
        channel="email",
        recipient=person.email,
        language=notices.language_of(person),
        reference=digest.public_id,
        subject_id=notice_mail.DIGEST,
        dedupe_key=f"digest:{digest.public_id}",
    )


def _forget(now: datetime) -> None:
    """What was told long ago, and what waits for somebody who left.

    Never by when it happened alone: money may be heard of months later.
    """
    was_told = Q(digest__created_at__lt=now - KEEP)
    waits_for_nobody = Q(digest=None, person__is_active=False, at__lt=now - KEEP)
    old = NoticeItem.objects.filter(was_told | waits_for_nobody)
    first = list(old.order_by("pk").values_list("pk", flat=True)[:MOST])
    NoticeItem.objects.filter(pk__in=first).delete()
