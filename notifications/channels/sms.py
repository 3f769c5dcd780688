"""SMS through Twilio."""

from django.conf import settings

from .base import Outgoing
from .twilio import TwilioChannel, body_of


class SmsChannel(TwilioChannel):
    @classmethod
    def is_captured(cls) -> bool:
        return bool(settings.SMS_CAPTURED)

    @classmethod
    def sender(cls) -> str:
        return str(settings.TWILIO_FROM)

    def content(self, outgoing: Outgoing) -> dict[str, str]:
        return body_of(outgoing)
