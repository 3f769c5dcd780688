"""Tasks that people give each other about a link."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from links.models import Activity, PaymentLink, StaffTask, TaskKind
from links.services.totals import business_day
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock, ids
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def agent() -> User:
    return make_user(Role.AGENT)


@pytest.fixture
def link(agent: User) -> PaymentLink:
    return make_link(make_customer(), actor=agent.actor())


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def of(link: PaymentLink, part: str = "tasks") -> str:
    return f"/admin/links/paymentlink/{link.pk}/{part}/"


def typed(**changes: str) -> dict[str, str]:
    due = business_day(clock.now()) + timedelta(days=2)
    return {
        "text": "Call Ada about the delivery",
        "for": "",
        "due_on": due.isoformat(),
        "key": ids.new("frm"),
        **changes,
    }


def test_has_an_owner_a_day_and_stands_on_the_timeline_once(
    agent: User, link: PaymentLink
) -> None:
    owner = make_user(Role.OWNER)
    form = typed(**{"for": str(owner.pk)})
    client = signed_in(agent)

    client.post(of(link), form)
    client.post(of(link), form)
    task = StaffTask.objects.get()
    page = client.get(of(link, "change")).content.decode()

    assert (task.assigned_to, task.kind) == (owner, TaskKind.STAFF)
    assert task.due_at.date().isoformat() == form["due_on"]
    assert Activity.objects.filter(link=link, kind="task.made").count() == 1
    assert AuditEntry.objects.filter(action="task.made").count() == 1
    assert page.count("Call Ada about the delivery") >= 2
    assert (
        "Call Ada" in signed_in(owner).get("/admin/links/stafftask/").content.decode()
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"text": "  "}, "text"),
        ({"text": "4111 1111 1111 1111"}, "text"),
        ({"due_on": ""}, "due_on"),
        ({"due_on": "2026-02-31"}, "due_on"),
        ({"key": "x"}, "form"),
    ],
)
def test_refusals_stand_beside_their_field_and_keep_what_was_typed(
    agent: User, link: PaymentLink, wrong: dict[str, str], field: str
) -> None:
    answer = signed_in(agent).post(of(link), typed(**wrong))

    assert answer.status_code == 422
    panel = answer.context["panels"]["new_task"]
    assert (list(panel.errors), panel.is_open) == ([field], True)
    assert panel.values["due_on"] == typed(**wrong)["due_on"]
    assert not StaffTask.objects.exists()


def test_who_only_looks_adds_nothing(link: PaymentLink) -> None:
    auditor, stranger = make_user(Role.AUDITOR), make_user(Role.AGENT)

    page = signed_in(auditor).get(of(link, "change")).content.decode()

    assert "new-task-text" not in page
    assert signed_in(auditor).post(of(link), typed()).status_code == 403
    assert signed_in(stranger).post(of(link), typed()).status_code == 404
    assert not StaffTask.objects.exists()
