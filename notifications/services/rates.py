"""The rate at which reminders leave: a row of the database that all workers share.

It holds back what the product sends by itself. What a person sends, a receipt, a
sign-in mail goes at once, and before any reminder that waits for its turn.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings

from ..channels.registry import get_channel
from ..models import Allowance

BURST = timedelta(seconds=10)
# What a pause may save up: two rounds of the sweep, so that a late one loses nothing.
MINUTE = timedelta(minutes=1)


def limited() -> list[str]:
    """Channels whose reminders are held to a rate: something leaves, and one is set."""
    return [
        name
        for name, per_minute in settings.PER_MINUTE.items()
        if per_minute and not get_channel(name).is_captured()
    ]


def lock(channels: Collection[str], at: datetime) -> dict[str, Allowance]:
    """The rows of these channels, locked in one order; made at first use."""
    rows = {row.channel: row for row in _locked(channels)}
    if len(rows) < len(set(channels)):
        Allowance.objects.bulk_create(
            [Allowance(channel=name, free_at=at) for name in channels],
            ignore_conflicts=True,
        )
        rows = {row.channel: row for row in _locked(channels)}
    return rows


def _locked(channels: Collection[str]) -> list[Allowance]:
    return list(
        Allowance.objects.select_for_update()
        .filter(channel__in=channels)
        .order_by("channel")
    )


def free(row: Allowance, at: datetime) -> int:
    """How many reminders of the channel may leave at that moment."""
    step = MINUTE / settings.PER_MINUTE[row.channel]
    since = max(row.free_at, at - max(BURST, step))
    return max(0, (at - since) // step)


def use(row: Allowance, count: int, at: datetime) -> None:
    """Note that so many leave; the caller holds the row and has asked `free`."""
    step = MINUTE / settings.PER_MINUTE[row.channel]
    row.free_at = max(row.free_at, at - max(BURST, step)) + step * count
    row.save(update_fields=["free_at"])
