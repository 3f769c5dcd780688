"""Payments, plans, accounts and webhooks in the admin: who may see and do what."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from links.models import (
    EventState,
    Payment,
    ProviderAccount,
    ReminderPlan,
    WebhookEvent,
)
from links.services import accounts, links, payments, reminders
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
LISTS = {
    "payment": set(Role),
    "refund": set(Role),
    "reminderplan": set(Role),
    "provideraccount": {Role.OWNER, Role.FINANCE, Role.AUDITOR},
    "webhookevent": {Role.OWNER, Role.FINANCE, Role.AUDITOR},
}


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


def as_role(role: Role) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


def make_dead_event() -> WebhookEvent:
    return WebhookEvent.objects.create(
        account=accounts.get("training"),
        event_id="evt_1",
        kind="payment.paid",
        body="<script>alert(1)</script>",
        state=EventState.DEAD,
        tries=6,
        received_at=clock.now(),
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", list(LISTS))
def test_lists_open_for_those_whose_work_they_are(name: str, role: Role) -> None:
    answer = as_role(role).get(f"/admin/links/{name}/")

    assert answer.status_code == (200 if role in LISTS[name] else 403)


def test_payments_show_what_is_odd_and_only_own_to_agents() -> None:
    agent = make_user(Role.AGENT)
    own = make_link(make_customer(), actor=agent.actor())
    payments.record(make_seen(own, payment_id="tpy_own"))
    orphan = payments.record(make_seen(None, payment_id="tpy_orphan"))
    assert orphan is not None
    url = reverse("admin:links_payment_change", args=[orphan.pk])
    to_agent = Client()
    to_agent.force_login(agent)

    owners = as_role(Role.OWNER)
    odd = owners.get("/admin/links/payment/?needs=person")

    assert [row.public_id for row in odd.context["cl"].result_list] == [
        orphan.public_id
    ]
    assert "no link" in odd.content.decode()
    assert to_agent.get("/admin/links/payment/").context["cl"].result_list.count() == 1
    assert owners.get(url).status_code == 200
    assert to_agent.get(url).status_code == 404


@pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
def test_only_who_handles_money_says_it_is_dealt_with(role: Role) -> None:
    link = make_link(make_customer())
    links.cancel(link, actor=make_user().actor())
    late = payments.record(make_seen(link))
    assert late is not None

    answer = as_role(role).post(reverse("admin:links_payment_reviewed", args=[late.pk]))

    late.refresh_from_db()
    assert answer.status_code == 403
    assert late.reviewed_at is None


@pytest.mark.parametrize("role", list(Role))
def test_nobody_adds_changes_or_deletes_payments(role: Role) -> None:
    payment = payments.record(make_seen(make_link(make_customer())))
    assert payment is not None
    client = as_role(role)

    for url in ("add/", f"{payment.pk}/delete/"):
        assert client.post(f"/admin/links/payment/{url}").status_code in (403, 404)
    client.post(f"/admin/links/payment/{payment.pk}/change/", {"amount_minor": "1"})

    assert Payment.objects.get().amount_minor == payment.amount_minor


def test_dead_webhook_is_tried_again_by_a_post_of_the_owner() -> None:
    event = make_dead_event()
    again = reverse("admin:links_webhookevent_again", args=[event.pk])
    owner = as_role(Role.OWNER)
    page = owner.get(reverse("admin:links_webhookevent_change", args=[event.pk]))

    assert "<script>alert" not in page.content.decode()
    assert "Try again" in page.content.decode()
    assert owner.get(again).status_code == 405
    assert as_role(Role.AUDITOR).post(again).status_code == 403
    event.refresh_from_db()
    assert event.state == EventState.DEAD
    owner.post(again)
    event.refresh_from_db()
    assert (event.state, event.tries) == (EventState.RECEIVED, 0)
    assert event.next_try_at is not None
    assert AuditEntry.objects.filter(action="webhook.tried_again").count() == 1


def plan_form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Patient",
        "make_default": "on",
        "steps-TOTAL_FORMS": "1",
        "steps-INITIAL_FORMS": "0",
        "steps-MIN_NUM_FORMS": "0",
        "steps-MAX_NUM_FORMS": "1000",
        "steps-0-anchor": "due",
        "steps-0-offset_days": "14",
        "steps-0-local_time": "10:00",
        "steps-0-act": "message",
        "steps-0-tone": "friendly",
        "ladder_hours": "24",
        **changes,
    }


def test_a_new_default_plan_takes_over() -> None:
    old = reminders.default_plan()

    as_role(Role.MANAGER).post("/admin/links/reminderplan/add/", plan_form())

    old.refresh_from_db()
    fresh = ReminderPlan.objects.get(name="Patient")
    assert (old.is_default, fresh.is_default) == (False, True)
    assert fresh.steps.get().offset_days == 14
    assert reminders.default_plan() == fresh


def test_there_is_always_a_default_plan() -> None:
    plan = reminders.default_plan()
    form = {**plan_form(), "name": "Renamed"}
    form.update({"steps-TOTAL_FORMS": "0"})
    del form["make_default"]

    answer = as_role(Role.OWNER).post(
        f"/admin/links/reminderplan/{plan.pk}/change/", form
    )

    plan.refresh_from_db()
    assert answer.status_code == 302
    assert (plan.is_default, plan.name) == (True, "Renamed")


@pytest.mark.parametrize("role", [Role.AGENT, Role.FINANCE, Role.AUDITOR])
def test_plans_are_changed_by_owners_and_managers_only(role: Role) -> None:
    reminders.default_plan()

    as_role(role).post("/admin/links/reminderplan/add/", plan_form())

    assert ReminderPlan.objects.count() == 1


def test_owner_switches_a_provider_off_and_the_audit_knows() -> None:
    account = accounts.get("training")
    url = f"/admin/links/provideraccount/{account.pk}/change/"
    rates = {"fee_rates-TOTAL_FORMS": "0", "fee_rates-INITIAL_FORMS": "0"}
    form = {"position": "3", "slug": "stripe", "mode": "live", **rates}

    as_role(Role.FINANCE).post(url, form)
    account.refresh_from_db()
    assert account.is_enabled
    as_role(Role.OWNER).post(url, form)

    account.refresh_from_db()
    assert (account.is_enabled, account.position) == (False, 3)
    assert account.slug == "training"
    assert ProviderAccount.objects.filter(slug="stripe").count() == 0
    assert AuditEntry.objects.filter(action="provider_account.changed").count() == 1


def test_customers_page_lists_their_links_and_offers_a_new_one() -> None:
    customer = make_customer()
    link = make_link(customer)
    page = as_role(Role.OWNER).get(f"/admin/customers/customer/{customer.pk}/change/")

    text = page.content.decode()

    assert str(link) in text
    assert f"/admin/links/paymentlink/add/?customer={customer.public_id}" in text
    agents = as_role(Role.AGENT).get(f"/admin/customers/customer/{customer.pk}/change/")
    assert str(link) not in agents.content.decode()
