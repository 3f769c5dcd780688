"""The work of a sending to many: so many links in one transaction, until none is left.

A kill undoes the chunk it falls into and nothing else; the sweep finds the job, and the
key of each message makes sure that none is queued twice.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.crash import crash_at
from notifications.models import Message, MessageState
from notifications.services import outbox

from ..models import (
    Activity,
    BulkItem,
    BulkSend,
    BulkState,
    ItemState,
    LinkStatus,
    PaymentLink,
)
from . import bulk_rules, climbing, links, recipients, reminders, totals
from .bulk_rules import Verdict

CHUNK = 50
# Planning the reminders of so many takes a second at most, in which SQLite is locked.
WORK_SECONDS = 10.0
# of one task: well below its time limit, and others get their turn

S = ItemState


def due() -> list[int]:
    """Pks of the jobs that have work left."""
    return list(
        BulkSend.objects.filter(
            ended_at__isnull=True, state__in=[BulkState.RUNNING, BulkState.STOPPED]
        ).values_list("pk", flat=True)
    )


def work(pk: int) -> bool:
    """Work for some seconds; True when there may be more to do at once.

    What is locked by somebody else is left for the next sweep.
    """
    until = time.monotonic() + WORK_SECONDS
    while time.monotonic() < until:
        if not step(pk):
            return False
    return True


def step(pk: int) -> int:
    """One chunk; returns how many of its links were settled, 0 at the end."""
    with transaction.atomic():
        bulk = (
            BulkSend.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("created_by")
            .filter(pk=pk, ended_at__isnull=True)
            .first()
        )
        if bulk is None:
            return 0
        if bulk.state == BulkState.RUNNING:
            return _send_some(bulk)
        return _give_up_some(bulk) if bulk.state == BulkState.STOPPED else 0


@dataclass(slots=True)
class _Chunk:
    """What one pass decides about the links that it holds locked."""

    bulk: BulkSend
    now: datetime
    items: dict[int, BulkItem]  # by link
    links: dict[int, PaymentLink]
    first_sums: dict[str, list[int]] = field(default_factory=dict)


def _take(bulk: BulkSend, wanted: Q) -> _Chunk | None:
    """The next items and their links, locked in the order of their keys; None at the
    end. A link that somebody holds is not among them."""
    items = list(bulk.items.filter(wanted).order_by("pk")[:CHUNK])
    if not items:
        return None
    known = PaymentLink.objects.at_hand([item.link_id for item in items])
    mine = {item.link_id: item for item in items if item.link_id in known}
    return _Chunk(bulk, clock.now(), mine, known)


def _send_some(bulk: BulkSend) -> int:
    chunk = _take(bulk, Q(state=S.WAITING))
    if chunk is None:
        bulk.move_to(BulkState.DONE, ended_at=clock.now())
        return 0
    failed_at = {
        pk: item.failed_at
        for pk, item in chunk.items.items()
        if item.failed_at is not None
    }
    found = bulk_rules.verdicts(
        list(chunk.links.values()), bulk.way, chunk.now, failed_at
    )
    going = {pk: one for pk, one in found.items() if not one.reason}
    _activate_drafts(chunk, going)
    messages = _enqueue(chunk, going)
    climbing.watch_invitations(
        {
            chunk.links[pk]: [found_message]
            for pk in going
            if (found_message := messages.get(chunk.links[pk].public_id)) is not None
        }
    )
    _settle(chunk, found, messages)
    _note_links(chunk, going)
    crash_at("bulk.before_commit")
    return len(chunk.items)


def _activate_drafts(chunk: _Chunk, going: Mapping[int, Verdict]) -> None:
    actor = chunk.bulk.created_by.actor()
    for pk in going:
        if chunk.links[pk].status == LinkStatus.DRAFT:
            links.activate_locked(chunk.links[pk], actor, chunk.now)


def _enqueue(chunk: _Chunk, going: Mapping[int, Verdict]) -> dict[str, Message]:
    """Public id of a link → its message."""
    business = Business.objects.current()
    new = [
        outbox.NewMessage(
            kind="invitation",
            channel=verdict.channel,
            recipient=verdict.recipient,
            language=recipients.language(chunk.links[pk], business),
            reference=chunk.links[pk].public_id,
            dedupe_key=_key(chunk.bulk, chunk.links[pk]),
            is_automatic=True,
        )
        for pk, verdict in going.items()
    ]
    return {message.reference: message for message in outbox.enqueue_many(new)}


def _key(bulk: BulkSend, link: PaymentLink) -> str:
    """One message for each link of a job, however often it is worked on."""
    return f"bulk:{bulk.public_id}:{link.public_id}"


def _settle(
    chunk: _Chunk, found: Mapping[int, Verdict], messages: Mapping[str, Message]
) -> None:
    for pk, item in chunk.items.items():
        link, verdict = chunk.links[pk], found[pk]
        item.state = S.SKIPPED if verdict.reason else S.SENT
        item.reason, item.channel = verdict.reason, verdict.channel
        item.message = messages.get(link.public_id)
        item.settled_at = chunk.now
        item.sent_before_at = link.last_sent_at
        item.channels_before = link.last_channels
    BulkItem.objects.bulk_update(
        chunk.items.values(),
        [
            "state",
            "reason",
            "channel",
            "message",
            "settled_at",
            "sent_before_at",
            "channels_before",
        ],
    )


def _note_links(chunk: _Chunk, going: Mapping[int, Verdict]) -> None:
    by_channel: dict[str, list[int]] = {}
    sums = totals.Changes()
    first, today = [], totals.business_day(chunk.now)
    for pk, verdict in going.items():
        link = chunk.links[pk]
        by_channel.setdefault(verdict.channel, []).append(pk)
        if link.last_sent_at is None:
            link.first_sent_at, link.first_sent_minor = chunk.now, link.amount_minor
            sums.add([], totals.of_link(link, today))
            first.append(pk)
        link.last_sent_at, link.last_channels = chunk.now, [verdict.channel]
    for channel, pks in by_channel.items():
        PaymentLink.objects.filter(pk__in=pks).update(
            last_sent_at=chunk.now, last_channels=[channel]
        )
    PaymentLink.objects.filter(pk__in=first).update(
        first_sent_at=chunk.now, first_sent_minor=F("amount_minor")
    )
    _note(chunk, list(going), "link.sent")
    reminders.plan_many([chunk.links[pk] for pk in going])
    sums.write()


def _note(chunk: _Chunk, pks: Sequence[int], kind: str) -> None:
    actor: Actor = chunk.bulk.created_by.actor()
    Activity.objects.bulk_create(
        Activity(
            link=chunk.links[pk],
            kind=kind,
            at=chunk.now,
            actor=actor.id,
            detail={
                "channels": [chunk.items[pk].channel],
                "bulk": chunk.bulk.public_id,
            },
        )
        for pk in pks
    )


_NOT_LEFT = Q(
    state=S.SENT,
    message__state__in=[MessageState.QUEUED, MessageState.CANCELED],
    link__status=LinkStatus.ACTIVE,
)


def _give_up_some(bulk: BulkSend) -> int:
    """What a stopped job has not sent: links that were not reached are as before."""
    chunk = _take(bulk, Q(state=S.WAITING) | _NOT_LEFT)
    if chunk is None:
        BulkSend.objects.filter(pk=bulk.pk).update(ended_at=clock.now())
        return 0
    queued = {i.message_id: pk for pk, i in chunk.items.items() if i.message_id}
    Message.objects.filter(pk__in=queued, state=MessageState.QUEUED).update(
        state=MessageState.CANCELED
    )
    withdrawn = Message.objects.filter(pk__in=queued, state=MessageState.CANCELED)
    unsent = [queued[pk] for pk in withdrawn.values_list("pk", flat=True)]
    sums = totals.Changes()
    for pk in unsent:
        _restore(chunk.links[pk], chunk.items[pk], sums)
    _note(chunk, unsent, "send.taken_back")
    over = [i for i in chunk.items.values() if not i.message_id or i.link_id in unsent]
    BulkItem.objects.filter(pk__in=[item.pk for item in over]).update(
        state=S.SKIPPED, reason=bulk_rules.STOPPED, settled_at=chunk.now
    )
    sums.write()
    return len(over)


def _restore(link: PaymentLink, item: BulkItem, sums: totals.Changes) -> None:
    """No reminder of what never left; a later send of somebody else stands."""
    if link.last_sent_at != item.settled_at:
        return
    link.last_sent_at = item.sent_before_at
    if item.channels_before is not None:
        link.last_channels = item.channels_before
    if link.last_sent_at is None:
        sums.add(totals.of_link(link), [])
        link.first_sent_at, link.first_sent_minor = None, 0
    link.save(update_fields=PaymentLink.OF_SENDING)
    reminders.plan(link)
