"""Messages of sendings to many that somebody paused or stopped."""

from collections.abc import Collection

from notifications.models import Message

from ..models import BulkItem, BulkState


def states(messages: Collection[Message]) -> dict[int, str]:
    """Pk of a message → paused or stopped, where its job is; one query, none without
    messages that leave by themselves."""
    pks = [message.pk for message in messages if message.is_automatic]
    if not pks:
        return {}
    return dict(
        BulkItem.objects.filter(
            message__in=pks, bulk__state__in=[BulkState.PAUSED, BulkState.STOPPED]
        ).values_list("message_id", "bulk__state")
    )
