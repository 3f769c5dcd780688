"""Sending to many links at once: choosing, starting, pausing and stopping a job.

`bulk_work` does the work, `bulk_rules` says who is left out, `bulk_results` what came
of it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import Actor
from merchant_portal.staff.models import User
from notifications.models import ChannelName, Message, MessageState
from notifications.services import outbox
from notifications.services.sms_parts import sms_parts

from ..models import BulkItem, BulkSend, BulkState, PaymentLink, Way
from . import bulk_results, bulk_rules, message_values, recipients
from .errors import LinkConflict, LinkError

WORK = "links.tasks.work_bulk"
MOST = 10_000
CHUNK = 500
SAMPLE_URL_LENGTH = 60
FORGOTTEN_AFTER = timedelta(days=1)
# How long a job that nobody started is kept.

_READ = (
    "bulk",
    "link",
    "failed_at",
    "link__public_id",
    "link__number",
    "link__status",
    "link__expires_at",
    "link__last_sent_at",
    "link__promise_due_at",
    "link__customer",
    "link__customer__language",
)
# All that the rules look at: the rest of 10,000 rows takes seconds to read.


@dataclass(slots=True)
class Outlook:
    """What would happen if the job started now; `left_out`: reason → how many."""

    size: int = 0
    emails: int = 0
    sms: int = 0
    sms_parts: int = 0
    drafts: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def going(self) -> int:
        return self.emails + self.sms


def draft(chosen: QuerySet[PaymentLink], *, by: User) -> BulkSend:
    """A job for these links, not started; LinkError for none and for too many."""
    pks = list(chosen.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    if len(pks) > MOST:
        raise LinkError(
            _("More than %d links match. Narrow the list first.") % MOST, "links"
        )
    return _draft(((pk, {}) for pk in pks), len(pks), by)


def draft_again(bulk: BulkSend, *, by: User) -> BulkSend:
    """A job for those links of an ended one whose message failed; LinkError for none."""
    failed = bulk_results.failed(bulk).values_list("link_id", "settled_at")
    rows: list[tuple[int, dict[str, object]]] = [
        (pk, {"failed_at": at}) for pk, at in failed.order_by("link_id")
    ]
    return _draft(rows, len(rows), by, again=bulk, way=bulk.way)


def _draft(
    rows: Iterable[tuple[int, dict[str, object]]],
    size: int,
    by: User,
    again: BulkSend | None = None,
    way: str = Way.EITHER,
) -> BulkSend:
    if not size:
        raise LinkError(_("Choose at least one link."), "links")
    with transaction.atomic():
        bulk = BulkSend.objects.create(
            way=way, size=size, again=again, created_by=by, created_at=clock.now()
        )
        BulkItem.objects.bulk_create(
            (BulkItem(bulk=bulk, link_id=pk, **more) for pk, more in rows),
            batch_size=CHUNK,
        )
    return bulk


def outlook(bulk: BulkSend, way: str) -> Outlook:
    """Counted by the very rules that the work goes by; few queries for each 500."""
    now = clock.now()
    seen = Outlook(size=bulk.size)
    by_language: dict[str, list[int]] = {}
    business = Business.objects.current()
    after = 0
    while items := list(
        bulk.items.filter(pk__gt=after)
        .select_related("link__customer")
        .only(*_READ)
        .order_by("pk")[:CHUNK]
    ):
        after = items[-1].pk
        links = {item.link_id: item.link for item in items}
        failed_at = {i.link_id: i.failed_at for i in items if i.failed_at is not None}
        found = bulk_rules.verdicts(list(links.values()), way, now, failed_at)
        for pk, verdict in found.items():
            if verdict.reason:
                seen.left_out[verdict.reason] += 1
            elif verdict.channel == ChannelName.EMAIL:
                seen.emails += 1
            else:
                seen.sms += 1
                language = recipients.language(links[pk], business)
                by_language.setdefault(language, []).append(pk)
            seen.drafts += not verdict.reason and links[pk].number is None
    for language, pks in by_language.items():
        sample = PaymentLink.objects.select_related("customer").get(pk=pks[0])
        seen.sms_parts += _parts(sample, language) * len(pks)
    return seen


def _parts(link: PaymentLink, language: str) -> int:
    """How many parts the SMS of this link has; its like have about as many."""
    first = link.lines.first()
    values = message_values.values_of(
        link, first.description if first else "", language
    )
    url = "x" * SAMPLE_URL_LENGTH
    shown = outbox.preview("invitation", ChannelName.SMS, language, values, url)
    return sms_parts(shown.text).parts


def start(bulk: BulkSend, *, way: str, actor: Actor) -> None:
    """Begin; LinkConflict if it was started before."""
    if way not in Way.values:
        raise LinkError(_("Choose how to send them."), "way")
    with transaction.atomic():
        locked = _locked(bulk)
        if locked.state != BulkState.DRAFT:
            raise LinkConflict(_("It was started already."))
        locked.move_to(BulkState.RUNNING, way=way, started_at=clock.now())
        queue.nudge(WORK, locked.pk)
        audit.record(
            actor.id, "bulk.started", locked.public_id, links=locked.size, way=way
        )


def pause(bulk: BulkSend, *, actor: Actor) -> None:
    """Nothing more of it leaves until somebody resumes it; what was handed over has."""
    _move(bulk, BulkState.PAUSED, "bulk.paused", actor)


def resume(bulk: BulkSend, *, actor: Actor) -> None:
    """Go on where it was paused."""
    _move(bulk, BulkState.RUNNING, "bulk.resumed", actor)
    held = bulk.items.filter(message__state=MessageState.QUEUED)
    _due_now(list(held.values_list("message_id", flat=True)))


def stop(bulk: BulkSend, *, actor: Actor) -> None:
    """End it: what has not left never leaves; its links are as if not sent."""
    _move(bulk, BulkState.STOPPED, "bulk.stopped", actor)


def _move(bulk: BulkSend, new: BulkState, act: str, actor: Actor) -> None:
    with transaction.atomic():
        locked = _locked(bulk)
        if not locked.move_to(new):
            raise LinkConflict(
                _("It is %s already.") % str(locked.get_state_display()).lower()
            )
        queue.nudge(WORK, locked.pk)
        audit.record(actor.id, act, locked.public_id)


def _due_now(held: list[int]) -> None:
    """What the pause had put off is looked at again; in steps, for SQLite."""
    now = clock.now()
    for start_at in range(0, len(held), CHUNK):
        Message.objects.filter(
            pk__in=held[start_at : start_at + CHUNK],
            state=MessageState.QUEUED,
            due_at__gt=now,
        ).update(due_at=now)
    queue.nudge(outbox.SEND_DUE)


def _locked(bulk: BulkSend) -> BulkSend:
    return BulkSend.objects.select_for_update(of=("self",)).get(pk=bulk.pk)


def forget_drafts() -> int:
    """Delete jobs that nobody started within a day."""
    since = clock.now() - FORGOTTEN_AFTER
    old = BulkSend.objects.filter(state=BulkState.DRAFT, created_at__lt=since)
    _count, by_model = old.delete()
    return by_model.get("links.BulkSend", 0)
