"""What came of a sending to many: one word for each link, from its item and message."""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Q, QuerySet

from notifications.models import MessageState

from ..models import BulkItem, BulkSend, ItemState


class Outcome(StrEnum):
    WAITING = "waiting"
    GOING = "going"
    SENT = "sent"
    LEFT_OUT = "left_out"
    FAILED = "failed"


M = MessageState
_OF_MESSAGE: dict[str, Outcome] = {
    M.QUEUED: Outcome.GOING,
    M.SENDING: Outcome.GOING,
    M.SENT: Outcome.SENT,
    M.CAPTURED: Outcome.SENT,
    M.DELIVERED: Outcome.SENT,
    M.COMPLAINED: Outcome.SENT,
    M.CANCELED: Outcome.LEFT_OUT,
    M.SUPPRESSED: Outcome.LEFT_OUT,
    M.EXPIRED: Outcome.LEFT_OUT,
    M.FAILED: Outcome.FAILED,
    M.BOUNCED: Outcome.FAILED,
    M.UNKNOWN: Outcome.FAILED,
}
_NO_MESSAGE: dict[str, Outcome] = {
    ItemState.WAITING: Outcome.WAITING,
    ItemState.SKIPPED: Outcome.LEFT_OUT,
    ItemState.SENT: Outcome.SENT,
}
# of one whose message is no longer kept


def outcome_of(item_state: str, message_state: str | None) -> Outcome:
    if item_state != ItemState.SENT or message_state is None:
        return _NO_MESSAGE[item_state]
    return _OF_MESSAGE[message_state]


@dataclass(frozen=True, slots=True)
class Progress:
    """How many links of a job stand where."""

    counts: dict[Outcome, int]

    @property
    def size(self) -> int:
        return sum(self.counts.values())

    @property
    def settled(self) -> int:
        """Those of which nothing more is to come."""
        open_ = self.counts[Outcome.WAITING] + self.counts[Outcome.GOING]
        return self.size - open_

    @property
    def percent(self) -> int:
        return 100 * self.settled // max(self.size, 1)


def progress(bulk: BulkSend) -> Progress:
    """One query over the job's own rows."""
    rows = (
        bulk.items.order_by()
        .values_list("state", "message__state")
        .annotate(count=Count("pk"))
    )
    counts = dict.fromkeys(Outcome, 0)
    for item_state, message_state, count in rows:
        counts[outcome_of(item_state, message_state)] += count
    return Progress(counts)


def filtered(bulk: BulkSend, outcome: Outcome | None) -> QuerySet[BulkItem]:
    """The rows of one outcome, or all, with what a line of the list shows."""
    items = bulk.items.select_related("link__customer", "message").order_by("pk")
    if outcome is None:
        return items
    item_states = [s for s, found in _NO_MESSAGE.items() if found is outcome]
    messages = [s for s, found in _OF_MESSAGE.items() if found is outcome]
    is_item = Q(state__in=item_states) & (
        ~Q(state=ItemState.SENT) | Q(message__isnull=True)
    )
    return items.filter(is_item | Q(state=ItemState.SENT, message__state__in=messages))


def failed(bulk: BulkSend) -> QuerySet[BulkItem]:
    """Those that can be sent again; of an SMS without an answer nobody knows."""
    return bulk.items.filter(
        state=ItemState.SENT, message__state__in=[M.FAILED, M.BOUNCED]
    )
