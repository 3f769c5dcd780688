"""What waits for somebody today, so that no page of a demo is empty."""

from datetime import time, timedelta

from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from ..models import (
    LinkStatus,
    PaymentLink,
    ReminderPlan,
    ReplyKind,
    StaffTask,
    TaskKind,
)
from ..services import pausing, planning, replies
from ..services.planning import PlanData, StepData

PLAN = PlanData(
    name="Patient, then by phone",
    ladder=("email", "sms", "task"),
    steps=(
        StepData(
            anchor="due",
            offset_days=3,
            local_time=time(10),
            act="message",
            tone="friendly",
        ),
        StepData(
            anchor="due",
            offset_days=14,
            local_time=time(10),
            act="message",
            tone="firm",
        ),
        StepData(
            anchor="due",
            offset_days=21,
            local_time=time(9),
            act="task",
            tone="friendly",
        ),
    ),
)


def add(owner: User) -> None:
    """A second plan, a question, a pause and a task; nothing where they are already."""
    if ReminderPlan.objects.filter(name=PLAN.name).exists():
        return
    sent = PaymentLink.objects.filter(
        status=LinkStatus.ACTIVE, is_reusable=False, last_sent_at__isnull=False
    )
    found = list(sent.select_related("customer").order_by("-pk")[:3])
    if len(found) < 3:
        return
    asked, rested, told = found
    planning.create(PLAN, actor=owner.actor())
    question = replies.Said(ReplyKind.QUESTION, "Can you deliver it on Saturday?")
    replies.give(asked, question, is_payable=True)
    now = clock.now()
    pausing.pause(
        rested,
        reason="Agreed on the phone: pays after the holidays",
        until=now + timedelta(days=21),
        by=owner,
    )
    StaffTask.objects.create(
        link=told,
        kind=TaskKind.STEP,
        origin="sample",
        text="Call and ask whether the invoice arrived",
        assigned_to=owner,
        due_at=now,
        created_at=now,
    )
