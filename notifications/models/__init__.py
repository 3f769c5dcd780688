from .inbound import InboundMessage
from .messages import (
    ASKING_CATEGORIES,
    Attempt,
    Category,
    ChannelName,
    Message,
    MessageContent,
    MessageState,
    channel_choices,
)
from .opt_outs import Allowance, ChannelPause, DeliveryEvent, OptOut
from .templates import Template
from .whatsapp import WhatsAppTemplate

__all__ = [
    "ASKING_CATEGORIES",
    "Allowance",
    "Attempt",
    "Category",
    "ChannelName",
    "ChannelPause",
    "DeliveryEvent",
    "InboundMessage",
    "Message",
    "MessageContent",
    "MessageState",
    "OptOut",
    "Template",
    "WhatsAppTemplate",
    "channel_choices",
]
