"""What does not arrive is tried on the next channel, and at last told to a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.channels.registry import get_channel
from notifications.models import ASKING_CATEGORIES, Message, MessageState
from notifications.services import opt_outs, outbox

from ..models import (
    TASK_RUNG,
    Activity,
    Climb,
    ClimbState,
    PaymentLink,
    StaffTask,
    TaskKind,
)
from . import notices, quiet, recipients, reminder_facts, reminder_rules, reminders

BATCH = 100
AGAIN = timedelta(minutes=30)
# A message that has not left yet is looked at again after it.
MISSED = frozenset(
    {
        MessageState.FAILED,
        MessageState.BOUNCED,
        MessageState.SUPPRESSED,
        MessageState.COMPLAINED,
    }
)
ARRIVED = frozenset(
    {MessageState.DELIVERED, MessageState.CAPTURED, MessageState.CANCELED}
)
# or is wanted no more


@dataclass(frozen=True, slots=True)
class Wanted:
    """`rest`: the rungs to try should the message not arrive within so many hours."""

    link_pk: int
    rest: Sequence[str]
    hours: int


def watch(messages: Sequence[Message], wanted: Mapping[str, Wanted]) -> None:
    """Note what follows each of these new messages; `wanted` by their dedupe keys."""
    Climb.objects.bulk_create(
        Climb(
            message=message,
            link_id=want.link_pk,
            rest=list(want.rest),
            check_at=_check_at(message, want.hours),
            hours=want.hours,
        )
        for message in messages
        if (want := wanted.get(message.dedupe_key)) is not None
    )


def watch_invitations(sent: Mapping[PaymentLink, Sequence[Message]]) -> None:
    """What none of a link's messages brings to its customer goes up its plan's ladder.

    One of several is enough to wait for: the last that was asked for.
    """
    plans = reminders.plans_of(list(sent))
    newest: list[Message] = []
    wanted: dict[str, Wanted] = {}
    for link, messages in sent.items():
        tried = {message.channel for message in messages}
        rest = [rung for rung in plans[link.pk].ladder if rung not in tried]
        if rest and messages:
            last = messages[-1]
            newest.append(last)
            hours = plans[link.pk].ladder_hours
            wanted[last.dedupe_key] = Wanted(link.pk, rest, hours)
    watch(newest, wanted)


def _check_at(message: Message, hours: int) -> datetime:
    if message.state in MISSED:
        return message.created_at
    return max(message.due_at, message.created_at) + timedelta(hours=hours)


def heard_of(message: Message, **_signal: object) -> None:
    """A message came to a bad end: what follows it is due at once. The time on its row
    finds it as well, later."""
    if message.state in MISSED:
        Climb.objects.filter(message=message, state=ClimbState.OPEN).update(
            check_at=clock.now()
        )


def climb_due() -> int:
    """Look at the messages whose time is up, one batch; returns how many.

    Links are locked first, in the order of their keys.
    """
    now = clock.now()
    with transaction.atomic():
        due = Climb.objects.filter(state=ClimbState.OPEN, check_at__lte=now)
        link_pks = set(
            due.order_by("check_at").values_list("link_id", flat=True)[:BATCH]
        )
        if not link_pks:
            return 0
        links = {
            link.pk: link
            for link in PaymentLink.objects.select_for_update(
                of=("self",), skip_locked=True
            )
            .filter(pk__in=link_pks)
            .select_related("customer")
            .order_by("pk")
        }
        climbs = list(
            due.filter(link__in=links).select_related("message").order_by("message_id")
        )
        facts = reminder_facts.of(list(links.values()), now)
        business = Business.objects.current()
        for climb in climbs:
            _look(climb, facts[climb.link_id], business, now)
    return len(climbs)


def _look(
    climb: Climb, facts: reminder_rules.Facts, business: Business, now: datetime
) -> None:
    message = climb.message
    if message.state in (MessageState.QUEUED, MessageState.SENDING):
        climb.check_at = max(message.due_at, now) + AGAIN
        climb.save(update_fields=["check_at"])
        return
    is_silent = message.state in (MessageState.SENT, MessageState.UNKNOWN)
    if is_silent and message.sent_at is not None:
        up_at = message.sent_at + timedelta(hours=climb.hours)
        if up_at > now:
            climb.check_at = up_at
            climb.save(update_fields=["check_at"])
            return
    Climb.objects.filter(pk=climb.pk).update(state=ClimbState.DONE)
    if message.state in ARRIVED or reminder_rules.ends(facts, now):
        return
    if is_silent and not get_channel(message.channel).reports_arrival():
        return
    if message.category in ASKING_CATEGORIES and not facts.is_processing:
        _next_rung(climb, facts, business, now)


def _next_rung(
    climb: Climb, facts: reminder_rules.Facts, business: Business, now: datetime
) -> None:
    message, link = climb.message, facts.link
    unwanted = opt_outs.unwanted(facts.known.items())
    for index, rung in enumerate(climb.rest):
        if rung == TASK_RUNG:
            _tell_staff(climb, link, now)
            return
        address = facts.known.get(rung)
        if address is None or opt_outs.forbids(
            unwanted, rung, address, message.category
        ):
            continue
        key = f"climb:{message.public_id}:{rung}"
        at = quiet.allowed_at(now, reminder_facts.place_of(facts, business))
        stored = outbox.enqueue_many(
            [
                outbox.NewMessage(
                    kind=message.kind,
                    channel=rung,
                    recipient=address,
                    language=recipients.language(link, business),
                    reference=link.public_id,
                    subject_id=message.subject_id,
                    dedupe_key=key,
                    due_at=at,
                    is_automatic=True,
                )
            ]
        )
        watch(stored, {key: Wanted(link.pk, climb.rest[index + 1 :], climb.hours)})
        Activity.objects.create(
            link=link,
            kind="reminder.climbed",
            at=now,
            actor=SYSTEM.id,
            detail={"missed": message.channel, "channel": rung},
        )
        return


def _tell_staff(climb: Climb, link: PaymentLink, now: datetime) -> None:
    task, is_new = StaffTask.objects.get_or_create(
        link=link,
        origin=f"climb:{climb.message.public_id}",
        defaults={
            "kind": TaskKind.UNREACHED,
            "text": _("No message reached the customer. Call, or ask for an address."),
            "assigned_to_id": link.created_by_id,
            "due_at": now,
            "created_at": now,
        },
    )
    if is_new:
        notices.tell([notices.of_task(task)])
    Activity.objects.create(
        link=link,
        kind="task.made",
        at=now,
        actor=SYSTEM.id,
        detail={"missed": climb.message.channel},
    )
