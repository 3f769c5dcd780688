"""A recalled request: nobody can pay it, and who got it is told in plain words."""

import pytest

from conftest import FrozenClock
from links.models import Activity, LinkStatus, PlanState
from links.services import later, payments, recalling, sending
from links.services.errors import LinkConflict
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import delivery

from .factories import make_customer, make_link, make_seen

pytestmark = pytest.mark.django_db


def test_withdraws_it_and_tells_those_who_got_it(frozen: FrozenClock) -> None:
    link = make_link(make_customer(language="de"))
    sending.send(link, ["email", "sms"], actor=SYSTEM)
    Message.objects.filter(channel="email").update(state=MessageState.DELIVERED)
    planned = later.plan(
        link, ["email"], at=frozen.at.replace(hour=20), actor=SYSTEM, key="k" * 16
    )

    assert recalling.recall(link, actor=SYSTEM)

    link.refresh_from_db()
    planned.refresh_from_db()
    assert link.is_withdrawn
    assert "versehentlich" in link.cancel_reason
    assert planned.state == PlanState.DROPPED
    assert Message.objects.get(channel="sms").state == MessageState.CANCELED
    told = Message.objects.get(kind="cancellation")
    assert (told.channel, told.recipient) == ("email", "ada@example.com")
    assert Activity.objects.get(kind="link.recalled").detail == {"told": 1}
    acts = AuditEntry.objects.filter(object_id=link.public_id).order_by("sequence")
    assert [act.action for act in acts][-2:] == ["link.canceled", "link.recalled"]


def test_what_is_being_handed_over_is_told_as_well(frozen: FrozenClock) -> None:
    link = make_link(make_customer())
    sending.send(link, ["email"], actor=SYSTEM)
    delivery.claim(10)

    recalling.recall(link, actor=SYSTEM)

    assert Message.objects.filter(kind="cancellation").count() == 1


def test_nobody_is_told_of_what_never_reached_them(frozen: FrozenClock) -> None:
    link = make_link(make_customer())
    sending.send(link, ["email"], actor=SYSTEM)

    recalling.recall(link, actor=SYSTEM, reason="Ordered twice")

    link.refresh_from_db()
    assert link.cancel_reason == "Ordered twice"
    assert not Message.objects.filter(kind="cancellation").exists()


def test_silently_where_that_is_wanted(frozen: FrozenClock) -> None:
    link = make_link(make_customer())
    sending.send(link, ["email"], actor=SYSTEM)
    Message.objects.update(state=MessageState.SENT)

    recalling.recall(link, actor=SYSTEM, tell=False)

    assert not Message.objects.filter(kind="cancellation").exists()


def test_what_is_paid_cannot_be_recalled(frozen: FrozenClock) -> None:
    link = make_link(make_customer())
    payments.record(make_seen(link))

    assert not recalling.recall(link, actor=SYSTEM)

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert not Activity.objects.filter(kind="link.recalled").exists()


def test_a_stale_page_recalls_nothing(frozen: FrozenClock) -> None:
    link = make_link(make_customer())

    with pytest.raises(LinkConflict):
        recalling.recall(link, actor=SYSTEM, version=link.version - 1)

    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE
