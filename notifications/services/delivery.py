"""Hand claimed messages to their carriers and write down what came of it."""

import logging
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.crash import crash_at

from .. import kinds
from ..channels import base
from ..channels.registry import get_channel
from ..models import (
    Attempt,
    Category,
    ChannelPause,
    Message,
    MessageContent,
    MessageState,
    OptOut,
)
from . import contents, opt_outs, rendering, settling
from .claims import (
    MAX_TRIES,
    MAX_UNCLEAR_TRIES,
    Claim,
    by_fence,
    claim,
    give_back,
    reap,
    renew,
    start_handing_over,
)
from .placeholders import PlaceholderError

__all__ = ["Claim", "claim", "deliver", "reap"]

BACKOFF_SECONDS = 60
BACKOFF_FACTOR = 4
# 1, 4, 16, 64 minutes: greylisting lets a second try through after 5 to 30
JITTER = 0.2
PAUSE_MISCONFIGURED = timedelta(minutes=5)
PAUSE_UNREACHABLE = timedelta(seconds=30)
BATCH_SECONDS = 15
# With one slow answer after it still below the task's time limit.
MAX_ERROR_LENGTH = 300  # width of the columns

logger = logging.getLogger(__name__)


def deliver(claims: Sequence[Claim]) -> bool:
    """Send what was claimed, outside any transaction, a connection a channel.

    Returns False when some of it was given back because time ran out or a channel is
    down: it is due still.
    """
    groups: dict[str, list[Claim]] = {}
    for held in claims:
        groups.setdefault(held.message.channel, []).append(held)
    is_done = True
    for name, group in groups.items():
        is_done = _deliver_on(name, group) and is_done
    return is_done


def _deliver_on(name: str, group: Sequence[Claim]) -> bool:
    messages = [held.message for held in group]
    ready, broken = contents.prepare(messages)
    for held in group:
        if held.message.pk in broken:
            _finish(held, MessageState.FAILED, detail=broken[held.message.pk])
    going = [held for held in group if held.message.pk in ready]
    kind_of_channel = get_channel(name)
    if kind_of_channel.is_captured():
        _finish_captured(going)
        return True
    with kind_of_channel() as channel:
        return _send_all(channel, going, ready)


def _send_all(
    channel: base.Channel, going: Sequence[Claim], ready: dict[int, MessageContent]
) -> bool:
    """One after the other; False when the rest was given back."""
    give_up_at = time.monotonic() + BATCH_SECONDS
    urls = contents.addresses([held.message for held in going])
    reply_to = Business.objects.current().email if going else ""
    rest = list(going)
    while rest:
        held = rest[0]
        if time.monotonic() > held.start_before:
            if time.monotonic() > give_up_at:
                give_back(rest)
                return False
            rest = renew(rest)
            continue
        pk = held.message.pk
        try:
            _send(channel, held, ready[pk], urls[pk], reply_to)
        except base.TooLate:
            continue
        except base.ChannelDown as exc:
            _pause(held.message.channel, exc)
            give_back(rest)
            return False
        rest = rest[1:]
    return True


def _send(
    channel: base.Channel,
    held: Claim,
    content: MessageContent,
    urls: dict[str, str],
    reply_to: str,
) -> None:
    """One message to its end, or to its next try; raises TooLate and ChannelDown."""
    try:
        outgoing = _outgoing(held, content, urls, reply_to)
    except PlaceholderError as exc:
        _finish(held, MessageState.FAILED, detail=str(exc))
        return
    if not channel.repeats_unclear and not start_handing_over(held):
        logger.warning("claim lost before sending: %s", held.message.public_id)
        return
    try:
        handed = channel.send(outgoing)
    except (base.TooLate, base.ChannelDown):
        raise
    except base.ChannelError as exc:
        _failed(channel, held, exc)
        return
    crash_at("message.after_send")
    _finish(held, MessageState.SENT, provider_message_id=handed.provider_message_id)


def _outgoing(
    held: Claim, content: MessageContent, urls: dict[str, str], reply_to: str
) -> base.Outgoing:
    message = held.message
    filled = rendering.fill_links(contents.as_rendered(content), urls)
    attachments = kinds.get(message.kind).attachments
    is_reminder = message.category == Category.REMINDER
    return base.Outgoing(
        public_id=message.public_id,
        recipient=message.recipient,
        sender=content.sender,
        subject=filled.subject,
        text=filled.text,
        html=filled.html,
        reply_to=reply_to if message.category != Category.SIGN_IN else "",
        unsubscribe_url=urls.get("unsubscribe_url", "") if is_reminder else "",
        attachments=tuple(attachments(message)) if attachments else (),
        start_before=held.start_before,
    )


