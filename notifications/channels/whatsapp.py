"""WhatsApp through Twilio: approved texts, or free ones within a day of the last word."""

import json
from typing import ClassVar

from django.conf import settings

from .base import Outgoing
from .twilio import TwilioChannel, body_of


class WhatsAppChannel(TwilioChannel):
    prefix: ClassVar[str] = "whatsapp:"

    @classmethod
    def is_captured(cls) -> bool:
        return bool(settings.WHATSAPP_CAPTURED)

    @classmethod
    def sender(cls) -> str:
        return str(settings.TWILIO_WHATSAPP_FROM)

    def content(self, outgoing: Outgoing) -> dict[str, str]:
        """Without Body where a template goes: Twilio would take it for free text."""
        if not outgoing.template_id:
            return body_of(outgoing)
        content = {"content_sid": outgoing.template_id}
        if outgoing.template_values:
            content["content_variables"] = json.dumps(
                dict(outgoing.template_values), ensure_ascii=False
            )
        return content
