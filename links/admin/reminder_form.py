"""What the forms about reminders show."""

from typing import Any
from zoneinfo import ZoneInfo

from customers.models import Customer

from ..models import LinkStatus, PaymentLink, ReminderPlan
from ..services import pausing
from . import formats


def of_link(link: PaymentLink, zone: ZoneInfo) -> dict[str, Any]:
    """What the form about reminders on the link's page shows."""
    is_open = link.status in (LinkStatus.DRAFT, LinkStatus.ACTIVE)
    if not is_open or link.is_reusable:
        return {"reminder_form": None}
    return {
        "reminder_form": {
            "plans": list(ReminderPlan.objects.order_by("name")),
            "plan_id": link.reminder_plan_id,
            "pause": pause_of(link, zone),
        }
    }


def pause_of(of: PaymentLink | Customer, zone: ZoneInfo) -> dict[str, str] | None:
    """The pause in force, in words; None where there is none."""
    pause = pausing.running(of)
    if pause is None:
        return None
    return {
        "reason": pause.reason,
        "until": formats.day(pause.until.astimezone(zone).date()),
        "by": str(pause.created_by),
    }
