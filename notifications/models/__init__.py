from .messages import (
    ASKING_CATEGORIES,
    Attempt,
    Category,
    ChannelName,
    Message,
    MessageContent,
    MessageState,
)
from .opt_outs import Allowance, ChannelPause, DeliveryEvent, OptOut
from .templates import Template

__all__ = [
    "ASKING_CATEGORIES",
    "Allowance",
    "Attempt",
    "Category",
    "ChannelName",
    "ChannelPause",
    "DeliveryEvent",
    "Message",
    "MessageContent",
    "MessageState",
    "OptOut",
    "Template",
]
