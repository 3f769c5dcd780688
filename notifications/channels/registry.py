"""Channels by name, imported when first used."""

from django.conf import settings
from django.utils.module_loading import import_string

from .base import Channel

CHANNELS = {
    "email": "notifications.channels.email.EmailChannel",
    "sms": "notifications.channels.sms.SmsChannel",
    "whatsapp": "notifications.channels.whatsapp.WhatsAppChannel",
}
BY_API = "notifications.channels.esp.EspChannel"
# mail, where EMAIL_URL names a mail service instead of an SMTP server


def get_channel(name: str) -> type[Channel]:
    """The class of that channel; KeyError when there is none."""
    by_api = name == "email" and settings.EMAIL_ESP
    found: type[Channel] = import_string(BY_API if by_api else CHANNELS[name])
    return found
