"""The switch that stops all sending: what waits, what does not, and who may turn it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from merchant_portal.audit.models import AuditEntry
from merchant_portal.business import services as business_services
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from notifications.models import Message, MessageState
from notifications.services import claims, delivery, outbox

from .carriers import FakeCarrier
from .factories import NOON, Shop, message

pytestmark = pytest.mark.django_db


def stop() -> None:
    assert business_services.stop_sending(actor=SYSTEM)


def sign_in_mail() -> Message:
    row = outbox.enqueue(
        kind="notice",
        channel="email",
        recipient="olga@shop.example",
        language="en",
        reference="usr_1",
        dedupe_key="notice:1",
        values={"subject": "Sign-in", "body": "You have signed in."},
    )
    assert row is not None
    return row


def test_what_is_due_waits_and_leaves_when_it_is_turned_on(
    shop: Shop, carrier: FakeCarrier
) -> None:
    for number, kind in enumerate(("invitation", "reminder", "receipt")):
        message(number, kind=kind)
    message(9, channel="sms")
    stop()

    delivery.deliver(delivery.claim(100))

    assert carrier.taken == []
    assert set(Message.objects.values_list("state", "tries")) == {("queued", 0)}
    assert business_services.resume_sending(actor=SYSTEM)
    delivery.deliver(delivery.claim(100))
    assert len(carrier.taken) == 4


def test_what_is_no_longer_wanted_then_is_not_sent(
    shop: Shop, carrier: FakeCarrier
) -> None:
    message(reference="plk_paid")
    stop()
    shop.unwanted.add("plk_paid")
    business_services.resume_sending(actor=SYSTEM)

    delivery.deliver(delivery.claim(100))

    assert carrier.taken == []
    assert Message.objects.get().state == MessageState.CANCELED


def test_people_who_sign_in_get_their_mails(shop: Shop, carrier: FakeCarrier) -> None:
    message()
    mine = sign_in_mail()
    stop()

    delivery.deliver(delivery.claim(100))

    assert [sent.public_id for sent in carrier.taken] == [mine.public_id]


def test_a_batch_at_work_stops_at_its_next_look(
    shop: Shop, carrier: FakeCarrier
) -> None:
    for number in range(3):
        message(number)
    held = delivery.claim(100)
    stop()

    assert claims.renew(held) == []

    # Their leases lapse, and they wait like all others.
    with clock.frozen(NOON + timedelta(minutes=2)):
        Message.objects.update(lease_until=clock.database_now() - timedelta(seconds=1))
        claims.reap()
        assert claims.claim(100) == []
    assert Message.objects.filter(state=MessageState.QUEUED).count() == 3


def test_turning_it_twice_is_once() -> None:
    stop()
    assert not business_services.stop_sending(actor=SYSTEM)
    assert business_services.resume_sending(actor=SYSTEM)
    assert not business_services.resume_sending(actor=SYSTEM)
    assert AuditEntry.objects.count() == 2


class TestAdmin:
    STOP = reverse("admin:notifications_message_stop")
    RESUME = reverse("admin:notifications_message_resume")
    LIST = reverse("admin:notifications_message_changelist")

    @pytest.fixture(autouse=True)
    def _settings(self, settings: Any) -> None:
        settings.STAFF_MFA_REQUIRED = False
        business_services.forget()

    def signed_in(self, role: Role) -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    def test_owners_turn_it_and_everybody_sees(self) -> None:
        owner, clerk = self.signed_in(Role.OWNER), self.signed_in(Role.AGENT)
        assert "Stop it now" in owner.get(self.LIST).content.decode()

        assert owner.post(self.STOP).status_code == 302

        assert "All sending is stopped." in owner.get(self.LIST).content.decode()
        page = clerk.get("/admin/").content.decode()
        assert "Sending is stopped" in page
        assert owner.post(self.RESUME).status_code == 302
        assert "Sending is stopped" not in clerk.get("/admin/").content.decode()

    @pytest.mark.parametrize("role", [role for role in Role if role != Role.OWNER])
    def test_others_do_not(self, role: Role) -> None:
        client = self.signed_in(role)

        assert client.post(self.STOP).status_code == 403
        assert "Stop it now" not in client.get(self.LIST).content.decode()

    def test_looking_turns_nothing(self) -> None:
        assert self.signed_in(Role.OWNER).get(self.STOP).status_code == 405
