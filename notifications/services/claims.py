"""Who may send what right now: claims with a lease, numbered by a fence.

A claim is committed before anything leaves. Its number must still be on the row when
the outcome is written, so a worker that was frozen or declared dead changes nothing.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, Q

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.crash import crash_at

from .. import kinds
from ..channels.registry import get_channel
from ..models import (
    Allowance,
    Attempt,
    Category,
    ChannelPause,
    Message,
    MessageState,
)
from . import opt_outs, quotas, rates, settling

LEASE = timedelta(seconds=60)
# above the longest a hand-over takes: EMAIL_TIMEOUT for a few commands, SMS 10 s
FRESH_SECONDS = 5.0
# After the claim a payment or opt-out no longer stops a message; this bounds how long.
MAX_TRIES = 5
MAX_UNCLEAR_TRIES = 3
# A mail that was taken each time without a word reaches its reader three times at most.
REAP_SIZE = 500
HANDING_OVER = "handing_over"
# Attempt.outcome from just before a message may reach the carrier until it is known

MAY_LEAVE = Q(category=Category.SIGN_IN) | ~Exists(Business.objects.stopped())
# While sending is stopped only people who sign in get their mails.

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send `message` once, until `start_before` on time.monotonic."""

    message: Message
    fence: int
    start_before: float


def claim(size: int) -> list[Claim]:
    """Take up to `size` due messages, oldest first, and commit.

    What is no longer wanted is canceled or suppressed on the way. The number of
    queries does not depend on `size`. An empty list means that nothing is due.
    """
    while True:
        start_before = time.monotonic() + FRESH_SECONDS
        with transaction.atomic():
            now = clock.now()
            at = clock.database_now()
            paced, capped = rates.limited(), quotas.limits()
            held = rates.lock({*paced, *capped}, at)
            turns = {name: held[name] for name in paced}
            counted = {name: held[name] for name in capped}
            due = _due(size, now, at, turns)
            if any(message.is_automatic for message in due):
                # Whom others remind at this moment is known only after they commit.
                rates.lock({m.channel for m in due if m.is_automatic}, at)
            going = _put_off(_screen(due), now) if due else []
            if counted and going:
                going = _within_the_day(going, counted, now)
            if going:
                _take(going, at)
                quotas.count(going, counted, now)
                for name, row in turns.items():
                    rates.use(row, _count_automatic(going, name), at)
        if going:
            crash_at("message.after_claim")
            return [Claim(m, m.fence, start_before) for m in going]
        if not due:
            return []


def _due(
    size: int, now: datetime, at: datetime, turns: Mapping[str, Allowance]
) -> list[Message]:
    """Locked rows that are due, oldest first; where a rate is set, people's first."""
    rows = (
        Message.objects.due(now)
        .filter(MAY_LEAVE)
        .exclude(channel__in=ChannelPause.objects.in_force(at))
        .select_for_update(skip_locked=True)
    )
    if not turns:
        return list(rows[:size])
    due = list(rows.exclude(is_automatic=True, channel__in=list(turns))[:size])
    for name, row in turns.items():
        count = min(rates.free(row, at), size - len(due))
        if count:
            due += rows.filter(is_automatic=True, channel=name)[:count]
    return due


def _count_automatic(going: Sequence[Message], channel: str) -> int:
    return sum(m.is_automatic and m.channel == channel for m in going)


def renew(claims: Sequence[Claim]) -> list[Claim]:
    """Look again at claims that grew old unused: still ours, and still wanted?

    The only way to send after `start_before`. What another worker took over is left
    out; what is no longer wanted is canceled or suppressed.
    """
    start_before = time.monotonic() + FRESH_SECONDS
    fences = {held.message.pk: held.fence for held in claims}
    with transaction.atomic():
        at = clock.database_now()
        rows = Message.objects.filter(
            pk__in=list(fences), state=MessageState.SENDING
        ).select_for_update()
        ours = [row for row in rows.filter(MAY_LEAVE) if row.fence == fences[row.pk]]
        going = _screen(ours) if ours else []
        pks = {message.pk for message in going}
        Message.objects.filter(pk__in=pks).update(lease_until=at + LEASE)
    return [
        Claim(held.message, held.fence, start_before)
        for held in claims
        if held.message.pk in pks
    ]


def _screen(due: Sequence[Message]) -> list[Message]:
    """Those of locked rows that are still wanted; the others get their final state."""
    found = opt_outs.unwanted([(m.channel, m.recipient) for m in due])
    out: dict[MessageState, list[int]] = {}
    wanted: set[int] = set()
    for name, group in kinds.by_kind(due).items():
        try:
            wanted |= kinds.get(name).still_due(group)
        except kinds.UnknownKind:
            logger.exception("no such kind of message: kind=%s", name)
            out.setdefault(MessageState.FAILED, []).extend(m.pk for m in group)
    failed = set(out.get(MessageState.FAILED, []))
    for message in due:
        if opt_outs.forbids(
            found, message.channel, message.recipient, message.category
        ):
            out.setdefault(MessageState.SUPPRESSED, []).append(message.pk)
            wanted.discard(message.pk)
        elif message.pk not in wanted and message.pk not in failed:
            out.setdefault(MessageState.CANCELED, []).append(message.pk)
    for state, pks in out.items():
        Message.objects.filter(pk__in=pks).update(state=state, lease_until=None)
    return [message for message in due if message.pk in wanted]


