"""What the year's reminders must never have done."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from links.models import PaymentLink, ReminderPause
from notifications.models import Category, Message

from .life import Year

SOON = timedelta(hours=12)
A_DAY = timedelta(hours=24)


def findings(year: Year) -> list[str]:
    """One sentence for each promise that was broken."""
    of = dict(PaymentLink.objects.values_list("public_id", "customer_id"))
    told: dict[tuple[str, str, str], int] = defaultdict(int)
    after: dict[tuple[str, str, datetime], int] = defaultdict(int)
    found = []
    for at, message in year.sent:
        if message.category != Category.REMINDER:
            continue
        reference = message.reference
        if not message.dedupe_key.startswith("climb:"):
            told[reference, _step(message), message.channel] += 1
        person = year.people[of[reference] or 0]
        if not person.may_be_reminded(at, rests=year.rests):
            found.append(f"{reference} at {at:%d %b %H:%M} UTC, {person.zones[0]}")
        paid_at = year.paid_at.get(reference)
        if paid_at is not None and at >= paid_at:
            found.append(f"{reference} reminded after paying")
        for end in {end for _start, end in year.outages}:  # two may end as one
            if end <= at < end + SOON:
                after[reference, message.channel, end] += 1
    found += _asked_again(year, of)
    found += [f"{key} {count} times" for key, count in told.items() if count > 1]
    found += [
        f"{reference} {count} times after an outage"
        for (reference, _channel, _end), count in after.items()
        if count > 1
    ]
    return found


def _asked_again(year: Year, of: Mapping[str, int | None]) -> list[str]:
    """What a reminder for all had named surely was asked for again within a day, by a
    message that was not waiting yet."""
    found = []
    for_all: dict[int, list[tuple[datetime, Message]]] = defaultdict(list)
    calm = _never_written_about()
    pauses = list(ReminderPause.objects.filter(link=None))
    for at, message in year.sent:
        if message.category != Category.REMINDER:
            continue
        customer, reference = of[message.reference] or 0, message.reference
        for told_at, told in for_all[customer]:
            asked = calm.get(reference)
            if (
                told.reference != reference
                and at - told_at < A_DAY
                and message.created_at >= told_at
                and not _is_resting(pauses, customer, told_at)
                and asked is not None
                and asked.last_sent_at is not None
                and told_at - asked.last_sent_at >= A_DAY
                and (asked.due_on is None or asked.due_on <= told_at.date())
            ):
                found.append(f"{reference} named at {told_at}, asked again at {at}")
        if message.subject_id:
            for_all[customer].append((at, message))
    return found


def _never_written_about() -> dict[str, PaymentLink]:
    """Those about which nobody wrote, and which nobody paused by themselves."""
    links = PaymentLink.objects.filter(replies=None, pauses=None)
    return {link.public_id: link for link in links}


def _is_resting(pauses: list[ReminderPause], customer: int, at: datetime) -> bool:
    """Whether all of a customer's links were paused at that moment."""
    return any(
        pause.customer_id == customer
        and pause.created_at <= at < (pause.ended_at or pause.until)
        for pause in pauses
    )


def _step(message: Message) -> str:
    return message.dedupe_key.split(":")[2]
