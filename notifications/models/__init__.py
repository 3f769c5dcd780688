from .messages import (
    Attempt,
    Category,
    ChannelName,
    Message,
    MessageContent,
    MessageState,
)
from .opt_outs import DeliveryEvent, OptOut

__all__ = [
    "Attempt",
    "Category",
    "ChannelName",
    "DeliveryEvent",
    "Message",
    "MessageContent",
    "MessageState",
    "OptOut",
]
