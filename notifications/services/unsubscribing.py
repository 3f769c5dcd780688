"""The way out of reminders: an address that needs no cookie and names no one."""

from django.conf import settings

from merchant_portal.lib import signing

from ..models import ChannelName, Message, OptOut
from . import opt_outs

PURPOSE = "unsubscribe"


def url_of(message: Message) -> str:
    """The address in a reminder; the same at every try, stored nowhere."""
    token = signing.sign(PURPOSE, message.public_id)
    return f"{settings.PUBLIC_URL}/unsubscribe/{token}/"


def message_of(token: str) -> Message | None:
    """The message whose reader holds this token, or None for a token we never made."""
    try:
        public_id = signing.unsign(PURPOSE, token)
    except signing.BadSignature:
        return None
    return Message.objects.filter(
        public_id=public_id, channel=ChannelName.EMAIL
    ).first()


def unsubscribe(message: Message) -> None:
    """No more reminders to that address, those that wait included."""
    opt_outs.store(
        message.channel,
        message.recipient,
        OptOut.Scope.REMINDERS,
        source="unsubscribe link",
    )
