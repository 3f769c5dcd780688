"""Handing over, and what becomes of each answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from merchant_portal.lib import clock
from notifications import kinds
from notifications.channels.base import (
    Attachment,
    ChannelDown,
    ChannelError,
    Outgoing,
    Refused,
    TooLate,
    Unavailable,
    Unclear,
)
from notifications.models import (
    Attempt,
    ChannelPause,
    Message,
    MessageContent,
    OptOut,
)
from notifications.services import contents, delivery, unsubscribing
from notifications.signals import message_settled

from .carriers import FakeCarrier
from .factories import LINK_URL, NOON, TOKEN, Shop, message

pytestmark = pytest.mark.django_db


def answer_with(carrier: FakeCarrier, error: ChannelError) -> None:
    def on_send(outgoing: Outgoing) -> None:
        raise error

    carrier.on_send = on_send


def run() -> None:
    delivery.deliver(delivery.claim(200))


def test_sent_message_is_what_was_rendered(shop: Shop, carrier: FakeCarrier) -> None:
    row = message(kind="reminder")

    run()

    row.refresh_from_db()
    assert (row.state, row.sent_at, row.lease_until) == ("sent", NOON, None)
    assert row.provider_message_id == f"id-{row.public_id}"
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.fence, attempt.finished_at) == ("sent", 1, NOON)
    [sent] = carrier.taken
    assert LINK_URL in sent.text
    assert LINK_URL in sent.html
    assert sent.unsubscribe_url == unsubscribing.url_of(row)
    assert sent.unsubscribe_url in sent.text


def test_invitation_has_no_unsubscribe_header(shop: Shop, carrier: FakeCarrier) -> None:
    message()

    run()

    assert carrier.taken[0].unsubscribe_url == ""


def test_each_file_is_made_when_its_mail_leaves(
    shop: Shop, carrier: FakeCarrier
) -> None:
    shop.with_file = {"plk_1", "plk_3"}
    for number in (1, 2, 3):
        message(number, reference=f"plk_{number}")
    message(4, channel="sms")
    carrier.on_send = lambda outgoing: shop.asked.append(f"sent {outgoing.recipient}")
    carrier.asks_ahead = True

    run()

    steps = [step for step in shop.asked if step.startswith(("file", "sent"))]
    assert steps == [
        "file of plk_1",
        "sent ada1@example.com",
        "sent ada2@example.com",
        "file of plk_3",
        "sent ada3@example.com",
        "sent +14155550004",
    ]
    files = [[file.filename for file in sent.attachments] for sent in carrier.taken]
    assert files == [["plk_1.pdf"], [], ["plk_3.pdf"], []]


def test_a_file_that_cannot_be_made_holds_up_no_mail(
    shop: Shop, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.with_file = {"plk_1", "plk_2"}
    make = shop._file

    def fail(row: Message) -> Sequence[Attachment]:
        if row.reference == "plk_1":
            raise ValueError("no ink")
        return make(row)

    monkeypatch.setattr(shop, "_file", fail)
    for number in (1, 2, 3):
        message(number, reference=f"plk_{number}")

    run()

    assert [len(sent.attachments) for sent in carrier.taken] == [0, 1, 0]


def test_kinds_that_cannot_say_their_files_hold_up_no_mail(
    shop: Shop, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(messages: Sequence[Message]) -> dict[int, kinds.Files]:
        raise KeyError("gone")

    message()
    kind = replace(kinds.get("invitation"), attachments=no_answer)
    monkeypatch.setitem(kinds._KINDS, "invitation", kind)

    run()

    assert [sent.attachments for sent in carrier.taken] == [()]


def test_a_file_is_made_once_though_its_claim_grew_old(
    shop: Shop, carrier: FakeCarrier
) -> None:
    shop.with_file = {"plk_1"}
    message()
    late = iter([TooLate("The claim is too old.")])

    def on_send(outgoing: Outgoing) -> None:
        for error in late:
            Message.objects.update(lease_until=NOON)
            raise error

    carrier.on_send = on_send
    claims = [replace(held, start_before=0.0) for held in delivery.claim(10)]

    delivery.deliver(claims)

    assert len(carrier.taken) == 1
    assert shop.asked.count("file of plk_1") == 1


def test_token_is_in_no_column_of_the_database(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message(kind="reminder")
    message(2, channel="sms", kind="reminder")
    unsubscribe_token = unsubscribing.url_of(row).rstrip("/").rpartition("/")[2]

    run()

    assert all(TOKEN in outgoing.text for outgoing in carrier.taken)
    found = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        for secret in (TOKEN, unsubscribe_token)
        if model._default_manager.filter(**{f"{field.name}__contains": secret}).exists()
    ]
    assert found == []
    content = MessageContent.objects.get(message=row)
    assert "{link_url}" in content.text
    assert "{unsubscribe_url}" in content.html


def test_retry_says_the_same_words_though_the_world_changed(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message()
    answer_with(carrier, Unavailable("busy"))
    run()
    shop.values["description"] = "Something else"
    carrier.on_send = lambda outgoing: None
    Message.objects.update(due_at=NOON)

    run()

    [sent] = carrier.taken
    assert "Bread" in sent.text
    assert "Something else" not in sent.text
    row.refresh_from_db()
    assert (row.state, row.tries) == ("sent", 2)


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_temporary_refusal_waits_longer_each_time_and_ends(
    shop: Shop, carrier: FakeCarrier, channel: str
) -> None:
    row = message(channel=channel)
    answer_with(carrier, Unavailable("the server answered 451"))
    waits = []
    for _ in range(4):
        run()
        row.refresh_from_db()
        assert row.state == "queued"
        waits.append((row.due_at - NOON).total_seconds())
        Message.objects.update(due_at=NOON)
    run()

    row.refresh_from_db()
    assert (row.state, row.tries) == ("failed", 5)
    assert row.last_error == "the server answered 451; gave up after 5 tries"
    for wait, base in zip(waits, [60, 240, 960, 3840], strict=True):
        assert base <= wait <= base * 1.2


def test_a_mail_whose_answers_are_lost_goes_three_times_at_most(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message()
    answer_with(carrier, Unclear("timeout"))
    for _ in range(5):
        run()
        Message.objects.filter(state="queued").update(due_at=NOON)

    row.refresh_from_db()
    assert (row.state, row.tries) == ("unknown", 3)
    assert row.last_error == "timeout; gave up after 3 tries"


def test_carrier_that_names_a_time_is_not_asked_before(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message(channel="sms")
    answer_with(carrier, Unavailable("429", retry_after_seconds=600))

    run()

    row.refresh_from_db()
    assert row.due_at >= NOON + timedelta(seconds=600)


def test_refusal_is_final(shop: Shop, carrier: FakeCarrier) -> None:
    row = message()
    answer_with(carrier, Refused("554"))

    run()
    run()

    row.refresh_from_db()
    assert (row.state, row.tries, row.last_error) == ("failed", 1, "554")
    assert not OptOut.objects.exists()


def test_dead_address_is_written_to_no_more(shop: Shop, carrier: FakeCarrier) -> None:
    message(1)
    waiting = message(1, kind="receipt", due_at=NOON + timedelta(days=1))
    answer_with(carrier, Refused("550 5.1.1", is_unreachable=True))

    run()

    opt_out = OptOut.objects.get()
    assert (opt_out.address, opt_out.scope) == ("ada1@example.com", "all")
    assert opt_out.source == "refused by fake"
    waiting.refresh_from_db()
    assert waiting.state == "suppressed"


@pytest.mark.parametrize(
    ("channel", "state"), [("email", "queued"), ("sms", "unknown")]
)
def test_no_answer_repeats_mail_but_never_an_sms(
    shop: Shop, carrier: FakeCarrier, channel: str, state: str
) -> None:
    row = message(channel=channel)
    answer_with(carrier, Unclear("timeout"))

    run()

    row.refresh_from_db()
    assert (row.state, row.last_error) == (state, "timeout")


@pytest.mark.parametrize(
    ("is_misconfigured", "pause"),
    [(True, delivery.PAUSE_MISCONFIGURED), (False, delivery.PAUSE_UNREACHABLE)],
)
def test_channel_that_is_down_burns_no_message(
    shop: Shop,
    carrier: FakeCarrier,
    caplog: pytest.LogCaptureFixture,
    is_misconfigured: bool,
    pause: timedelta,
) -> None:
    rows = [message(number) for number in range(3)]
    answer_with(
        carrier, ChannelDown("check EMAIL_URL", is_misconfigured=is_misconfigured)
    )

    for _ in range(10):
        run()

    assert {(m.state, m.tries) for m in Message.objects.all()} == {("queued", 0)}
    paused = ChannelPause.objects.get()
    assert paused.reason == "check EMAIL_URL"
    left = paused.until - clock.database_now()
    assert pause - timedelta(seconds=5) < left <= pause
    assert "channel paused" in caplog.text
    ChannelPause.objects.all().delete()
    carrier.on_send = lambda outgoing: None
    run()
    assert len(carrier.taken) == len(rows)


def test_bad_row_does_not_hold_up_the_others(shop: Shop, carrier: FakeCarrier) -> None:
    bad = message(1, reference="plk_poison")
    good = message(2)
    plain_context = shop.context

    def context(messages: Sequence[Message]) -> dict[int, kinds.Values]:
        if any(m.reference == "plk_poison" for m in messages):
            raise ZeroDivisionError
        return plain_context(messages)

    kind = kinds.get("invitation")
    object.__setattr__(kind, "context", context)

    run()

    assert [o.public_id for o in carrier.taken] == [good.public_id]
    bad.refresh_from_db()
    assert bad.state == "failed"


def test_message_about_nothing_fails(shop: Shop, carrier: FakeCarrier) -> None:
    row = message()
    object.__setattr__(kinds.get("invitation"), "context", lambda messages: {})

    run()

    row.refresh_from_db()
    assert (row.state, row.last_error) == (
        "failed",
        "What this message is about is gone.",
    )


def test_missing_link_fails_instead_of_sending_a_hole(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message()
    object.__setattr__(kinds.get("invitation"), "link_urls", lambda messages: {})

    run()

    row.refresh_from_db()
    assert carrier.taken == []
    assert (row.state, row.last_error) == ("failed", "No address for {link_url}")


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_captured_channel_keeps_and_shows(shop: Shop, channel: str) -> None:
    row = message(channel=channel)

    run()

    row.refresh_from_db()
    assert (row.state, row.sent_at, row.tries) == ("captured", NOON, 1)
    assert Attempt.objects.get().outcome == "captured"
    shown = contents.shown(row)
    assert shown is not None
    assert LINK_URL in shown.text


def test_settled_is_told_after_the_commit(
    shop: Shop,
    carrier: FakeCarrier,
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard: list[str] = []

    def listener(sender: object, message: Message, **kwargs: object) -> None:
        heard.append(f"{message.public_id} {message.state}")

    message_settled.connect(listener)
    row = message()
    try:
        with django_capture_on_commit_callbacks(execute=True):
            run()
            assert heard == []
    finally:
        message_settled.disconnect(listener)

    assert heard == [f"{row.public_id} sent"]
