"""Reminder plans over the API."""

import re
from datetime import time
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from merchant_portal.lib.api_schemas import (
    NullIsLeftOut,
    PageQuery,
    PathId,
    one_of,
    page,
)
from merchant_portal.lib.money import MAX_MINOR
from merchant_portal.lib.problems import not_found
from merchant_portal.staff.api_auth import Guard, actor_of, idempotent
from merchant_portal.staff.roles import Right

from ..models import Anchor, ReminderPlan, StepAct, Tone
from ..models.reminders import MOST_DAYS, RUNGS
from ..services import planning
from .access import as_problems

router = Router(tags=["reminder-plans"])
MOST_STEPS = 50
_TIME = re.compile(r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")


def _wall_time(value: Any) -> time:
    if not isinstance(value, str) or not _TIME.match(value):
        raise ValueError("A time of day is written 09:30.")
    return time.fromisoformat(value)


WallTime = Annotated[
    time,
    BeforeValidator(_wall_time),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
Rung = Annotated[
    str,
    AfterValidator(one_of(RUNGS)),
    WithJsonSchema({"type": "string", "enum": list(RUNGS)}),
]
Ladder = Annotated[list[Rung], Field(max_length=len(RUNGS))]


class StepIn(NullIsLeftOut):
    """`counted`: sent, due, expiry or reply, from which `days` count; below zero is
    before it. `at`: by the customer's clock. `act`: message or task. `tone`: friendly,
    firm or last. `ladder`: instead of the plan's. `fee_minor`, in the business's
    currency, and `interest_bp`, a year: asked on top where the due date has passed.
    """

    counted: Annotated[str, AfterValidator(one_of(Anchor.values))]
    days: Annotated[int, Field(ge=-MOST_DAYS, le=MOST_DAYS)]
    at: WallTime = time(10)
    act: Annotated[str, AfterValidator(one_of(StepAct.values))] = "message"
    tone: Annotated[str, AfterValidator(one_of(Tone.values))] = "friendly"
    ladder: Ladder = Field(default_factory=list)
    fee_minor: Annotated[int, Field(ge=0, le=MAX_MINOR)] = 0
    interest_bp: Annotated[int, Field(ge=0, le=10_000)] = 0


class PlanIn(NullIsLeftOut):
    """`ladder`: ways to try one after the other; empty: those of the last send.
    `together`: one reminder for all that a customer owes."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    steps: Annotated[list[StepIn], Field(max_length=MOST_STEPS)]
    ladder: Ladder = Field(default_factory=list)
    ladder_hours: Annotated[int, Field(ge=1, le=240)] = 24
    together: bool = True


class StepOut(BaseModel):
    counted: str
    days: int
    at: str
    act: str
    tone: str
    ladder: list[str]
    fee_minor: int
    interest_bp: int


class PlanOut(BaseModel):
    """`is_default`: used for every link that names no plan, nor does its customer."""

    id: str
    name: str
    is_default: bool
    ladder: list[str]
    ladder_hours: int
    together: bool
    steps: list[StepOut]

    @classmethod
    def of(cls, plan: ReminderPlan) -> "PlanOut":
        """`plan` with its steps prefetched."""
        return cls(
            id=plan.public_id,
            name=plan.name,
            is_default=plan.is_default,
            ladder=list(plan.ladder),
            ladder_hours=plan.ladder_hours,
            together=plan.is_together,
            steps=[
                StepOut(
                    counted=step.anchor,
                    days=step.offset_days,
                    at=f"{step.local_time:%H:%M}",
                    act=step.act,
                    tone=step.tone,
                    ladder=list(step.ladder),
                    fee_minor=step.fee_minor,
                    interest_bp=step.interest_bp,
                )
                for step in plan.steps.all()
            ],
        )


class PlanPage(BaseModel):
    items: list[PlanOut]
    next: str | None


@router.get("", auth=Guard(Right.LINKS_READ), response=PlanPage)
def list_plans(request: HttpRequest, query: Query[PageQuery]) -> PlanPage:
    """Reminder plans, newest first."""
    rows = ReminderPlan.objects.prefetch_related("steps")
    found, following = page(rows, query)
    return PlanPage(items=[PlanOut.of(row) for row in found], next=following)


@router.get("/{plan_id}", auth=Guard(Right.LINKS_READ), response=PlanOut)
def get_plan(request: HttpRequest, plan_id: PathId) -> PlanOut:
    """One reminder plan."""
    return PlanOut.of(_find(plan_id))


@router.post("", auth=Guard(Right.PLANS_WRITE), response={201: PlanOut})
@idempotent()
def create_plan(request: HttpRequest, body: PlanIn) -> Status[PlanOut]:
    """Make a plan, to be named by links; it is not the default."""
    data = planning.PlanData(
        name=body.name,
        ladder=body.ladder,
        ladder_hours=body.ladder_hours,
        is_together=body.together,
        steps=[
            planning.StepData(
                anchor=step.counted,
                offset_days=step.days,
                local_time=step.at,
                act=step.act,
                tone=step.tone,
                ladder=step.ladder,
                fee_minor=step.fee_minor,
                interest_bp=step.interest_bp,
            )
            for step in body.steps
        ],
    )
    with as_problems():
        plan = planning.create(data, actor=actor_of(request))
    return Status(201, PlanOut.of(_find(plan.public_id)))


def _find(public_id: str) -> ReminderPlan:
    plan = (
        ReminderPlan.objects.prefetch_related("steps")
        .filter(public_id=public_id)
        .first()
    )
    if plan is None:
        raise not_found()
    return plan