def _failed(channel: base.Channel, held: Claim, exc: base.ChannelError) -> None:
    message = held.message
    logger.warning("message not handed over: %s %s", message.public_id, exc)
    if isinstance(exc, base.Refused):
        state = MessageState.FAILED
        if exc.is_unreachable:
            _suppress(message)
        _finish(held, state, detail=str(exc))
        return
    is_unclear = isinstance(exc, base.Unclear)
    if is_unclear and not channel.repeats_unclear:
        _finish(held, MessageState.UNKNOWN, detail=str(exc))
    elif message.tries >= (MAX_UNCLEAR_TRIES if is_unclear else MAX_TRIES):
        state = MessageState.UNKNOWN if is_unclear else MessageState.FAILED
        _finish(held, state, detail=f"{exc}; gave up after {message.tries} tries")
    else:
        asked = exc.retry_after_seconds if isinstance(exc, base.Unavailable) else 0
        again_at = clock.now() + _backoff(message.tries, asked)
        _finish(held, MessageState.QUEUED, detail=str(exc), due_at=again_at)


def _backoff(tries: int, asked_seconds: int) -> timedelta:
    """How long to wait after that many tries; at least what the carrier asked for."""
    seconds = max(BACKOFF_SECONDS * BACKOFF_FACTOR ** (tries - 1), asked_seconds)
    return timedelta(seconds=seconds * (1 + random.uniform(0, JITTER)))  # noqa: S311


def _suppress(message: Message) -> None:
    opt_outs.store(
        message.channel,
        message.recipient,
        OptOut.Scope.ALL,
        source=f"refused by {get_channel(message.channel).carrier}",
    )


def _pause(channel: str, exc: base.ChannelDown) -> None:
    """Let the channel rest; its messages wait and lose no try."""
    pause = PAUSE_MISCONFIGURED if exc.is_misconfigured else PAUSE_UNREACHABLE
    ChannelPause.objects.update_or_create(
        channel=channel,
        defaults={
            "until": clock.database_now() + pause,
            "reason": str(exc)[:MAX_ERROR_LENGTH],
        },
    )
    level = logging.ERROR if exc.is_misconfigured else logging.WARNING
    logger.log(level, "channel paused: channel=%s reason=%s", channel, exc)


def _finish(
    held: Claim,
    state: MessageState,
    *,
    detail: str = "",
    provider_message_id: str = "",
    due_at: datetime | None = None,
) -> bool:
    """Write the outcome if this claim still holds; else keep it on the attempt only."""
    crash_at("message.before_finish")
    message = held.message
    with transaction.atomic():
        now = clock.now()
        message.state = state
        message.last_error = detail[:MAX_ERROR_LENGTH]
        message.provider_message_id = provider_message_id
        message.sent_at = now if state == MessageState.SENT else None
        message.due_at = due_at or message.due_at
        won = Message.objects.held(message.pk, held.fence).update(
            state=message.state,
            lease_until=None,
            last_error=message.last_error,
            provider_message_id=message.provider_message_id,
            sent_at=message.sent_at,
            due_at=message.due_at,
        )
        Attempt.objects.filter(message=message, fence=held.fence).update(
            finished_at=now,
            outcome=state if won else f"late {state}"[:16],
            detail=(provider_message_id or detail)[:MAX_ERROR_LENGTH],
        )
        if won and state != MessageState.QUEUED:
            settling.announce(message)
    if not won:
        logger.warning("outcome came after the claim was lost: %s", message.public_id)
    return won == 1


def _finish_captured(claims: Sequence[Claim]) -> None:
    """Kept here, not sent: nothing left the machine, so one write serves the batch."""
    crash_at("message.before_finish")
    with transaction.atomic():
        now = clock.now()
        for fence, pks in by_fence(claims).items():
            Message.objects.filter(
                pk__in=pks, fence=fence, state=MessageState.SENDING
            ).update(state=MessageState.CAPTURED, lease_until=None, sent_at=now)
            Attempt.objects.filter(message__in=pks, fence=fence).update(
                finished_at=now, outcome=MessageState.CAPTURED
            )
        for held in claims:
            held.message.state = MessageState.CAPTURED
            held.message.sent_at = now
            settling.announce(held.message)
