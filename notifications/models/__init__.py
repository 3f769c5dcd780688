from .messages import (
    Attempt,
    Category,
    ChannelName,
    Message,
    MessageContent,
    MessageState,
)
from .opt_outs import ChannelPause, DeliveryEvent, OptOut

__all__ = [
    "Attempt",
    "Category",
    "ChannelName",
    "ChannelPause",
    "DeliveryEvent",
    "Message",
    "MessageContent",
    "MessageState",
    "OptOut",
]
