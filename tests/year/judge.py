"""What the year's reminders must never have done."""

from collections import defaultdict
from datetime import datetime, timedelta

from links.models import PaymentLink
from notifications.models import Category, Message

from .life import Year

SOON = timedelta(hours=12)


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
        for _start, end in year.outages:
            if end <= at < end + SOON:
                after[reference, message.channel, end] += 1
    found += [f"{key} {count} times" for key, count in told.items() if count > 1]
    found += [
        f"{reference} {count} times after an outage"
        for (reference, _channel, _end), count in after.items()
        if count > 1
    ]
    return found


def _step(message: Message) -> str:
    return message.dedupe_key.split(":")[2]
