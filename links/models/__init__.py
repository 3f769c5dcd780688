from .accounts import ProviderAccount
from .activity import Activity
from .bulk import BulkItem, BulkSend, BulkState, ItemState, Way
from .chasing import Climb, ClimbState, ReminderPause, StaffTask, TaskKind
from .checkouts import Checkout, CheckoutShare, CheckoutState
from .comparisons import Comparison, ComparisonState, Difference, Gap, Subject
from .disputes import Dispute, DisputeState
from .fees import FeeRate
from .imports import ImportPart, ImportProgress, ImportState, LinkImport
from .inbox import EventState, WebhookCertificate, WebhookEvent
from .lines import LineItem
from .links import AmountKind, LinkStatus, PaymentLink
from .notices import (
    How,
    News,
    NoticeItem,
    StaffDigest,
    StaffNoticeChoice,
    ToldMessage,
    Whose,
)
from .numbers import NumberSeries
from .payments import Mismatch, Payment, PaymentState
from .payouts import Payout, PayoutState
from .planned import PlannedSend, PlanState
from .refunds import Refund, RefundOrigin, RefundState
from .reminders import (
    KIND_OF_TONE,
    TASK_RUNG,
    Anchor,
    CustomerPlan,
    DueState,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
    StepAct,
    Tone,
)
from .replies import PayerReply, ReplyKind
from .schedules import Period, ReportSchedule, Rhythm
from .sweeps import LastSweep
from .till import (
    CashCount,
    CashMovement,
    DayClose,
    DayCloseLine,
    MoveKind,
    Shift,
    ShiftState,
)
from .totals import DailyTotal, Measure
from .training import (
    TrainingDispute,
    TrainingPayment,
    TrainingRefund,
    TrainingSession,
)

__all__ = [
    "KIND_OF_TONE",
    "TASK_RUNG",
    "Activity",
    "AmountKind",
    "Anchor",
    "BulkItem",
    "BulkSend",
    "BulkState",
    "CashCount",
    "CashMovement",
    "Checkout",
    "CheckoutShare",
    "CheckoutState",
    "Climb",
    "ClimbState",
    "Comparison",
    "ComparisonState",
    "CustomerPlan",
    "DailyTotal",
    "DayClose",
    "DayCloseLine",
    "Difference",
    "Dispute",
    "DisputeState",
    "DueState",
    "EventState",
    "FeeRate",
    "Gap",
    "How",
    "ImportPart",
    "ImportProgress",
    "ImportState",
    "ItemState",
    "LastSweep",
    "LineItem",
    "LinkImport",
    "LinkStatus",
    "Measure",
    "Mismatch",
    "MoveKind",
    "News",
    "NoticeItem",
    "NumberSeries",
    "PayerReply",
    "Payment",
    "PaymentLink",
    "PaymentState",
    "Payout",
    "PayoutState",
    "Period",
    "PlanState",
    "PlannedSend",
    "ProviderAccount",
    "Refund",
    "RefundOrigin",
    "RefundState",
    "ReminderDue",
    "ReminderPause",
    "ReminderPlan",
    "ReminderStep",
    "ReplyKind",
    "ReportSchedule",
    "Rhythm",
    "Shift",
    "ShiftState",
    "StaffDigest",
    "StaffNoticeChoice",
    "StaffTask",
    "StepAct",
    "Subject",
    "TaskKind",
    "ToldMessage",
    "Tone",
    "TrainingDispute",
    "TrainingPayment",
    "TrainingRefund",
    "TrainingSession",
    "Way",
    "WebhookCertificate",
    "WebhookEvent",
    "Whose",
]
