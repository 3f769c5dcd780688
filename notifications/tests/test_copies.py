"""The shop's own copy of each mail that asks for money."""

from typing import Any

import pytest
from django.db import DatabaseError

from merchant_portal.business.models import Business
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageContent, MessageState
from notifications.services import contents, copies, delivery, outbox

from .factories import Shop, message

pytestmark = pytest.mark.django_db
BOX = "box@shop.example"


def want_copies(to: str = BOX) -> None:
    Business.objects.update_or_create(pk=1, defaults={"copy_invitations_to": to})


def send_all() -> None:
    """Until nothing is due any more."""
    while claimed := delivery.claim(100):
        delivery.deliver(claimed)


def copied() -> list[Message]:
    return list(Message.objects.filter(kind="copy").order_by("pk"))


def test_follows_each_mail_that_asks_and_no_other(shop: Shop) -> None:
    want_copies()
    rows = [
        message(1),
        message(2, kind="reminder"),
        message(3, kind="receipt"),
        message(4, channel="sms"),
    ]
    send_all()

    assert [copy.reference for copy in copied()] == [row.public_id for row in rows[:2]]
    assert {copy.recipient for copy in copied()} == {BOX}
    assert {copy.state for copy in copied()} == {MessageState.CAPTURED}


def test_without_a_mailbox_there_is_none(shop: Shop) -> None:
    message(1)
    send_all()

    assert copied() == []


def test_says_what_the_mail_said_with_the_same_link(shop: Shop) -> None:
    want_copies()
    original = message(1)
    send_all()

    [copy] = copied()
    mine, theirs = contents.shown(copy), contents.shown(original)
    assert mine is not None
    assert theirs is not None
    assert mine.subject == f"Copy: {theirs.subject}"
    assert (mine.text, mine.html) == (theirs.text, theirs.html)
    kept = MessageContent.objects.get(message=copy)
    assert "{link_url}" in kept.text


def test_nobody_stops_reminders_from_it(shop: Shop) -> None:
    want_copies()
    original = message(1, kind="reminder")
    send_all()

    [copy] = copied()
    seen = contents.shown(copy)
    theirs = contents.shown(original)
    assert seen is not None
    assert theirs is not None
    assert "/unsubscribe/" in theirs.text
    assert "/unsubscribe/" not in seen.text + seen.html
    assert f"/admin/notifications/message/{original.pk}/change/" in seen.text
    assert contents.addresses([copy])[copy.pk].keys() == {"link_url"}


def test_one_a_mail_however_often_it_is_reported(shop: Shop) -> None:
    want_copies()
    original = message(1)
    send_all()
    for _again in range(2):
        copies.follow([original])
        send_all()

    assert len(copied()) == 1


def test_what_waits_is_withdrawn_when_it_is_switched_off(shop: Shop) -> None:
    want_copies()
    message(1)
    delivery.deliver(delivery.claim(1))
    assert [copy.state for copy in copied()] == [MessageState.QUEUED]

    want_copies("")
    send_all()

    assert [copy.state for copy in copied()] == [MessageState.CANCELED]


def test_a_copy_that_cannot_be_written_does_not_touch_the_mail(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    want_copies()
    original = message(1)

    def fail(*_args: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(copies, "_store", fail)
    send_all()

    original.refresh_from_db()
    assert original.state == MessageState.CAPTURED
    assert copied() == []


def test_many_cost_few_statements(
    shop: Shop, django_assert_max_num_queries: Any
) -> None:
    want_copies()
    rows = [message(number) for number in range(30)]
    send_all()
    Message.objects.filter(kind="copy").delete()

    with django_assert_max_num_queries(10):
        copies.follow(rows)

    assert len(copied()) == 30


def test_a_copy_goes_again_with_its_words(shop: Shop) -> None:
    want_copies()
    message(1)
    send_all()
    [copy] = copied()
    Message.objects.filter(pk=copy.pk).update(state=MessageState.FAILED)
    copy.refresh_from_db()

    again = outbox.retry(copy, actor=SYSTEM)

    assert again is not None
    assert contents.shown(again) == contents.shown(copy)
