"""Whether a step is sent when it comes due, and how: the one place that decides.

Pure: facts in, decision out. The pass that sends and the rehearsal ask the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from ..models import (
    KIND_OF_TONE,
    TASK_RUNG,
    AmountKind,
    Anchor,
    LinkStatus,
    PaymentLink,
    ReminderPlan,
    ReminderStep,
    StepAct,
    Tone,
)

AFTER_MANUAL_SEND = timedelta(hours=24)
BETWEEN_REMINDERS = timedelta(hours=12)
TOGETHER = timedelta(hours=24)
# how long a reminder for all that a customer owes is enough for each of it
UNTIL_SURELY_GONE = timedelta(minutes=30)

PROMISED = "promised to pay later"
UNANSWERED = "the customer waits for an answer"
PAUSED = "reminders are paused"
RESTED = "rested, and goes on"
MORNING = "asks a fee, and waits for its hour"
TOGETHER_SOON = "a reminder for all waits to leave"
RESTING = frozenset({UNANSWERED, PAUSED, RESTED, TOGETHER_SOON, MORNING})
EXPIRED = f"link {LinkStatus.EXPIRED}"
# why a step was left out that an extended link may still want
LATER_STEP = "a later step came due"
NO_ADDRESS = "no address"
UNWANTED = "not wanted by the customer"
BETWEEN = "reminded within 12 hours"
TOGETHER_DONE = "named in a reminder for all"


@dataclass(slots=True)
class Facts:
    """What is known of a link at the moment a step comes due.

    `known`: channel → address; `unwanted`: the channels of those on which no message
    of the kind in question is wanted. `reminded_at`: when the last reminder left, or will. `rest_until`: until
    when its reminders rest, and why. `siblings`: what else its customer was asked for;
    `together_at`: when a reminder about one of those, which named all, left or will.
    """

    link: PaymentLink
    known: Mapping[str, str]
    unwanted: frozenset[str] = frozenset()
    is_processing: bool = False
    reminded_at: datetime | None = None
    is_reminder_waiting: bool = False
    rest_until: datetime | None = None
    rest_reason: str = ""
    siblings: list["Facts"] = field(default_factory=list)
    together_at: datetime | None = None

    def is_just_reminded(self, now: datetime) -> bool:
        """Whether one left within 12 hours, or waits to leave."""
        last = self.reminded_at
        return self.is_reminder_waiting or (
            last is not None and last > now - BETWEEN_REMINDERS
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason`: why nothing is sent. `until`: it rests till then. Else `channels` to send
    on, and in `rest` what to try should that not arrive. `is_together`: the message is
    for all that the customer owes."""

    reason: str = ""
    until: datetime | None = None
    channels: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    is_together: bool = False


def wants_reminders(link: PaymentLink) -> bool:
    return (
        link.has_reminders
        and link.status == LinkStatus.ACTIVE
        and (link.last_sent_at is not None or _is_asked_to_remind(link))
    )


def _is_asked_to_remind(link: PaymentLink) -> bool:
    """Whether staff, who shared it by hand, said on which channels to remind."""
    return link.shared_at is not None and bool(link.last_channels)


def decide(
    facts: Facts, step: ReminderStep | None, plan: ReminderPlan, now: datetime
) -> Decision:
    """What happens with the newest of the steps that are due at `now`.

    `step`: None for the day that the customer named.
    """
    if reason := _reason_to_leave_out(facts, now):
        return Decision(reason=reason)
    channels, rest = _ways(facts, ladder_of(step, plan))
    if not channels:
        return Decision(reason=UNWANTED if facts.unwanted else NO_ADDRESS)
    if facts.rest_until is not None and facts.rest_until > now:
        return Decision(reason=facts.rest_reason, until=facts.rest_until)
    named_at = facts.together_at if plan.is_together else None
    if named_at is not None and is_owed(facts, named_at):
        if named_at >= now:  # should it never leave, this one is not lost with it
            until = named_at + UNTIL_SURELY_GONE
            return Decision(reason=TOGETHER_SOON, until=until)
        if now - named_at < TOGETHER:
            return Decision(reason=TOGETHER_DONE)
    # What the page for all does not tick, or cannot take, is asked for alone.
    is_together = (
        plan.is_together
        and is_owed(facts, now)
        and any(is_owed(each, now) for each in facts.siblings)
    )
    return Decision(channels=channels, rest=rest, is_together=is_together)


