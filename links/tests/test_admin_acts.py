"""What staff do on a link's page: once, safely, with clear words when it cannot be."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from links.models import LinkStatus, Payment, PaymentLink
from links.services import links, payments, refunding, sending
from merchant_portal.lib import clock, ids
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import make_customer, make_link, make_seen, make_user, send_at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def client(settings: Any, owner: User) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    send_at_once()
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def ada() -> Customer:
    return make_customer()


def to(link: PaymentLink, name: str) -> str:
    return reverse(f"admin:links_paymentlink_{name}", args=[link.pk])


def test_sends_again_but_not_twice_by_one_form(client: Client, ada: Customer) -> None:
    link = make_link(ada)
    form = {"channels": ["email"], "key": ids.new("frm")}

    client.post(to(link, "send"), form)
    client.post(to(link, "send"), form)
    client.post(to(link, "send"), {**form, "key": ids.new("frm")})

    assert Message.objects.filter(kind="invitation").count() == 2


def test_sending_on_no_channel_is_said_beside_the_choice(
    client: Client, ada: Customer
) -> None:
    link = make_link(ada)

    answer = client.post(to(link, "send"), {"key": ids.new("frm")})

    assert answer.status_code == 422
    assert answer.context["panels"]["send"].is_open
    assert "channels" in answer.context["panels"]["send"].errors
    assert not Message.objects.exists()


def test_activating_a_draft_gives_its_address(client: Client, ada: Customer) -> None:
    link = make_link(ada, draft=True)

    answer = client.post(to(link, "activate"), headers={"Accept": "application/json"})
    again = client.post(to(link, "activate"))

    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE
    assert "/p/" in answer.json()["url"]
    assert again.status_code == 302


def test_two_editors_see_both_texts_and_nothing_is_overwritten(
    client: Client, ada: Customer, owner: User
) -> None:
    link = make_link(ada)
    seen = {
        "due_on": "",
        "expires_at": "",
        "note": "Mine",
        "version": str(link.version),
    }
    links.edit(
        link,
        due_on=None,
        note_text="Theirs",
        expires_at=None,
        version=link.version,
        actor=owner.actor(),
    )

    refused = client.post(to(link, "edit"), seen)

    link.refresh_from_db()
    page = refused.content.decode()
    assert refused.status_code == 409
    assert link.note == "Theirs"
    assert "Mine" in page
    assert "Theirs" in page
    values = refused.context["panels"]["edit"].values
    assert client.post(to(link, "edit"), values).status_code == 302
    link.refresh_from_db()
    assert link.note == "Mine"


@pytest.mark.parametrize(
    ("field", "typed"),
    [("due_on", "tomorrow"), ("expires_at", "2001-01-01T00:00"), ("note", "a\x00b")],
)
def test_edit_refuses_beside_the_field(
    client: Client, ada: Customer, field: str, typed: str
) -> None:
    link = make_link(ada)
    form = {"due_on": "", "expires_at": "", "note": "", "version": str(link.version)}

    answer = client.post(to(link, "edit"), {**form, field: typed})

    assert field in answer.context["panels"]["edit"].errors
    link.refresh_from_db()
    assert (link.due_on, link.expires_at, link.note) == (None, None, "")


def test_cancel_tells_the_reason_once(
    client: Client, ada: Customer, owner: User
) -> None:
    link = make_link(ada)
    sending.send(link, ["email"], actor=owner.actor())
    form = {"reason": "Sold out", "tell": "on", "version": str(link.version)}

    first = client.post(to(link, "cancel"), form)
    second = client.post(to(link, "cancel"), form)

    link.refresh_from_db()
    assert (first.status_code, second.status_code) == (302, 409)
    assert (link.status, link.cancel_reason) == (LinkStatus.CANCELED, "Sold out")
    assert Message.objects.filter(kind="cancellation").count() == 1


def test_expired_link_opens_again(client: Client, ada: Customer) -> None:
    link = make_link(ada)
    link.move_to(LinkStatus.EXPIRED)

    bad = client.post(to(link, "extend"), {"expires_at": "2001-01-01T10:00"})
    good = client.post(to(link, "extend"), {"expires_at": ""})

    link.refresh_from_db()
    assert "expires_at" in bad.context["panels"]["extend"].errors
    assert good.status_code == 302
    assert link.status == LinkStatus.ACTIVE


def test_recorded_payment_is_booked_once(client: Client, ada: Customer) -> None:
    link = make_link(ada, amount_minor=5000)
    form = {
        "amount": "20",
        "method": "cash",
        "key": ids.new("frm"),
        "note": "Till 2",
        "version": str(link.version),
    }

    client.post(to(link, "record"), form)
    client.post(to(link, "record"), form)

    link.refresh_from_db()
    assert link.amount_paid_minor == 2000
    assert Payment.objects.get().note == "Till 2"
    page = client.get(to(link, "change"))
    assert page.context["panels"]["record"].values["amount"] == "30.00"


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("amount", "0"),
        ("amount", "1e3"),
        ("method", "bitcoin"),
        ("paid_on", "2999-01-01"),
        ("note", "4242 4242 4242 4242"),
    ],
)
def test_payment_is_refused_beside_its_field(
    client: Client, ada: Customer, field: str, typed: str
) -> None:
    link = make_link(ada)
    form = {
        "amount": "5",
        "method": "cash",
        "key": ids.new("frm"),
        "version": str(link.version),
    }

    answer = client.post(to(link, "record"), {**form, field: typed})

    assert field in answer.context["panels"]["record"].errors
    assert not Payment.objects.exists()


def test_more_than_is_open_is_asked_about_and_never_lost(
    client: Client, ada: Customer
) -> None:
    link = make_link(ada)
    form = {
        "amount": "500.00",
        "method": "cash",
        "key": ids.new("frm"),
        "note": "Till 2",
        "version": str(link.version),
    }

    asked = client.post(to(link, "record"), form)

    page = asked.content.decode()
    assert asked.status_code == 422
    assert "more than the €12.50 that is open" in page
    assert 'value="500.00"' in page
    assert not link.payments.exists()
    assert client.post(to(link, "record"), {**form, "more": "yes"}).status_code == 302
    assert link.payments.get().amount_minor == 50_000


def test_a_surplus_is_one_decision(client: Client, ada: Customer, owner: User) -> None:
    link = make_link(ada)
    payment = payments.record(make_seen(link, amount_minor=5_000))
    assert payment is not None
    refund = payment.refunds.get()
    reviewed = reverse("admin:links_payment_reviewed", args=[payment.pk])

    answer = client.post(reviewed, follow=True)

    payment.refresh_from_db()
    assert "Decide on its refund first" in answer.content.decode()
    assert payment.reviewed_at is None
    refunding.decline(refund, user=owner)
    payment.refresh_from_db()
    assert payment.reviewed_at is not None


def test_odd_money_is_shown_until_a_person_dealt_with_it(
    client: Client, ada: Customer, owner: User
) -> None:
    link = make_link(ada)
    links.cancel(link, actor=owner.actor())
    payment = payments.record(make_seen(link))
    assert payment is not None
    reviewed = reverse("admin:links_payment_reviewed", args=[payment.pk])

    before = client.get(to(link, "change")).content.decode()
    looked = client.get(reviewed)
    client.post(reviewed, {"back": "link"})
    client.post(reviewed)

    payment.refresh_from_db()
    assert "Mark as dealt with" in before
    assert looked.status_code == 405
    assert payment.reviewed_at is not None
    assert link.activities.filter(kind="payment.reviewed").count() == 1
    assert "Mark as dealt with" not in client.get(to(link, "change")).content.decode()


def test_reminders_say_when_and_why_not(
    client: Client, ada: Customer, owner: User
) -> None:
    link = make_link(ada, due_on=clock.now().date() + timedelta(days=20))
    sending.send(link, ["email"], actor=owner.actor())
    planned = client.get(to(link, "change"))
    payments.record(make_seen(link))

    page = client.get(to(link, "change"))

    assert planned.context["next_reminder"]
    assert page.context["next_reminder"] == ""
    assert {row["reason"] for row in page.context["left_out"]} == {"it was paid"}
