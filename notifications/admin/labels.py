"""What messages, states and moments are called, everywhere the same."""

from datetime import datetime

from babel.dates import format_datetime
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy

from merchant_portal.lib.languages import locale_of

from ..models import MessageState

STATE_COLORS: dict[str, str] = {
    MessageState.QUEUED: "info",
    MessageState.SENDING: "info",
    MessageState.SENT: "success",
    MessageState.CAPTURED: "primary",
    MessageState.DELIVERED: "success",
    MessageState.BOUNCED: "danger",
    MessageState.COMPLAINED: "danger",
    MessageState.FAILED: "danger",
    MessageState.UNKNOWN: "warning",
    MessageState.CANCELED: "",
    MessageState.SUPPRESSED: "warning",
    MessageState.EXPIRED: "",
}


KIND_TITLES: dict[str, Promise] = {
    "invitation": gettext_lazy("Invitation"),
    "correction": gettext_lazy("Corrected link"),
    "reminder": gettext_lazy("Reminder"),
    "reminder_firm": gettext_lazy("Clear reminder"),
    "reminder_last": gettext_lazy("Last reminder"),
    "receipt": gettext_lazy("Receipt"),
    "cancellation": gettext_lazy("Cancellation"),
    "refund": gettext_lazy("Refund notice"),
    "answer": gettext_lazy("Answer"),
    "copy": gettext_lazy("Copy for the shop"),
    "notice": gettext_lazy("Notice about an account"),
    "password_reset": gettext_lazy("Password reset"),
    "staff_invitation": gettext_lazy("Invitation of staff"),
    "staff_news": gettext_lazy("News for staff"),
    "staff_report": gettext_lazy("Report for staff"),
    "test_message": gettext_lazy("Test message"),
}


def kind_title(name: str) -> str:
    """The name of a kind for people; one that has none here is called as it is."""
    return str(KIND_TITLES.get(name, name.replace("_", " ").capitalize()))


def moment(at: datetime) -> str:
    """Day and time by the clock of the reader's screens, on one line."""
    locale = locale_of(get_language() or "en")
    return format_datetime(timezone.localtime(at), "d MMM y, HH:mm", locale=locale)
