"""A sending to many in words: states, outcomes, and why a link was left out."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.models import MessageState

from ..models import BulkItem, BulkState, ItemState, LinkStatus
from ..services import bulk_rules, reminder_rules
from ..services.bulk_results import Outcome, outcome_of

STATE_COLORS: dict[str, str] = {
    BulkState.DRAFT: "",
    BulkState.RUNNING: "info",
    BulkState.PAUSED: "warning",
    BulkState.STOPPED: "danger",
    BulkState.DONE: "success",
}
OUTCOMES: dict[Outcome, Promise] = {
    Outcome.WAITING: gettext_lazy("Not yet looked at"),
    Outcome.GOING: gettext_lazy("Waiting to leave"),
    Outcome.SENT: gettext_lazy("Has left"),
    Outcome.LEFT_OUT: gettext_lazy("Left out"),
    Outcome.FAILED: gettext_lazy("Failed"),
}
OUTCOME_COLORS: dict[Outcome, str] = {
    Outcome.WAITING: "",
    Outcome.GOING: "info",
    Outcome.SENT: "success",
    Outcome.LEFT_OUT: "warning",
    Outcome.FAILED: "danger",
}
_REASONS: dict[str, Promise] = {
    f"link {LinkStatus.PAID}": gettext_lazy("paid already"),
    f"link {LinkStatus.CANCELED}": gettext_lazy("the link is canceled"),
    f"link {LinkStatus.EXPIRED}": gettext_lazy("the link has expired"),
    f"link {LinkStatus.EXHAUSTED}": gettext_lazy("the link is used up"),
    bulk_rules.NO_ADDRESS: gettext_lazy("no address to send it to"),
    bulk_rules.OPTED_OUT: gettext_lazy("the customer wants no such messages"),
    bulk_rules.RECENT: gettext_lazy("sent within the last 24 hours"),
    bulk_rules.PROCESSING: gettext_lazy("a payment is on its way"),
    reminder_rules.UNANSWERED: gettext_lazy(
        "the customer wrote and waits for an answer"
    ),
    reminder_rules.PAUSED: gettext_lazy("reminders are paused"),
    reminder_rules.PROMISED: gettext_lazy("the customer named a day"),
    reminder_rules.BETWEEN: gettext_lazy("reminded within the last 12 hours"),
    bulk_rules.STOPPED: gettext_lazy("it was stopped before"),
}
_OF_MESSAGES: dict[str, Promise] = {
    MessageState.CANCELED: gettext_lazy("no longer wanted when its turn came"),
    MessageState.SUPPRESSED: gettext_lazy("the customer wants no such messages"),
    MessageState.EXPIRED: gettext_lazy("too late to send"),
    MessageState.UNKNOWN: gettext_lazy("nobody knows whether it arrived"),
    MessageState.BOUNCED: gettext_lazy("the address did not take it"),
    MessageState.FAILED: gettext_lazy("the carrier did not take it"),
}


def reason(code: str) -> str:
    return str(_REASONS.get(code, code))


def outcome(item: BulkItem) -> Outcome:
    return outcome_of(item.state, item.message.state if item.message else None)


def why(item: BulkItem) -> str:
    """What to say beside the outcome; empty where that says all."""
    if item.reason:
        return reason(item.reason)
    message = item.message
    if item.state != ItemState.SENT or message is None:
        return ""
    words = str(_OF_MESSAGES.get(message.state, ""))
    if not words:
        return ""
    if message.last_error:
        return _("%(words)s: %(error)s") % {"words": words, "error": message.last_error}
    return words
