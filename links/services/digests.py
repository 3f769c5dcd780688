"""One mail a day about all that waited for it, at the hour that each person chose."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from notifications.services import outbox

from ..models import NoticeItem, StaffDigest
from . import notice_mail, notices

KEEP = timedelta(days=30)
# What was told, to find out what a mail left out; and what waits for nobody.


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
    """What is old enough, told or not: who left, or chose otherwise, is told nothing."""
    old = NoticeItem.objects.filter(at__lt=now - KEEP)
    first = list(old.order_by("pk").values_list("pk", flat=True)[:500])
    NoticeItem.objects.filter(pk__in=first).delete()
