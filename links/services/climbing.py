"""What does not arrive is tried on the next channel, and at last told to a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
    PayerReply,
    PaymentLink,
    StaffTask,
    TaskKind,
)
from . import notices, quiet, recipients, reminder_facts, reminder_rules, reminders
from .reminder_facts import WAITING

BATCH = 100
NEVER = datetime.min.replace(tzinfo=UTC)
SILENT = frozenset({MessageState.SENT, MessageState.UNKNOWN})
AGAIN = timedelta(minutes=30)
# A message that has not left yet is looked at again after it.
MISSED = frozenset(
    {
        MessageState.FAILED,
        MessageState.BOUNCED,
        MessageState.SUPPRESSED,
    }
)
SEEN = frozenset(
    {MessageState.DELIVERED, MessageState.CAPTURED, MessageState.COMPLAINED}
)
# Who complains has read it, and is not asked by another way.
OVER = SEEN | {MessageState.CANCELED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`rest`: the rungs to try should the message not arrive within so many hours."""

    link_pk: int
    rest: Sequence[str]
    hours: int


def watch(messages: Sequence[Message], wanted: Mapping[str, Wanted]) -> None:
    """Note what follows each of these new messages; `wanted` by their dedupe keys.

    Nothing follows what went to their links before: it was asked again.
    """
    if not messages:
        return
    asked_again = {message.reference for message in messages}
    Climb.objects.filter(link__public_id__in=asked_again, state=ClimbState.OPEN).update(
        state=ClimbState.DONE
    )
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
    wanted: dict[str, Wanted] = {}
    for link, messages in sent.items():
        tried = {message.channel for message in messages}
        rest = [rung for rung in plans[link.pk].ladder if rung not in tried]
        if rest and messages:
            hours = plans[link.pk].ladder_hours
            wanted[messages[-1].dedupe_key] = Wanted(link.pk, rest, hours)
    watch([one for messages in sent.values() for one in messages], wanted)


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
        links = PaymentLink.objects.at_hand(link_pks)
        climbs = list(
            due.filter(link__in=links).select_related("message").order_by("message_id")
        )
        facts = reminder_facts.of(list(links.values()), now)
        reached = _reached(list(links.values()))
        business = Business.objects.current()
        for climb in climbs:
            is_reached = climb.message.created_at <= reached.get(climb.link_id, NEVER)
            _look(climb, facts[climb.link_id], business, now, is_reached=is_reached)
    return len(climbs)


def _reached(links: Sequence[PaymentLink]) -> dict[int, datetime]:
    """link pk → what was asked until then has come to its customer: they wrote back
    since, or a message asked for then arrived; two queries."""
    by_id = {link.public_id: link.pk for link in links}
    replies = PayerReply.objects.filter(link__in=links).values_list("link", "at")
    arrived = Message.objects.filter(
        reference__in=by_id, category__in=ASKING_CATEGORIES, state__in=SEEN
    ).values_list("reference", "created_at")
    found: dict[int, datetime] = {}
    for pk, at in [*replies, *((by_id[one], at) for one, at in arrived)]:
        found[pk] = max(found.get(pk, at), at)
    return found


def _look(
    climb: Climb,
    facts: reminder_rules.Facts,
    business: Business,
    now: datetime,
    *,
    is_reached: bool,
) -> None:
    message = climb.message
    is_over = message.state in OVER or is_reached or reminder_rules.ends(facts, now)
    if not is_over and (later := _later(climb, facts, now)) is not None:
        climb.check_at = later
        climb.save(update_fields=["check_at"])
        return
    Climb.objects.filter(pk=climb.pk).update(state=ClimbState.DONE)
    is_silent = message.state in SILENT
    if is_over or (is_silent and not get_channel(message.channel).reports_arrival()):
        return
    if message.category in ASKING_CATEGORIES:
        _next_rung(climb, facts, business, now)


def _later(climb: Climb, facts: reminder_rules.Facts, now: datetime) -> datetime | None:
    """When to look again at what has not come to its end; None if it has.

    It may wait to leave, or for its hours to go by, or the link rests, or a payment is on
    its way, which may fail, or somebody has just shared it by hand.
    """
    message, link = climb.message, facts.link
    if message.state in WAITING:
        return max(message.due_at, now) + AGAIN
    if facts.is_processing:
        return now + AGAIN
    waits = [at for at in (facts.rest_until, link.promise_due_at) if at is not None]
    if message.state in SILENT and message.sent_at is not None:
        waits.append(message.sent_at + timedelta(hours=climb.hours))
    if link.shared_at is not None and link.shared_at > message.created_at:
        waits.append(link.shared_at + reminder_rules.AFTER_MANUAL_SEND)
    latest = max(waits, default=now)
    return latest if latest > now else None


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
