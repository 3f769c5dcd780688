"""The rehearsal in the admin, pausing, and tasks: what staff see and press."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from links.models import (
    PaymentLink,
    ReminderDue,
    ReminderPause,
    ReminderPlan,
    ReminderStep,
    StaffTask,
)
from links.services import planning, rehearsal, reminders, sending
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db
PLANS = "/admin/links/reminderplan/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def make_sent(user: User, name: str = "Ada Lovelace", phone: str = "") -> PaymentLink:
    today = clock.now().date()
    email = f"{name.split()[0].lower()}{name[-1]}@example.com"
    customer = make_customer(name, email=email, phone=phone)
    link = make_link(customer, due_on=today + timedelta(days=5), actor=user.actor())
    sending.send(link, ["email"], actor=user.actor())
    return link


def plan_form(plan: ReminderPlan, **changes: Any) -> dict[str, Any]:
    [step] = plan.steps.all()
    return {
        "name": plan.name,
        "ladder": ["email", "sms"],
        "ladder_hours": "12",
        "steps-TOTAL_FORMS": "2",
        "steps-INITIAL_FORMS": "1",
        "steps-MIN_NUM_FORMS": "0",
        "steps-MAX_NUM_FORMS": "1000",
        "steps-0-id": str(step.pk),
        "steps-0-plan": str(plan.pk),
        "steps-0-anchor": "sent",
        "steps-0-offset_days": "2",
        "steps-0-local_time": "10:00",
        "steps-0-act": "message",
        "steps-0-tone": "friendly",
        "steps-1-id": "",
        "steps-1-plan": str(plan.pk),
        "steps-1-anchor": "due",
        "steps-1-offset_days": "3",
        "steps-1-local_time": "11:00",
        "steps-1-act": "message",
        "steps-1-tone": "last",
        **changes,
    }


def make_plan() -> ReminderPlan:
    plan = ReminderPlan.objects.create(name="Patient", is_default=True)
    ReminderStep.objects.create(plan=plan, anchor="sent", offset_days=1)
    return plan


class TestRehearsal:
    def test_says_who_gets_what_and_when(self, owner: User) -> None:
        link = make_sent(owner)

        page = signed_in(owner).get(f"{PLANS}rehearsal/").content.decode()

        assert str(link.number) in page
        assert "3 days after sending" in page
        assert "adae@example.com" in page

    def test_says_in_how_many_parts_sms_go_and_for_how_much(
        self, owner: User, settings: Settings
    ) -> None:
        settings.SMS_PRICE_MINOR, settings.SMS_PRICE_CURRENCY = Decimal("7.9"), "USD"
        link = make_sent(owner, phone="+14155550100")
        sending.send(link, ["sms"], actor=owner.actor())

        page = signed_in(owner).get(f"{PLANS}rehearsal/")

        [sms] = [each for each in page.context["sums"] if each["name"] == "SMS"]
        assert sms["count"] == 3
        assert sms["more"] == "about 6 parts, $0.48"

    def test_one_day_can_be_picked(self, owner: User) -> None:
        make_sent(owner)
        due = ReminderDue.objects.order_by("due_at").first()
        assert due is not None
        client = signed_in(owner)

        on_it = client.get(f"{PLANS}rehearsal/?day={due.due_at.date()}")
        another = client.get(
            f"{PLANS}rehearsal/?day={due.due_at.date().replace(year=2001)}"
        )

        assert len(on_it.context["rows"]) == 1
        assert another.context["rows"] == []
        assert client.get(f"{PLANS}rehearsal/?day=tomorrow").status_code == 404

    def test_says_why_a_step_is_left_out(self, owner: User) -> None:
        link = make_sent(owner)
        PaymentLink.objects.filter(pk=link.pk).update(
            expires_at=clock.now() + timedelta(days=2)
        )

        page = signed_in(owner).get(f"{PLANS}rehearsal/")

        assert page.context["rows"] == []
        assert "the link had expired" in page.content.decode()

    def test_a_link_that_closes_while_a_reminder_waits_for_the_morning(
        self, owner: User
    ) -> None:
        plan = ReminderPlan.objects.create(name="Late", is_default=True)
        evening = time(23, 30)
        ReminderStep.objects.create(
            plan=plan, anchor="sent", offset_days=2, local_time=evening
        )
        link = make_sent(owner)
        [due] = link.reminders_due.all()
        PaymentLink.objects.filter(pk=link.pk).update(
            expires_at=due.due_at + timedelta(hours=2)
        )

        page = signed_in(owner).get(f"{PLANS}rehearsal/")

        assert page.context["rows"] == []
        assert "the link had expired" in page.content.decode()

    def test_of_one_plan_only_its_links_are_told(self, owner: User) -> None:
        make_sent(owner)
        other = ReminderPlan.objects.create(name="Other")

        page = signed_in(owner).get(f"{PLANS}{other.pk}/rehearsal/")

        assert page.context["is_empty"]

    def test_an_agent_sees_own_links_only(self, owner: User) -> None:
        make_sent(owner)
        agent = make_user(Role.AGENT)

        page = signed_in(agent).get(f"{PLANS}rehearsal/")

        assert page.status_code == 200
        assert page.context["is_empty"]

    def test_an_edited_plan_is_shown_and_not_saved(self, owner: User) -> None:
        plan = make_plan()
        make_sent(owner, phone="+14155550100")
        client = signed_in(owner)
        dues = list(ReminderDue.objects.values_list("pk", "due_at"))

        page = client.post(f"{PLANS}{plan.pk}/change/", plan_form(plan, _rehearse="1"))

        said = [(row["step"], row["tone"]) for row in page.context["rows"]]
        assert said == [
            ("2 days after sending", "Friendly"),
            ("3 days after the due date", "Last reminder"),
        ]
        assert [row["then"] for row in page.context["rows"]] == ["SMS", "SMS"]
        assert plan.steps.get().offset_days == 1
        assert ReminderPlan.objects.get(pk=plan.pk).ladder == []
        assert list(ReminderDue.objects.values_list("pk", "due_at")) == dues
        assert not AuditEntry.objects.filter(action="reminder_plan.changed").exists()

    def test_saved_it_does_what_was_shown(self, owner: User) -> None:
        plan = make_plan()
        make_sent(owner)
        client = signed_in(owner)
        shown = client.post(f"{PLANS}{plan.pk}/change/", plan_form(plan, _rehearse="1"))

        client.post(f"{PLANS}{plan.pk}/change/", plan_form(plan))

        while planning.replan():
            pass

        then = client.get(f"{PLANS}{plan.pk}/rehearsal/")
        keys = ("at", "step", "what", "tone", "to", "then")
        assert [[row[key] for key in keys] for row in then.context["rows"]] == [
            [row[key] for key in keys] for row in shown.context["rows"]
        ]
        assert ReminderPlan.objects.get(pk=plan.pk).ladder == ["email", "sms"]

    def test_a_mistake_is_shown_in_the_form(self, owner: User) -> None:
        plan = make_plan()

        page = signed_in(owner).post(
            f"{PLANS}{plan.pk}/change/",
            plan_form(plan, _rehearse="1", **{"steps-0-offset_days": "soon"}),
        )

        assert "Enter a whole number" in page.content.decode()
        assert plan.steps.get().offset_days == 1

    @pytest.mark.parametrize("ladder", [["task"], ["fax"]])
    def test_a_ladder_that_leads_nowhere_is_refused(
        self, owner: User, ladder: list[str]
    ) -> None:
        plan = make_plan()

        signed_in(owner).post(
            f"{PLANS}{plan.pk}/change/", plan_form(plan, ladder=ladder)
        )

        assert ReminderPlan.objects.get(pk=plan.pk).ladder == []

    def test_asks_as_often_for_many_links_as_for_few(self, owner: User) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                list(rehearsal.rehearse())
            return len(seen)

        make_sent(owner)
        few = queries()
        for number in range(9):
            make_sent(owner, f"Person {number}")

        assert queries() == few
        assert few <= 17

    def test_writes_nothing(self, owner: User) -> None:
        make_sent(owner)
        before = Message.objects.count()

        with CaptureQueriesContext(connection) as seen:
            list(rehearsal.rehearse())

        words = {query["sql"].split()[0] for query in seen}
        assert words <= {"SELECT", "DECLARE", "CLOSE", "FETCH"}
        assert Message.objects.count() == before


class TestPausing:
    def test_from_the_links_page_and_on_again(self, owner: User) -> None:
        link = make_sent(owner)
        page = f"/admin/links/paymentlink/{link.pk}/"
        until = clock.now().date() + timedelta(days=10)
        client = signed_in(owner)

        client.post(f"{page}pause/", {"reason": "Agreed", "until": str(until)})
        paused = client.get(f"{page}change/").content.decode()
        client.post(f"{page}resume/")

        assert "They are paused." in paused
        assert "Agreed" in paused
        assert ReminderPause.objects.get().ended_at is not None
        assert "They are paused." not in client.get(f"{page}change/").content.decode()

    def test_a_refusal_keeps_what_was_typed(self, owner: User) -> None:
        link = make_sent(owner)

        page = signed_in(owner).post(
            f"/admin/links/paymentlink/{link.pk}/pause/",
            {"reason": "Agreed on the phone", "until": "never"},
        )

        assert page.status_code == 422
        assert "Agreed on the phone" in page.content.decode()
        assert not ReminderPause.objects.exists()

    def test_from_the_customers_page(self, owner: User) -> None:
        link = make_sent(owner)
        until = clock.now().date() + timedelta(days=10)
        url = f"/admin/links/paymentlink/of-customer/{link.customer_id}/reminders/"
        form = {"act": "pause", "reason": "Moved house", "until": str(until)}

        signed_in(make_user(Role.AGENT)).post(url, form)
        signed_in(make_user(Role.AUDITOR)).post(url, form)
        assert not ReminderPause.objects.exists()
        signed_in(owner).post(url, form)

        page = signed_in(owner).get(
            f"/admin/customers/customer/{link.customer_id}/change/"
        )
        assert "Moved house" in page.content.decode()

    def test_another_plan_for_the_link(self, owner: User) -> None:
        reminders.default_plan()
        other = ReminderPlan.objects.create(name="Other")
        link = make_sent(owner)

        signed_in(owner).post(
            f"/admin/links/paymentlink/{link.pk}/plan/", {"plan": str(other.pk)}
        )

        link.refresh_from_db()
        assert link.reminder_plan == other
        assert not link.reminders_due.filter(state="planned").exists()


class TestTasks:
    def make_task(self, user: User) -> StaffTask:
        link = make_sent(user)
        return StaffTask.objects.create(
            link=link,
            kind="step",
            origin="step:1",
            text="Call them",
            due_at=clock.now(),
            created_at=clock.now(),
        )

    def test_is_listed_and_ticked_off_once(self, owner: User) -> None:
        task = self.make_task(owner)
        client = signed_in(owner)
        url = f"/admin/links/paymentlink/{task.link_id}/tasks/{task.pk}/"

        assert "Call them" in client.get("/admin/links/stafftask/").content.decode()
        assert "1 task to do" in client.get("/admin/").content.decode()
        first, second = (client.post(url, {"act": "done"}) for _ in range(2))

        task.refresh_from_db()
        assert (first.status_code, second.status_code) == (302, 409)
        assert task.done_by == owner
        assert "1 task to do" not in client.get("/admin/").content.decode()
        assert AuditEntry.objects.filter(action="task.done").count() == 1

    def test_is_given_to_a_colleague_for_another_day(self, owner: User) -> None:
        task = self.make_task(owner)
        colleague = make_user(Role.AGENT)
        day = clock.now().date() + timedelta(days=3)

        signed_in(owner).post(
            f"/admin/links/paymentlink/{task.link_id}/tasks/{task.pk}/",
            {"act": "change", "for": str(colleague.pk), "due_on": str(day)},
        )

        task.refresh_from_db()
        assert (task.assigned_to, task.due_at.date()) == (colleague, day)

    def test_of_other_peoples_links_are_hidden(self, owner: User) -> None:
        task = self.make_task(owner)
        agent = signed_in(make_user(Role.AGENT))

        assert "Call them" not in agent.get("/admin/links/stafftask/").content.decode()
        answer = agent.post(
            f"/admin/links/paymentlink/{task.link_id}/tasks/{task.pk}/", {"act": "done"}
        )

        task.refresh_from_db()
        assert (answer.status_code, task.done_at) == (404, None)

    def test_the_list_asks_as_often_for_many_as_for_one(self, owner: User) -> None:
        client = signed_in(owner)

        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                client.get("/admin/links/stafftask/")
            return len(seen)

        self.make_task(owner)
        client.get("/admin/links/stafftask/")
        one = queries()
        for _ in range(5):
            self.make_task(owner)

        assert queries() == one
