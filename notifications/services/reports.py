"""What carriers and people say back, written down once."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from merchant_portal.lib import clock

from ..models import ChannelName, DeliveryEvent, Message, MessageState, OptOut
from . import copies, opt_outs, settling


@dataclass(frozen=True, slots=True)
class Report:
    """`event_id`: the carrier's own, or made so that a repeat has the same.

    `state`: what the report proves about the message; None = nothing new to us.
    `effect`: what it means for the address, and who says so. `is_unreachable`: nothing
    more should go there on that channel, if it is news. `is_final`: it also ends what was
    reported as delivered, as when a mail is sent back later.
    """

    carrier: str
    event_id: str
    kind: str
    provider_message_id: str
    state: MessageState | None
    detail: str = ""
    is_unreachable: bool = False
    effect: tuple[OptOut.Scope, str] | None = None
    is_final: bool = False


UNWELCOME = frozenset({MessageState.BOUNCED, MessageState.COMPLAINED})
ARRIVED = frozenset({MessageState.SENT, MessageState.DELIVERED})
SOFT_BOUNCE = "soft bounce"
# It did not arrive, which may be different the next time.


def find(carrier_message_id: str) -> Message | None:
    """The message that a carrier knows by that name."""
    if not carrier_message_id:
        return None
    named = Message.objects.filter(provider_message_id=carrier_message_id)
    return (
        named.exclude(channel=ChannelName.EMAIL).exclude(provider_message_id="").first()
    )


def find_mail(public_ids: Sequence[str]) -> Message | None:
    """The mail that one of these ids of ours names, the first that exists."""
    mails = Message.objects.filter(channel=ChannelName.EMAIL, public_id__in=public_ids)
    by_id = {mail.public_id: mail for mail in mails} if public_ids else {}
    return next((by_id[one] for one in public_ids if one in by_id), None)


def record(message: Message, report: Report) -> bool:
    """Keep a report and move the message on; False when it was known already.

    Reports come in any order: a state never moves backwards. A report also settles a
    message whose outcome was unknown.
    """
    with transaction.atomic():
        now = clock.now()
        _event, is_new = DeliveryEvent.objects.get_or_create(
            carrier=report.carrier,
            event_id=report.event_id,
            defaults={
                "message": message,
                "kind": report.kind,
                "detail": report.detail,
                "at": now,
            },
        )
        if not is_new:
            return False
        known_as = message.provider_message_id or report.provider_message_id
        has_moved = report.state is not None and message.move_to(
            report.state,
            but_not_from=_closed_to(message, report),
            provider_message_id=known_as,
            sent_at=message.sent_at or now,
            lease_until=None,
            last_error=report.detail if report.state in UNWELCOME else "",
        )
        if has_moved:
            settling.announce(message)
            if message.state in ARRIVED:
                copies.follow([message])
        _note_address(message, report, has_moved=has_moved)
    return True


def _closed_to(message: Message, report: Report) -> list[str]:
    """States that this report cannot end though another could.

    A message that waits for its first try was never taken. What was delivered is sent
    back later only as mail.
    """
    is_mail = message.channel == ChannelName.EMAIL
    closed = [] if is_mail and message.tries else [MessageState.QUEUED]
    if report.state == MessageState.BOUNCED and not report.is_final:
        closed.append(MessageState.DELIVERED)
    return [str(state) for state in closed]


def _note_address(message: Message, report: Report, *, has_moved: bool) -> None:
    """Keep what the report means for whoever writes to that address next."""
    effect = report.effect
    if effect is None and has_moved and report.is_unreachable:
        effect = OptOut.Scope.ALL, f"refused by {report.carrier}"
    if effect is None and has_moved and report.state == MessageState.BOUNCED:
        effect = OptOut.Scope.NOTHING, SOFT_BOUNCE
    if effect is not None:
        scope, source = effect
        opt_outs.store(
            message.channel,
            message.recipient,
            scope,
            source=source,
            detail=report.detail,
            message=message,
        )
    elif has_moved and report.state == MessageState.DELIVERED:
        opt_outs.arrives_again(message)
