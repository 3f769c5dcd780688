"""Tell other apps that a message came to an end."""

from django.db import transaction

from ..models import Message
from ..signals import message_settled


def announce(message: Message) -> None:
    """Send `message_settled` when the current transaction has committed."""
    transaction.on_commit(
        lambda: message_settled.send_robust(sender=Message, message=message)
    )
