"""The card on a link's page that shares it by an app of one's own."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ..models import LinkStatus, PaymentLink
from ..services import sharing
from ..services.sharing import APPS, Way

LOOKS: dict[str, tuple[str, Promise]] = {
    Way.WHATSAPP: ("chat", gettext_lazy("WhatsApp")),
    Way.TELEGRAM: ("near_me", gettext_lazy("Telegram")),
    Way.SMS: ("sms", gettext_lazy("SMS app")),
    Way.EMAIL: ("mail", gettext_lazy("Mail app")),
}


def context(
    link: PaymentLink, description: str, known: Mapping[str, str]
) -> dict[str, Any]:
    """The words and what opens each app with them; `description`: of the first line."""
    words = sharing.words_of(link, description)
    templates = sharing.templates_of(words, known)
    return {
        "words": words,
        "is_draft": link.status == LinkStatus.DRAFT,
        "asks_to_remind": sharing.may_ask_to_remind(link) and bool(known),
        "reminds": bool(link.last_channels) and link.has_reminders,
        "max_text": sharing.MAX_TEXT,
        "above": sharing.ABOVE,
        "apps": [
            {
                "way": way.value,
                "icon": LOOKS[way][0],
                "label": LOOKS[way][1],
                "href": sharing.address(way, words.text, words, known),
                "template": templates[way],
            }
            for way in APPS
        ],
    }