def _put_off(wanted: Sequence[Message], now: datetime) -> list[Message]:
    """Those that may leave now; others, late through no fault of theirs, wait on."""
    later: dict[int, datetime] = {}
    rules: dict[kinds.NotBefore, list[Message]] = {}
    for message in wanted:
        # Kinds of one rule are counted together: a limit is of a person, not of a kind.
        rules.setdefault(kinds.get(message.kind).not_before, []).append(message)
    for not_before, group in rules.items():
        later.update(not_before(group, now))
    for pk, at in later.items():
        Message.objects.filter(pk=pk).update(due_at=at)
    return [message for message in wanted if message.pk not in later]


def _within_the_day(
    going: list[Message], counted: Mapping[str, Allowance], now: datetime
) -> list[Message]:
    """Those that the limits of the day let go; the others wait for tomorrow."""
    waiting = quotas.over(going, counted, now)
    Message.objects.filter(pk__in=waiting).update(due_at=quotas.tomorrow(now))
    return [message for message in going if message.pk not in waiting]


def _take(going: Sequence[Message], at: datetime) -> None:
    Message.objects.filter(pk__in=[m.pk for m in going]).update(
        state=MessageState.SENDING,
        fence=F("fence") + 1,
        tries=F("tries") + 1,
        lease_until=at + LEASE,
    )
    for message in going:
        message.state = MessageState.SENDING
        message.fence += 1
        message.tries += 1
    _record_attempts(going, at)


def _record_attempts(going: Sequence[Message], at: datetime) -> None:
    """One INSERT for the whole batch; bulk_create would split it on SQLite."""
    marks = ", ".join(["%s"] * len(going))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notifications_attempt"  # noqa: S608  only marks are put in
            " (message_id, fence, started_at, outcome, detail)"
            " SELECT id, fence, %s, '', '' FROM notifications_message"
            f" WHERE id IN ({marks})",
            [
                connection.ops.adapt_datetimefield_value(at),
                *(message.pk for message in going),
            ],
        )


def by_fence(claims: Iterable[Claim]) -> dict[int, list[int]]:
    """Pks of the messages grouped by the number of their claim."""
    groups: dict[int, list[int]] = {}
    for held in claims:
        groups.setdefault(held.fence, []).append(held.message.pk)
    return groups


def give_back(claims: Sequence[Claim]) -> None:
    """Queue again what was not handed over; it costs the message no try."""
    with transaction.atomic():
        for fence, pks in by_fence(claims).items():
            Message.objects.filter(
                pk__in=pks, fence=fence, state=MessageState.SENDING
            ).update(state=MessageState.QUEUED, lease_until=None, tries=F("tries") - 1)
            Attempt.objects.filter(message__in=pks, fence=fence).delete()
        quotas.give_back([held.message for held in claims])


def start_handing_over(held: Claim) -> bool:
    """Note that from now on the message may have been taken; False = claim lost.

    Only for channels that never repeat: it tells the reaper which lapsed claims are
    unknown and which never began.
    """
    with transaction.atomic():
        owned = Message.objects.held(held.message.pk, held.fence).update(
            lease_until=clock.database_now() + LEASE
        )
        if owned:
            Attempt.objects.filter(message=held.message, fence=held.fence).update(
                outcome=HANDING_OVER
            )
    return owned == 1


def reap() -> int:
    """Take back claims whose lease lapsed; returns how many.

    E-mail is queued again, to go with the same Message-ID. What may have been taken and
    must not go twice becomes unknown, for a delivery report or a person to settle.
    """
    with transaction.atomic():
        at = clock.database_now()
        lapsed = list(
            Message.objects.filter(
                state=MessageState.SENDING, lease_until__lt=at
            ).select_for_update(skip_locked=True)[:REAP_SIZE]
        )
        if not lapsed:
            return 0
        begun = set(
            Attempt.objects.filter(
                message__in=lapsed, outcome=HANDING_OVER
            ).values_list("message_id", "fence")
        )
        for message in lapsed:
            _take_back(message, (message.pk, message.fence) in begun, at)
    logger.warning("leases lapsed: count=%d", len(lapsed))
    return len(lapsed)


def _take_back(message: Message, has_begun: bool, at: datetime) -> None:
    repeats = get_channel(message.channel).repeats_unclear
    limit = MAX_UNCLEAR_TRIES if repeats else MAX_TRIES
    is_final = (has_begun and not repeats) or message.tries >= limit
    state = MessageState.UNKNOWN if is_final else MessageState.QUEUED
    Message.objects.held(message.pk, message.fence).update(
        state=state,
        lease_until=None,
        last_error="The sender stopped before it knew the outcome."
        if is_final
        else message.last_error,
    )
    Attempt.objects.filter(message=message, fence=message.fence).update(
        outcome="lapsed", finished_at=at
    )
    if is_final:
        message.state = state
        settling.announce(message)
