"""What carriers and people say back, written down once."""

from dataclasses import dataclass

from django.db import transaction

from merchant_portal.lib import clock

from ..models import ChannelName, DeliveryEvent, Message, MessageState, OptOut
from . import opt_outs, settling


@dataclass(frozen=True, slots=True)
class Report:
    """`event_id`: the carrier's own, or made so that a repeat has the same.

    `state`: what the report proves about the message; None = nothing new to us.
    `is_unreachable`: nothing more should go to that address on that channel.
    """

    carrier: str
    event_id: str
    kind: str
    provider_message_id: str
    state: MessageState | None
    detail: str = ""
    is_unreachable: bool = False


def find(carrier_message_id: str) -> Message | None:
    """The message that a carrier knows by that name."""
    if not carrier_message_id:
        return None
    named = Message.objects.filter(provider_message_id=carrier_message_id)
    return (
        named.exclude(channel=ChannelName.EMAIL).exclude(provider_message_id="").first()
    )


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
        if report.state is not None and message.move_to(
            report.state,
            provider_message_id=known_as,
            sent_at=message.sent_at or now,
            lease_until=None,
            last_error=report.detail,
        ):
            settling.announce(message)
            if report.is_unreachable:
                opt_outs.store(
                    message.channel,
                    message.recipient,
                    OptOut.Scope.ALL,
                    source=f"refused by {report.carrier}",
                )
    return True
