from .accounts import ProviderAccount
from .activity import Activity
from .checkouts import Checkout, CheckoutState
from .inbox import EventState, WebhookEvent
from .lines import LineItem
from .links import LinkStatus, PaymentLink
from .numbers import NumberSeries
from .payments import Mismatch, Payment, PaymentState
from .reminders import Anchor, DueState, ReminderDue, ReminderPlan, ReminderStep
from .sweeps import LastSweep
from .totals import DailyTotal, Measure
from .training import TrainingPayment, TrainingSession

__all__ = [
    "Activity",
    "Anchor",
    "Checkout",
    "CheckoutState",
    "DailyTotal",
    "DueState",
    "EventState",
    "LastSweep",
    "LineItem",
    "LinkStatus",
    "Measure",
    "Mismatch",
    "NumberSeries",
    "Payment",
    "PaymentLink",
    "PaymentState",
    "ProviderAccount",
    "ReminderDue",
    "ReminderPlan",
    "ReminderStep",
    "TrainingPayment",
    "TrainingSession",
    "WebhookEvent",
]
