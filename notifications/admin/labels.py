"""The colours of states, everywhere the same."""

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


def kind_title(name: str) -> str:
    """The name of a kind for people: `password_reset` is `Password reset`."""
    return name.replace("_", " ").capitalize()
