"""Channels by name, imported when first used."""

from django.utils.module_loading import import_string

from .base import Channel

CHANNELS = {
    "email": "notifications.channels.email.EmailChannel",
    "sms": "notifications.channels.sms.SmsChannel",
    "whatsapp": "notifications.channels.whatsapp.WhatsAppChannel",
}


def get_channel(name: str) -> type[Channel]:
    """The class of that channel; KeyError when there is none."""
    found: type[Channel] = import_string(CHANNELS[name])
    return found
