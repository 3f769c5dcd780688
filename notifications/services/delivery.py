"""Hand claimed messages to their carriers and write down what came of it."""

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from merchant_portal.business import services as business_services
from merchant_portal.lib import clock
from merchant_portal.lib.crash import crash_at

from ..channels import base
from ..channels.registry import get_channel
from ..models import (
    Category,
    ChannelPause,
    Message,
    MessageContent,
    MessageState,
    OptOut,
)
from . import contents, opt_outs, outcomes, rendering, whatsapp
from .claims import (
    MAX_TRIES,
    MAX_UNCLEAR_TRIES,
    Claim,
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
            outcomes.write(held, MessageState.FAILED, detail=broken[held.message.pk])
    going = [held for held in group if held.message.pk in ready]
    kind_of_channel = get_channel(name)
    if kind_of_channel.is_captured():
        outcomes.write_captured(going)
        return True
    with kind_of_channel() as channel, outcomes.Sent(channel) as sent:
        return _send_all(channel, going, ready, sent)


def _send_all(
    channel: base.Channel,
    going: Sequence[Claim],
    ready: dict[int, MessageContent],
    sent: outcomes.Sent,
) -> bool:
    """One after the other; False when the rest was given back."""
    give_up_at = time.monotonic() + BATCH_SECONDS
    outgoings = _Outgoings(going, ready)
    rest = list(going)
    while rest:
        held = rest[0]
        if time.monotonic() > held.start_before:
            if time.monotonic() > give_up_at:
                give_back(rest)
                return False
            rest = renew(rest)
            continue
        sent.write_old()
        try:
            outgoing = outgoings.of(held)
            handed = _hand_over(channel, held, outgoing, outgoings.following(rest))
        except PlaceholderError as exc:
            outcomes.write(held, MessageState.FAILED, detail=str(exc))
        except base.TooLate:
            continue
        except base.ChannelDown as exc:
            _pause(held.message.channel, exc)
            give_back(rest)
            return False
        else:
            if handed is not None:
                crash_at("message.after_send")
                sent.add(held, handed.provider_message_id)
        rest = rest[1:]
    return True


class _Outgoings:
    """What the channel is given of each claim, one of them made ahead of its turn."""

    def __init__(
        self, going: Sequence[Claim], ready: dict[int, MessageContent]
    ) -> None:
        messages = [held.message for held in going]
        self._ready = ready
        self._urls = contents.addresses(messages)
        self._files = contents.files(messages)
        self._made: dict[int, Sequence[base.Attachment]] = {}
        business = business_services.kept()
        self._reply_to = business.reply_to or business.email
        self._tracks_opens = business.tracks_opens
        self._ahead: tuple[Claim, base.Outgoing] | None = None

    def of(self, held: Claim) -> base.Outgoing:
        """Raises PlaceholderError without an address."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] is held:
            return ahead[1]
        pk = held.message.pk
        if (make := self._files.get(pk)) and pk not in self._made:
            # Kept: a claim that grew old over it is renewed, and asks once more.
            self._made[pk] = contents.made_of(make, held.message)
        files = self._made.get(pk, ())
        made = outgoing_of(held, self._ready[pk], self._urls[pk], self._reply_to, files)
        is_sign_in = held.message.category == Category.SIGN_IN
        return replace(made, tracks_opens=self._tracks_opens and not is_sign_in)

    def following(self, rest: Sequence[Claim]) -> base.Following | None:
        """What comes after the first, unless that claim must be looked at again first."""
        if len(rest) < 2 or time.monotonic() > rest[1].start_before:
            return None
        held = rest[1]
        sender = self._ready[held.message.pk].sender
        return base.Following(
            sender, held.message.recipient, partial(self._make_ahead, held)
        )

    def _make_ahead(self, held: Claim) -> base.Outgoing | None:
        """None for what takes long, or cannot be made: it says so at its turn."""
        if held.message.pk in self._files:
            return None
        try:
            outgoing = self.of(held)
        except PlaceholderError:
            return None
        self._ahead = held, outgoing
        return outgoing


def _hand_over(
    channel: base.Channel,
    held: Claim,
    outgoing: base.Outgoing,
    following: base.Following | None,
) -> base.HandedOver | None:
    """None when it was not taken, which is written down; raises TooLate, ChannelDown."""
    if not channel.repeats_unclear and not start_handing_over(held):
        logger.warning("claim lost before sending: %s", held.message.public_id)
        return None
    try:
        return channel.send(outgoing, following)
    except (base.TooLate, base.ChannelDown):
        raise
    except base.ChannelError as exc:
        _failed(channel, held, exc)
        return None


def outgoing_of(
    held: Claim,
    content: MessageContent,
    urls: dict[str, str],
    reply_to: str,
    files: Sequence[base.Attachment] = (),
) -> base.Outgoing:
    """What the channel is given; raises PlaceholderError without an address."""
    message = held.message
    filled = rendering.fill_links(contents.as_rendered(content), urls)
    is_reminder = message.category == Category.REMINDER
    template_id, template_values = whatsapp.filled(content.template, urls)
    return base.Outgoing(
        public_id=message.public_id,
        recipient=message.recipient,
        sender=content.sender,
        subject=filled.subject,
        text=filled.text,
        html=filled.html,
        reply_to=reply_to if message.category != Category.SIGN_IN else "",
        unsubscribe_url=urls.get("unsubscribe_url", "") if is_reminder else "",
        attachments=tuple(files),
        template_id=template_id,
        template_values=template_values,
        start_before=held.start_before,
    )


def _failed(channel: base.Channel, held: Claim, exc: base.ChannelError) -> None:
    message = held.message
    logger.warning("message not handed over: %s %s", message.public_id, exc)
    if isinstance(exc, base.Refused):
        state = MessageState.FAILED
        if exc.is_unreachable:
            _suppress(message, str(exc))
        outcomes.write(held, state, detail=str(exc))
        return
    is_unclear = isinstance(exc, base.Unclear)
    if is_unclear and not channel.repeats_unclear:
        outcomes.write(held, MessageState.UNKNOWN, detail=str(exc))
    elif message.tries >= (MAX_UNCLEAR_TRIES if is_unclear else MAX_TRIES):
        state = MessageState.UNKNOWN if is_unclear else MessageState.FAILED
        outcomes.write(
            held, state, detail=f"{exc}; gave up after {message.tries} tries"
        )
    else:
        asked = exc.retry_after_seconds if isinstance(exc, base.Unavailable) else 0
        again_at = clock.now() + _backoff(message.tries, asked)
        outcomes.write(held, MessageState.QUEUED, detail=str(exc), due_at=again_at)


def _backoff(tries: int, asked_seconds: int) -> timedelta:
    """How long to wait after that many tries; at least what the carrier asked for."""
    seconds = max(BACKOFF_SECONDS * BACKOFF_FACTOR ** (tries - 1), asked_seconds)
    return timedelta(seconds=seconds * (1 + random.uniform(0, JITTER)))  # noqa: S311


def _suppress(message: Message, detail: str) -> None:
    opt_outs.store(
        message.channel,
        message.recipient,
        OptOut.Scope.ALL,
        source=f"refused by {get_channel(message.channel).carrier}",
        detail=detail,
        message=message,
    )


def _pause(channel: str, exc: base.ChannelDown) -> None:
    """Let the channel rest; its messages wait and lose no try."""
    pause = PAUSE_MISCONFIGURED if exc.is_misconfigured else PAUSE_UNREACHABLE
    ChannelPause.objects.update_or_create(
        channel=channel,
        defaults={
            "until": clock.database_now() + pause,
            "reason": str(exc)[: outcomes.MAX_ERROR_LENGTH],
        },
    )
    level = logging.ERROR if exc.is_misconfigured else logging.WARNING
    logger.log(level, "channel paused: channel=%s reason=%s", channel, exc)
