"""News of messages for apps above; sent after commit, and may be missed."""

from django.dispatch import Signal

message_settled = Signal()
# message: a Message that was sent, failed, is unknown, or was reported on. Whoever needs
# every one of them also sweeps.
