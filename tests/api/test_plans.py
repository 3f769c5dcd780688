"""Reminder plans over the API, and links that name one."""

from typing import Any

import pytest

from customers.models import Customer
from links.models import PaymentLink, ReminderPlan, ReminderStep
from links.services import reminders

from .client import Caller, pointers, problem
from .test_core import read

pytestmark = pytest.mark.django_db
UNSAID = {"act": "message", "ladder": [], "fee_minor": 0, "interest_bp": 0}
STEP = {"counted": "due", "days": 7, "at": "09:30", "tone": "firm"}


def plan(**changes: Any) -> dict[str, Any]:
    return {"name": "Patient", "steps": [STEP], **changes}


def test_a_plan_is_made_and_read_again(caller: Caller) -> None:
    made = read(
        caller.post("reminder-plans", plan(ladder=["email", "sms", "task"])), 201
    )

    assert made["ladder"] == ["email", "sms", "task"]
    assert made["steps"] == [{**STEP, **UNSAID}]
    assert made["together"] is True
    assert read(caller.get(f"reminder-plans/{made['id']}"), 200) == made
    assert read(caller.get("reminder-plans"), 200)["items"] == [made]


def test_reminders_apart_and_late_fees_can_be_asked_for(caller: Caller) -> None:
    step = {**STEP, "fee_minor": 500, "interest_bp": 900}

    made = read(caller.post("reminder-plans", plan(steps=[step], together=False)), 201)

    assert made["together"] is False
    kept = ReminderStep.objects.get()
    assert (kept.fee_minor, kept.interest_bp) == (500, 900)
    assert made["steps"][0]["fee_minor"] == 500


def test_the_same_key_makes_one_plan(caller: Caller) -> None:
    first, second = (
        read(caller.post("reminder-plans", plan(), once="once-1"), 201)
        for _ in range(2)
    )

    assert first == second
    assert ReminderPlan.objects.count() == 1


def test_the_default_is_marked(caller: Caller) -> None:
    reminders.default_plan()

    [item] = read(caller.get("reminder-plans"), 200)["items"]

    assert item["is_default"]
    assert [step["days"] for step in item["steps"]] == [3, 0, 7]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "4111 1111 1111 1111"}, "/name"),
        ({"ladder": ["task"]}, "/ladder"),
        ({"ladder": ["fax"]}, "/ladder/0"),
        ({"ladder": ["email", "email"]}, "/ladder"),
        ({"steps": [STEP, STEP]}, "/steps"),
        ({"steps": [{**STEP, "days": 9999}]}, "/steps/0/days"),
        ({"steps": [{**STEP, "at": "25:00"}]}, "/steps/0/at"),
        ({"steps": [{**STEP, "counted": "whenever"}]}, "/steps/0/counted"),
        ({"steps": [{**STEP, "tone": "threatening"}]}, "/steps/0/tone"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(
    caller: Caller, changes: dict[str, Any], pointer: str
) -> None:
    assert pointers(caller.post("reminder-plans", plan(**changes))) == [pointer]
    assert not ReminderPlan.objects.exists()


def test_a_link_names_its_plan(caller: Caller, customer: Customer) -> None:
    made = read(caller.post("reminder-plans", plan()), 201)
    body = {
        "currency": "EUR",
        "customer": customer.public_id,
        "lines": [{"description": "Chair", "unit_amount_minor": 625}],
        "reminder_plan": made["id"],
    }

    link = read(caller.post("links", body), 201)

    assert link["reminder_plan"] == made["id"]
    assert PaymentLink.objects.get().reminder_plan == ReminderPlan.objects.get()
    unknown = caller.post("links", {**body, "reminder_plan": "rpl_" + "0" * 20})
    assert pointers(unknown) == ["/reminder_plan"]


def test_an_unknown_plan_is_not_found(caller: Caller) -> None:
    problem(caller.get("reminder-plans/rpl_00000000000000000000"), 404)