def is_owed(facts: Facts, at: datetime) -> bool:
    """Whether a reminder for all that a customer owes would name this link at `at`: not
    before it is due, nor within a day of being sent, nor while it rests."""
    link = facts.link
    if facts.is_processing or not can_be_joined(link):
        return False
    if link.fee_of_id is not None:  # asked with what is late, from its first day on
        return link.status == LinkStatus.ACTIVE
    if ends(facts, at):
        return False
    asked = [each for each in (link.last_sent_at, link.shared_at) if each]
    waits = [facts.rest_until, link.promise_due_at]
    return (
        at - max(asked) >= AFTER_MANUAL_SEND
        and (link.due_on is None or link.due_on <= at.date())
        and all(until is None or until <= at for until in waits)
    )


PAYER_CHOOSES = (AmountKind.CHOSEN, AmountKind.QUANTITY)
CAN_BE_JOINED = Q(is_reusable=False) & ~Q(amount_kind__in=PAYER_CHOOSES)


def can_be_joined(link: PaymentLink) -> bool:
    """Whether it can be paid together with others: once, and nothing of it is the
    payer's to choose before any money has come. `CAN_BE_JOINED` asks the same of rows."""
    return not link.is_reusable and link.amount_kind not in PAYER_CHOOSES


def ends(facts: Facts, now: datetime) -> str:
    """Why neither a message nor a task is wanted any more; empty where they are."""
    if not wants_reminders(facts.link):
        return f"link {facts.link.status}"
    return EXPIRED if facts.link.is_past_expiry(now) else ""


def _reason_to_leave_out(facts: Facts, now: datetime) -> str:
    if reason := ends(facts, now):
        return reason
    if facts.is_processing:
        return "a payment is on its way"
    promised_at = facts.link.promise_due_at
    if promised_at is not None and promised_at > now:
        return PROMISED
    asked = [at for at in (facts.link.last_sent_at, facts.link.shared_at) if at]
    if now - max(asked) < AFTER_MANUAL_SEND:
        return "sent by hand within 24 hours"
    return BETWEEN if facts.is_just_reminded(now) else ""


def ladder_of(step: ReminderStep | None, plan: ReminderPlan) -> Sequence[str]:
    own: Sequence[str] = step.ladder if step is not None else ()
    shared: Sequence[str] = plan.ladder
    return own or shared


def _ways(
    facts: Facts, ladder: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The channels to send on now, and those to try should it not arrive."""
    usable = [name for name in facts.known if name not in facts.unwanted]
    if not ladder:
        last = facts.link.last_channels
        return tuple(name for name in last if name in usable), ()
    rungs = [rung for rung in ladder if rung in usable or rung == TASK_RUNG]
    if not rungs or rungs[0] == TASK_RUNG:
        return (), ()
    return (rungs[0],), tuple(rungs[1:])


def kind_of(step: ReminderStep | None) -> str:
    """The kind of message that says it in the step's tone."""
    return KIND_OF_TONE[Tone(step.tone) if step is not None else Tone.FRIENDLY]


def firmness(step: ReminderStep | None) -> int:
    """By which of several links of a customer is reminded of first; the firmest is."""
    tone = Tone(step.tone) if step is not None else Tone.FRIENDLY
    return list(Tone).index(tone)


def is_task(step: ReminderStep | None) -> bool:
    return step is not None and step.act == StepAct.TASK


def moment(
    link: PaymentLink,
    step: ReminderStep,
    zone: ZoneInfo,
    replied_at: datetime | None = None,
) -> datetime | None:
    """When the step comes due for this link, UTC; None if its anchor is not known.

    In the gap of a clock change the local time moves forward, in the overlap the
    first one counts.
    """
    if step.anchor == Anchor.DUE:
        day = link.due_on
    else:
        at = {
            Anchor.SENT: link.last_sent_at or link.shared_at,
            Anchor.EXPIRY: link.expires_at,
            Anchor.REPLY: replied_at,
        }[Anchor(step.anchor)]
        day = at.astimezone(zone).date() if at else None
    if day is None:
        return None
    local = datetime.combine(
        day + timedelta(days=step.offset_days), step.local_time, tzinfo=zone
    )
    return local.astimezone(UTC)
