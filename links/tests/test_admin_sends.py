"""Sending on staff's screens: later, with seconds to undo it, and recalled."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from conftest import FrozenClock
from customers.models import Customer
from links.models import LinkStatus, PaymentLink, PlannedSend, PlanState
from links.services import later, sending
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib import ids
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Allowance, Message, MessageState

from .admin_forms import ADD, errors_of, filled
from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(frozen: FrozenClock) -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def client(settings: Any, owner: User) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def link(owner: User) -> PaymentLink:
    return make_link(make_customer(), actor=owner.actor())


def to(link: PaymentLink, name: str, *more: int) -> str:
    return reverse(f"admin:links_paymentlink_{name}", args=[link.pk, *more])


def send(client: Client, link: PaymentLink, **changes: object) -> Any:
    form = {"channels": ["email"], "key": ids.new("frm"), **changes}
    return client.post(to(link, "send"), form, follow=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_waits_ten_seconds_and_says_so(
    client: Client, link: PaymentLink, frozen: FrozenClock
) -> None:
    answer = send(client, link)

    row = PlannedSend.objects.get()
    assert said(answer) == ["It leaves in 10 seconds. Until then you can take it back."]
    page = answer.content.decode()
    assert 'data-countdown="10"' in page
    assert "Undo" in page
    assert '<meta http-equiv="refresh" content="12">' in page
    assert row.is_undo
    frozen.move(seconds=10)
    later.send_due()
    assert Message.objects.count() == 1
    assert "data-countdown" not in client.get(to(link, "change")).content.decode()


def test_undo_takes_it_back_once(client: Client, link: PaymentLink) -> None:
    send(client, link)
    row = PlannedSend.objects.get()

    first = client.post(to(link, "planned", row.pk), {"act": "undo"}, follow=True)
    second = client.post(to(link, "planned", row.pk), {"act": "undo"}, follow=True)

    assert said(first) == ["It was taken back; nothing was sent."]
    assert said(second) == ["It was taken back already; nothing was sent."]
    assert "Taken back" in first.content.decode()
    link.refresh_from_db()
    assert link.last_sent_at is None
    assert not Message.objects.exists()


def test_undo_after_it_left_says_so_and_offers_the_recall(
    client: Client, link: PaymentLink, frozen: FrozenClock
) -> None:
    send(client, link)
    row = PlannedSend.objects.get()
    frozen.move(seconds=10)
    later.send_due()

    answer = client.post(to(link, "planned", row.pk), {"act": "undo"})

    assert answer.status_code == 409
    assert "It has left already. You can still recall the link." in str(
        answer.content.decode()
    )
    assert Message.objects.count() == 1


def test_a_form_posted_twice_waits_once_and_goes_once(
    client: Client, link: PaymentLink, frozen: FrozenClock
) -> None:
    key = ids.new("frm")
    send(client, link, key=key)
    send(client, link, key=key)
    frozen.move(seconds=10)
    later.send_due()

    answer = send(client, link, key=key)

    assert said(answer) == ["It was sent already."]
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"when": "morning"}, datetime(2026, 6, 16, 13, 0, tzinfo=UTC)),
        (
            {"when": "at", "send_at": "2026-06-20T15:30"},
            datetime(2026, 6, 20, 19, 30, tzinfo=UTC),
        ),
    ],
)
def test_leaves_by_the_customers_clock(
    client: Client, link: PaymentLink, form: dict[str, str], expected: datetime
) -> None:
    answer = send(client, link, **form)

    row = PlannedSend.objects.get()
    assert (row.due_at, row.is_undo) == (expected, False)
    assert "their time" in said(answer)[0]
    assert "Goes out" in answer.content.decode()
    rows = client.get(reverse("admin:links_paymentlink_changelist")).content.decode()
    assert "their time" in rows


def test_at_night_it_warns_and_obeys(client: Client, link: PaymentLink) -> None:
    answer = send(client, link, when="at", send_at="2026-06-20T23:00")

    assert PlannedSend.objects.count() == 1
    assert any("08:00" in line for line in said(answer))


@pytest.mark.parametrize("typed", ["", "2026-06-01T09:00", "2028-06-01T09:00", "soon"])
def test_a_moment_that_cannot_be_is_said_beside_it(
    client: Client, link: PaymentLink, typed: str
) -> None:
    answer = send(client, link, when="at", send_at=typed)

    panel = answer.context["panels"]["send"]
    assert answer.status_code == 422
    assert panel.is_open
    assert "send_at" in panel.errors
    assert (panel.values["when"], panel.values["send_at"]) == ("at", typed)
    assert panel.channels == ("email",)
    assert not PlannedSend.objects.exists()


def test_a_planned_time_is_changed_or_the_refusal_keeps_what_was_typed(
    client: Client, link: PaymentLink
) -> None:
    send(client, link, when="morning")
    row = PlannedSend.objects.get()
    where = to(link, "planned", row.pk)

    refused = client.post(where, {"act": "move", "send_at": "2026-01-01T09:00"})
    client.post(where, {"act": "move", "send_at": "2026-06-17T10:00"})

    row.refresh_from_db()
    assert refused.status_code == 422
    assert 'value="2026-01-01T09:00"' in refused.content.decode()
    assert "This moment has passed." in refused.content.decode()
    assert row.due_at == datetime(2026, 6, 17, 14, 0, tzinfo=UTC)


def test_nothing_of_a_get_changes_anything(client: Client, link: PaymentLink) -> None:
    send(client, link, when="morning")
    row = PlannedSend.objects.get()

    for name, more in (("planned", [row.pk]), ("recall", []), ("send", [])):
        assert client.get(to(link, name, *more)).status_code == 405

    row.refresh_from_db()
    assert row.state == PlanState.WAITING


def test_of_another_link_it_is_not_found(client: Client, link: PaymentLink) -> None:
    send(client, link, when="morning")
    row = PlannedSend.objects.get()
    other = make_link(make_customer(email="b@example.com"))

    assert client.post(to(other, "planned", row.pk), {"act": "undo"}).status_code == 404
    assert client.post(to(link, "planned", 2**70), {"act": "undo"}).status_code == 404


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FINANCE])
def test_who_may_only_look_can_neither_undo_nor_recall(
    client: Client, link: PaymentLink, role: Role
) -> None:
    send(client, link)
    row = PlannedSend.objects.get()
    client.force_login(make_user(role))

    page = client.get(to(link, "change")).content.decode()
    undo = client.post(to(link, "planned", row.pk), {"act": "undo"})
    recall = client.post(to(link, "recall"), {})

    assert (undo.status_code, recall.status_code) == (403, 403)
    assert to(link, "planned", row.pk) not in page
    row.refresh_from_db()
    assert row.state == PlanState.WAITING


def test_a_colleagues_link_does_not_exist_for_an_agent(
    client: Client, link: PaymentLink
) -> None:
    send(client, link)
    row = PlannedSend.objects.get()
    client.force_login(make_user(Role.AGENT))

    assert client.post(to(link, "planned", row.pk), {"act": "undo"}).status_code == 404
    assert client.post(to(link, "cancel"), {}).status_code == 404
    assert client.post(to(link, "recall"), {}).status_code == 403


def test_the_create_screen_plans_as_well(client: Client, frozen: FrozenClock) -> None:
    ada: Customer = make_customer()
    form = filled(ada, action="send", channels=["email"], when="morning")

    client.post(ADD, form)
    client.post(ADD, form)

    link = PaymentLink.objects.get()
    assert link.status == LinkStatus.ACTIVE
    assert PlannedSend.objects.get().link == link
    assert not Message.objects.exists()


def test_the_create_screen_refuses_a_moment_gone_by_and_makes_nothing(
    client: Client,
) -> None:
    form = filled(
        make_customer(),
        action="send",
        channels=["email"],
        when="at",
        send_at="2026-01-01T09:00",
    )

    answer = client.post(ADD, form)

    assert "send_at" in errors_of(answer)
    assert 'value="2026-01-01T09:00"' in answer.content.decode()
    assert not PaymentLink.objects.exists()


def test_corrected_before_it_left_the_new_link_goes_instead(
    client: Client, frozen: FrozenClock
) -> None:
    ada = make_customer()
    client.post(ADD, filled(ada, action="send", channels=["email"]))
    old = PaymentLink.objects.get()

    client.post(to(old, "correct"), filled(ada, line_unit_amount=["15"]))
    frozen.move(seconds=10)
    later.send_due()

    fresh = PaymentLink.objects.get(replaces=old)
    message = Message.objects.get()
    assert (message.kind, message.reference) == ("invitation", fresh.public_id)


def test_recalls_in_their_language_and_tells(
    client: Client, link: PaymentLink, owner: User
) -> None:
    sending.send(link, ["email"], actor=owner.actor())
    Message.objects.update(state=MessageState.DELIVERED)
    message = Message.objects.get()
    mail = client.get(
        reverse("admin:notifications_message_change", args=[message.pk])
    ).content.decode()
    page = client.get(to(link, "change"), {"act": "recall"})
    panel = page.context["panels"]["recall"]

    answer = client.post(to(link, "recall"), panel.values, follow=True)

    link.refresh_from_db()
    assert f"{to(link, 'change')}?act=recall" in mail
    assert panel.is_open
    assert link.is_withdrawn
    assert Message.objects.filter(kind="cancellation").count() == 1
    assert "Recalled" in answer.content.decode()


def test_a_card_number_is_refused_as_words_on_the_page(
    client: Client, link: PaymentLink, owner: User
) -> None:
    sending.send(link, ["email"], actor=owner.actor())
    link.refresh_from_db()
    form = {"reason": "4242 4242 4242 4242", "version": str(link.version)}

    answer = client.post(to(link, "recall"), form)

    link.refresh_from_db()
    assert "reason" in answer.context["panels"]["recall"].errors
    assert link.status == LinkStatus.ACTIVE


def test_says_when_the_days_limit_is_reached_and_sends_all_the_same(
    client: Client, link: PaymentLink, frozen: FrozenClock
) -> None:
    Business.objects.current()
    Business.objects.update(daily_email_limit=2, undo_seconds=0)
    business_services.forget()
    Allowance.objects.create(
        channel="email", free_at=frozen.at, counted_on=frozen.at.date(), used_today=2
    )

    page = client.get(to(link, "change")).content.decode()
    send(client, link)

    business_services.forget()
    assert "limit of 2 e-mails is reached" in page
    assert Message.objects.count() == 1


def test_the_page_costs_few_queries_with_much_planned(
    client: Client, link: PaymentLink, django_assert_max_num_queries: Any
) -> None:
    for day in range(17, 27):
        send(client, link, when="at", send_at=f"2026-06-{day}T10:00")
    assert PlannedSend.objects.count() == 10

    with django_assert_max_num_queries(58):
        client.get(to(link, "change"))
