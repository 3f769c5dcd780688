from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import queue
from merchant_portal.lib.actors import Actor
from notifications import kinds
from notifications.models import (
    Category,
    ChannelName,
    Message,
    MessageContent,
    MessageState,
    OptOut,
)
from notifications.services import opt_outs, outbox
from notifications.services.outbox import NewMessage

from .factories import NOON, Shop, message

pytestmark = pytest.mark.django_db


def test_enqueue_stores_one_message_a_key(shop: Shop) -> None:
    first = message()

    again = outbox.enqueue(
        kind="receipt",
        channel="sms",
        recipient="+14155550100",
        language="de",
        reference="plk_2",
        dedupe_key=first.dedupe_key,
    )
    assert again is None
    stored = Message.objects.get()
    assert stored.public_id == first.public_id
    assert (stored.state, stored.category) == ("queued", "invitation")
    assert (stored.due_at, stored.created_at) == (NOON, NOON)


def test_enqueue_wakes_a_worker_after_the_commit_only(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(queue, "_send", lambda name, args, delay: sent.append(name))

    with django_capture_on_commit_callbacks(execute=True):
        message()
        assert sent == []

    assert queue.flush(30)
    assert sent == ["notifications.tasks.send_due"]


def test_rolled_back_cause_leaves_no_message(shop: Shop) -> None:
    def cause() -> None:
        with transaction.atomic():
            message()
            raise RuntimeError("the business change failed")

    with pytest.raises(RuntimeError, match="business change"):
        cause()

    assert not Message.objects.exists()


def test_many_are_stored_once_each(shop: Shop) -> None:
    new = [
        NewMessage(
            kind="invitation",
            channel="email",
            recipient=f"a{n}@example.com",
            language="en",
            reference="plk_1",
            dedupe_key=f"k{n % 700}",
        )
        for n in range(900)
    ]

    assert len(outbox.enqueue_many(new)) == 700
    assert Message.objects.count() == 700
    assert outbox.enqueue_many(new) == []
    assert outbox.enqueue_many([]) == []


def test_channel_that_the_kind_lacks_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match="notice is not sent by sms"):
        message(kind="notice", channel=ChannelName.SMS)
    with pytest.raises(kinds.UnknownKind):
        message(kind="nothing")
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("scope", "kind", "state"),
    [
        (OptOut.Scope.REMINDERS, "reminder", MessageState.SUPPRESSED),
        (OptOut.Scope.REMINDERS, "receipt", MessageState.QUEUED),
        (OptOut.Scope.REMINDERS, "invitation", MessageState.QUEUED),
        (OptOut.Scope.ALL, "reminder", MessageState.SUPPRESSED),
        (OptOut.Scope.ALL, "receipt", MessageState.SUPPRESSED),
    ],
)
def test_opt_out_binds_what_it_says(
    shop: Shop, scope: OptOut.Scope, kind: str, state: MessageState
) -> None:
    opt_outs.store("email", "ADA1@Example.com", scope, source="unsubscribe link")

    assert message(kind=kind).state == state
    assert message(2, kind=kind).state == MessageState.QUEUED


def test_opt_out_withdraws_what_waits_for_that_address(shop: Shop) -> None:
    reminder = message(kind="reminder")
    receipt = message(kind="receipt")
    other = message(2, kind="reminder")

    first = opt_outs.store(
        "email", "Ada1@example.com", OptOut.Scope.REMINDERS, source="unsubscribe link"
    )
    second = opt_outs.store(
        "email", "ada1@example.com", OptOut.Scope.REMINDERS, source="unsubscribe link"
    )

    assert (first, second) == (1, 0)
    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {
        reminder.pk: "suppressed",
        receipt.pk: "queued",
        other.pk: "queued",
    }
    assert OptOut.objects.count() == 1


def test_cancel_withdraws_by_reference_and_category(shop: Shop) -> None:
    invitation = message()
    reminder = message(kind="reminder")
    foreign = message(2, kind="reminder", reference="plk_2")

    assert outbox.cancel("plk_1", categories={Category.REMINDER}) == 1
    assert outbox.cancel("plk_1", categories={Category.REMINDER}) == 0

    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {
        invitation.pk: "queued",
        reminder.pk: "canceled",
        foreign.pk: "queued",
    }
    assert outbox.cancel("plk_1") == 1


def test_given_words_are_kept_at_once(shop: Shop) -> None:
    row = outbox.enqueue(
        kind="notice",
        channel="email",
        recipient="owner@example.com",
        language="de",
        reference="usr_1",
        dedupe_key="n1",
        values={"subject": "Anmeldung", "body": "Neues Gerät\n{link_url}"},
    )

    content = MessageContent.objects.get(message=row)
    assert content.subject == "Anmeldung"
    assert content.text.startswith("Neues Gerät\n{literal:link_url}")


def test_templates_and_migrations_pass_the_checks() -> None:
    call_command("check")


@pytest.mark.parametrize(
    ("state", "new"),
    [
        (MessageState.CANCELED, MessageState.SENT),
        (MessageState.DELIVERED, MessageState.SENT),
        (MessageState.BOUNCED, MessageState.DELIVERED),
        (MessageState.CAPTURED, MessageState.QUEUED),
    ],
)
def test_state_never_moves_backwards(
    shop: Shop, state: MessageState, new: MessageState
) -> None:
    row = message()
    Message.objects.update(state=state)

    assert row.move_to(new) is False
    assert Message.objects.get().state == state


def test_stale_copy_does_not_move_what_another_moved(shop: Shop) -> None:
    row = message()
    stale = Message.objects.get(pk=row.pk)

    assert row.move_to(MessageState.CANCELED) is True
    assert stale.move_to(MessageState.SENDING) is False
    assert Message.objects.get().state == MessageState.CANCELED


@pytest.mark.parametrize("state", ["failed", "unknown", "bounced"])
def test_sending_again_makes_one_new_message_that_names_the_old(
    shop: Shop, state: str
) -> None:
    old = message(kind="reminder", channel="sms")
    Message.objects.update(state=state)
    old.refresh_from_db()

    new = outbox.retry(old, actor=Actor("usr_1", "Olga"))

    assert new is not None
    assert (new.kind, new.channel, new.recipient, new.reference, new.state) == (
        "reminder",
        "sms",
        old.recipient,
        "plk_1",
        "queued",
    )
    assert outbox.retry(old, actor=Actor("usr_1", "Olga")) is None
    assert Message.objects.count() == 2
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("message.sent_again", new.public_id)


@pytest.mark.parametrize(
    "state", ["queued", "sending", "sent", "delivered", "canceled"]
)
def test_what_did_not_fail_is_not_sent_again(shop: Shop, state: str) -> None:
    row = message()
    Message.objects.update(state=state)
    row.refresh_from_db()

    assert outbox.retry(row, actor=Actor("usr_1")) is None
    assert Message.objects.count() == 1


def test_words_given_by_a_caller_go_again_too(shop: Shop) -> None:
    row = outbox.enqueue(
        kind="notice",
        channel="email",
        recipient="owner@example.com",
        language="en",
        reference="usr_1",
        dedupe_key="n1",
        values={"subject": "New device", "body": "Was it you?"},
    )
    assert row is not None
    row.move_to(MessageState.FAILED)

    again = outbox.retry(row, actor=Actor("usr_1"))

    assert again is not None
    assert again.content.subject == "New device"
    assert row.content.subject == "New device"
