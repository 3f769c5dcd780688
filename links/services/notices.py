"""Telling staff what happened: a mail at once, or a row for their digest.

Both are written in the transaction of what happened. Who hears of it is in
`notice_rules`, what it says in `notice_words`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from merchant_portal.business import services as business_services
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from notifications.services import outbox

from ..models import How, News, NoticeItem, PaymentLink, StaffTask
from . import notice_rules

KIND = "staff_news"


@dataclass(frozen=True, slots=True)
class Happening:
    """`subject_id`: public id of what the news is of. `only_for`: key of the one member
    of staff whom it concerns; None: all who want it."""

    news: News
    subject_id: str
    at: datetime
    link: PaymentLink | None
    amount: Money | None = None
    only_for: int | None = None


def of_task(task: StaffTask) -> Happening:
    return Happening(
        News.TASK,
        task.public_id,
        task.created_at,
        task.link,
        only_for=task.assigned_to_id,
    )


def tell(happened: Sequence[Happening]) -> None:
    """Tell whoever wants to know, in the caller's transaction; each thing once."""
    outbox.want_many(keep(happened))


def keep(happened: Sequence[Happening]) -> list[outbox.NewMessage]:
    """Keep what waits for digests, one statement if anything does; the mails that are
    wanted at once are for the caller to want, along with others."""
    everybody = notice_rules.people()
    items: list[NoticeItem] = []
    mails: list[outbox.NewMessage] = []
    for one in happened:
        for person in everybody.values():
            how = notice_rules.wants(
                person, one.news, one.link, everybody, one.only_for
            )
            if how == How.AT_ONCE:
                mails.append(_mail(one, person.user))
            elif how == How.DIGEST:
                items.append(_item(one, person.user))
    if items:
        NoticeItem.objects.bulk_create(items, ignore_conflicts=True)
    return mails


def _mail(one: Happening, user: User) -> outbox.NewMessage:
    return outbox.NewMessage(
        kind=KIND,
        channel="email",
        recipient=user.email,
        language=language_of(user),
        reference=one.subject_id,
        subject_id=one.news,
        dedupe_key=f"news:{one.news}:{one.subject_id}:{user.public_id}",
    )


def _item(one: Happening, user: User) -> NoticeItem:
    return NoticeItem(
        person_id=user.pk,
        news=one.news,
        subject_id=one.subject_id,
        link=one.link,
        amount_minor=one.amount.amount_minor if one.amount else None,
        currency=one.amount.currency if one.amount else "",
        at=one.at,
    )


def language_of(user: User) -> str:
    """In which they are written to: their own, else the business's."""
    return user.language or business_services.kept().language
