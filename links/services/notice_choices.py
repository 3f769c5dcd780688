"""Choosing what one is told; each person for themselves."""

from collections.abc import Mapping

from django.db import transaction

from merchant_portal.audit import services as audit
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import How, News, NoticeItem, StaffNoticeChoice, Whose
from . import notice_rules
from .notice_rules import Choice

FIRST_HOUR, LAST_HOUR = 5, 21
HOURS = range(FIRST_HOUR, LAST_HOUR + 1)
USUAL_HOUR = 8


def chosen(person: User) -> dict[News, Choice]:
    """What holds for them, by kind of news; one query."""
    known = notice_rules.person_of(person)
    return {news: known.choice(news) for news in News}


def save(person: User, wanted: Mapping[News, Choice], hour: int) -> bool:
    """Keep what differs from what their role gets; False if nothing changed.

    What waits for a digest that does not want it any more is dropped.
    """
    if hour not in HOURS:
        raise ValueError(hour)
    with transaction.atomic():
        locked = User.objects.select_for_update(of=("self",)).get(pk=person.pk)
        before = (chosen(locked), locked.digest_hour)
        usual = notice_rules.USUAL[locked.role]
        sees_all = locked.may(Right.LINKS_ALL)
        StaffNoticeChoice.objects.filter(person=locked).delete()
        StaffNoticeChoice.objects.bulk_create(
            StaffNoticeChoice(
                person=locked,
                news=news,
                how=how,
                whose=whose if sees_all else Whose.OWN,
            )
            for news, (how, whose) in wanted.items()
            if (how, whose) != usual[news]
        )
        after = (chosen(locked), hour)
        if before == after:
            return False
        off = [news for news, (how, _whose) in after[0].items() if how == How.OFF]
        NoticeItem.objects.filter(person=locked, digest=None, news__in=off).delete()
        locked.digest_hour = hour
        locked.save(update_fields=["digest_hour"])
        fields = [news for news in News if before[0][news] != after[0][news]]
        audit.record(
            locked.actor().id,
            "notices.chosen",
            locked.public_id,
            fields=sorted([*fields, *(["hour"] if before[1] != hour else [])]),
        )
    transaction.on_commit(notice_rules.forget)
    return True


def reset(person: User) -> bool:
    """As their role gets it, at the usual hour; False if it was so before."""
    return save(person, notice_rules.USUAL[person.role], USUAL_HOUR)
