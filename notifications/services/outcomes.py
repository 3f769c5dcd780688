"""What became of a hand-over, written down under the fence of its claim.

What was sent is written in groups; everything else at once, one by one.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from django.db import connection, transaction

from merchant_portal.lib import clock
from merchant_portal.lib.crash import crash_at

from ..channels import base
from ..models import Attempt, Message, MessageState
from . import copies, settling
from .claims import Claim

MAX_ERROR_LENGTH = 300  # width of the columns
GROUP = 50
GROUP_SECONDS = 0.05
# What a killed worker may repeat of a channel that repeats: what it handed over in that
# time. A group costs two statements and a commit, so one a message would cost the most.

logger = logging.getLogger(__name__)


class Sent:
    """Messages of one batch that their carrier has, written down a group at a time.

    Each at once where the channel must not repeat. A context manager: what is left is
    written at its end, whatever ended it.
    """

    def __init__(self, channel: base.Channel) -> None:
        self._size = GROUP if channel.repeats_unclear else 1
        self._waiting: list[tuple[Claim, str]] = []
        self._since = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write()

    def add(self, held: Claim, provider_message_id: str) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append((held, provider_message_id))
        if len(self._waiting) >= self._size:
            self._write()

    def write_old(self) -> None:
        """Before each hand-over, for it may take long."""
        if self._waiting and time.monotonic() - self._since > GROUP_SECONDS:
            self._write()

    def _write(self) -> None:
        group, self._waiting = self._waiting, []
        if group:
            _write_group(group, MessageState.SENT)


def write_captured(claims: Sequence[Claim]) -> None:
    """Kept here, not sent: nothing left the machine, so one write serves the batch."""
    if claims:
        _write_group([(held, "") for held in claims], MessageState.CAPTURED)


def write(
    held: Claim,
    state: MessageState,
    *,
    detail: str,
    due_at: datetime | None = None,
) -> bool:
    """Write the outcome if this claim still holds; else keep it on the attempt only.

    `due_at`: when to try again; None leaves it.
    """
    crash_at("message.before_finish")
    message = held.message
    with transaction.atomic():
        message.state = state
        message.last_error = detail[:MAX_ERROR_LENGTH]
        message.due_at = due_at or message.due_at
        won = Message.objects.held(message.pk, held.fence).update(
            state=message.state,
            lease_until=None,
            last_error=message.last_error,
            due_at=message.due_at,
        )
        Attempt.objects.filter(message=message, fence=held.fence).update(
            finished_at=clock.now(),
            outcome=state if won else _late(state),
            detail=message.last_error,
        )
        if won and state != MessageState.QUEUED:
            settling.announce(message)
    if not won:
        _tell_late([held])
    return won == 1


def _write_group(group: Sequence[tuple[Claim, str]], state: MessageState) -> None:
    """Two statements, three when a claim was lost."""
    crash_at("message.before_finish")
    with transaction.atomic():
        now = clock.now()
        won = _settle(group, state, now)
        kept = [pair for pair in group if pair[0].message.pk in won]
        lost = [pair for pair in group if pair[0].message.pk not in won]
        for pairs, outcome in ((kept, str(state)), (lost, _late(state))):
            if pairs:
                _close_attempts(pairs, outcome, now)
        for held, provider_message_id in kept:
            held.message.state = state
            held.message.provider_message_id = provider_message_id
            held.message.sent_at = now
            settling.announce(held.message)
        copies.follow(held.message for held, _name in kept)
    if lost:
        _tell_late([held for held, _name in lost])


_GIVEN = "WITH given (message_id, fence, name) AS (VALUES {rows})"
_HELD = (
    "notifications_message.fence = given.fence"
    f" AND notifications_message.state = '{MessageState.SENDING.value}'"
)
# `MessageQuerySet.held`, for a group.


def _settle(
    group: Sequence[tuple[Claim, str]], state: MessageState, now: datetime
) -> set[int]:
    """Pks of the messages that these claims still held, and that now have the state."""
    return {
        pk
        for (pk,) in _with_given(
            group,
            "UPDATE notifications_message SET state = %s, sent_at = %s,"  # noqa: S608  ours
            " lease_until = NULL, last_error = '', provider_message_id = given.name"
            " FROM given WHERE notifications_message.id = given.message_id"
            f" AND {_HELD} RETURNING notifications_message.id",
            [state, connection.ops.adapt_datetimefield_value(now)],
        )
    }


def _close_attempts(
    group: Sequence[tuple[Claim, str]], outcome: str, now: datetime
) -> None:
    _with_given(
        group,
        "UPDATE notifications_attempt SET finished_at = %s, outcome = %s,"
        " detail = given.name FROM given"
        " WHERE notifications_attempt.message_id = given.message_id"
        " AND notifications_attempt.fence = given.fence",
        [connection.ops.adapt_datetimefield_value(now), outcome],
    )


def _with_given(
    group: Sequence[tuple[Claim, str]], statement: str, params: list[Any]
) -> list[tuple[int]]:
    """One statement for the whole group: the ORM would write one a value of a column."""
    rows = ", ".join(["(%s, %s, %s)"] * len(group))
    values = [
        value for held, name in group for value in (held.message.pk, held.fence, name)
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"{_GIVEN.format(rows=rows)} {statement}", [*values, *params])
        return cursor.fetchall() if cursor.description else []


def _late(state: MessageState) -> str:
    return f"late {state}"[:16]


def _tell_late(claims: Sequence[Claim]) -> None:
    for held in claims:
        logger.warning(
            "outcome came after the claim was lost: %s", held.message.public_id
        )
