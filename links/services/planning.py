"""Plans that changed, and who is on which: their links' due moments follow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time as wall_time

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.models import Customer
from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.lib.actors import Actor
from merchant_portal.staff.models import User

from ..models import (
    CustomerPlan,
    LinkStatus,
    PaymentLink,
    ReminderPlan,
    ReminderStep,
)
from ..models.reminders import check_ladder
from . import links, reminders, words
from .errors import LinkError

BATCH = 200
SECONDS = 2.0
# of one sweep, so that a large shop's change of plan holds nothing else up
START = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepData:
    """A step as it is asked for; see ReminderStep."""

    anchor: str
    offset_days: int
    local_time: wall_time
    act: str
    tone: str
    ladder: Sequence[str] = ()
    fee_minor: int = 0
    interest_bp: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanData:
    """A plan as it is asked for; see ReminderPlan."""

    name: str
    steps: Sequence[StepData]
    ladder: Sequence[str] = ()
    ladder_hours: int = 24
    is_together: bool = True


def create(data: PlanData, *, actor: Actor) -> ReminderPlan:
    """Make a plan; LinkError names what cannot be: name, steps or ladder."""
    plan = ReminderPlan(
        name=words.clean_line(data.name, "name", max_length=100),
        ladder=_ladder(data.ladder),
        ladder_hours=data.ladder_hours,
        is_together=data.is_together,
    )
    if not plan.name:
        raise LinkError(_("Give it a name."), "name")
    seen = {(step.anchor, step.offset_days, step.act) for step in data.steps}
    if len(seen) < len(data.steps):
        raise LinkError(_("Two steps fall on the same day."), "steps")
    with transaction.atomic():
        plan.save()
        ReminderStep.objects.bulk_create(
            ReminderStep(
                plan=plan,
                anchor=step.anchor,
                offset_days=step.offset_days,
                local_time=step.local_time,
                act=step.act,
                tone=step.tone,
                ladder=_ladder(step.ladder),
                fee_minor=step.fee_minor,
                interest_bp=step.interest_bp,
            )
            for step in data.steps
        )
        audit.record(actor.id, "reminder_plan.created", plan.public_id)
    return plan


def _ladder(rungs: Sequence[str]) -> list[str]:
    ladder = list(rungs)
    try:
        check_ladder(ladder)
    except ValidationError as exc:
        raise LinkError(" ".join(exc.messages), "ladder") from exc
    return ladder


def follow(plan: ReminderPlan) -> None:
    """Let the open links on this plan follow its changed steps, a batch at a time."""
    ReminderPlan.objects.filter(pk=plan.pk).update(replan_after=START)


def replan_for_a_while() -> None:
    """Go on with what changed plans left to do, for some seconds."""
    give_up_at = time.monotonic() + SECONDS
    while replan() and time.monotonic() < give_up_at:
        pass


def replan() -> int:
    """Write the due moments anew of the next links of a changed plan; returns how many
    were looked at. What dies is gone on with: how far it came is on the plan's row."""
    with transaction.atomic():
        plan = (
            ReminderPlan.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(replan_after__isnull=False)
            .order_by("pk")
            .first()
        )
        if plan is None or plan.replan_after is None:
            return 0
        found = list(
            PaymentLink.objects.select_for_update(of=("self",))
            .filter(reminders.IS_OUT, pk__gt=plan.replan_after)
            .select_related("customer")
            .order_by("pk")[:BATCH]
        )
        plans = reminders.plans_of(found)
        reminders.plan_many([each for each in found if plans[each.pk].pk == plan.pk])
        after = found[-1].pk if len(found) == BATCH else None
        ReminderPlan.objects.filter(pk=plan.pk).update(replan_after=after)
    return len(found)


def use_for_customer(
    customer: Customer, plan: ReminderPlan | None, *, by: User
) -> None:
    """Put all links of a customer that name no plan on this one; None: the default."""
    with transaction.atomic():
        if plan is None:
            CustomerPlan.objects.filter(customer=customer).delete()
        else:
            CustomerPlan.objects.update_or_create(
                customer=customer, defaults={"plan": plan}
            )
        reminders.plan_many(list(_open_links(customer).filter(reminder_plan=None)))
        named = plan.public_id if plan is not None else ""
        audit.record(
            by.actor().id, "customer.plan_chosen", customer.public_id, plan=named
        )


def use_for_link(link: PaymentLink, plan: ReminderPlan | None, *, by: User) -> None:
    """Put one link on a plan of its own; None: its customer's or the default.

    LinkError for a link that asks for nothing any more.
    """
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        if locked.status not in (LinkStatus.DRAFT, LinkStatus.ACTIVE):
            raise LinkError(_("This link asks for nothing any more."), "plan")
        locked.reminder_plan = plan
        locked.version += 1
        locked.save(update_fields=["reminder_plan", "version"])
        reminders.plan(locked)
        named = plan.public_id if plan is not None else ""
        links.note(
            locked,
            "reminder.plan_chosen",
            by.actor(),
            clock.now(),
            plan=str(plan or ""),
        )
        audit.record(by.actor().id, "link.plan_chosen", locked.public_id, plan=named)


def _open_links(customer: Customer) -> QuerySet[PaymentLink]:
    return (
        PaymentLink.objects.select_for_update(of=("self",))
        .filter(customer=customer, status=LinkStatus.ACTIVE)
        .select_related("customer")
        .order_by("pk")
    )
