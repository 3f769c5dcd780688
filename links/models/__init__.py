from .accounts import ProviderAccount
from .activity import Activity
from .bulk import BulkItem, BulkSend, BulkState, ItemState, Way
from .checkouts import Checkout, CheckoutState
from .comparisons import Comparison, ComparisonState, Difference, Gap, Subject
from .disputes import Dispute, DisputeState
from .fees import FeeRate
from .inbox import EventState, WebhookCertificate, WebhookEvent
from .lines import LineItem
from .links import AmountKind, LinkStatus, PaymentLink
from .numbers import NumberSeries
from .payments import Mismatch, Payment, PaymentState
from .payouts import Payout, PayoutState
from .planned import PlannedSend, PlanState
from .refunds import Refund, RefundOrigin, RefundState
from .reminders import Anchor, DueState, ReminderDue, ReminderPlan, ReminderStep
from .replies import PayerReply, ReplyKind
from .sweeps import LastSweep
from .totals import DailyTotal, Measure
from .training import (
    TrainingDispute,
    TrainingPayment,
    TrainingRefund,
    TrainingSession,
)

__all__ = [
    "Activity",
    "AmountKind",
    "Anchor",
    "BulkItem",
    "BulkSend",
    "BulkState",
    "Checkout",
    "CheckoutState",
    "Comparison",
    "ComparisonState",
    "DailyTotal",
    "Difference",
    "Dispute",
    "DisputeState",
    "DueState",
    "EventState",
    "FeeRate",
    "Gap",
    "ItemState",
    "LastSweep",
    "LineItem",
    "LinkStatus",
    "Measure",
    "Mismatch",
    "NumberSeries",
    "PayerReply",
    "Payment",
    "PaymentLink",
    "PaymentState",
    "Payout",
    "PayoutState",
    "PlanState",
    "PlannedSend",
    "ProviderAccount",
    "Refund",
    "RefundOrigin",
    "RefundState",
    "ReminderDue",
    "ReminderPlan",
    "ReminderStep",
    "ReplyKind",
    "Subject",
    "TrainingDispute",
    "TrainingPayment",
    "TrainingRefund",
    "TrainingSession",
    "Way",
    "WebhookCertificate",
    "WebhookEvent",
]
