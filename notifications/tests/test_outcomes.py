"""What is written down of a batch, when, and by whom no longer."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db.models import F

from notifications.channels.base import Outgoing
from notifications.models import Attempt, Message
from notifications.services import delivery, outcomes

from .carriers import FakeCarrier
from .factories import Shop, message

pytestmark = pytest.mark.django_db


def run() -> None:
    delivery.deliver(delivery.claim(200))


def test_late_outcome_is_kept_on_the_attempt_only(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message()

    def lose_the_claim(outgoing: Outgoing) -> None:
        Message.objects.update(fence=F("fence") + 1)

    carrier.on_send = lose_the_claim
    run()

    row.refresh_from_db()
    assert (row.state, row.provider_message_id, row.sent_at) == ("sending", "", None)
    assert Attempt.objects.get().outcome == "late sent"


def test_without_the_fence_a_late_worker_overwrites_the_outcome(
    shop: Shop, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    row = message()
    monkeypatch.setattr(outcomes, "_HELD", "true")

    def lose_the_claim(outgoing: Outgoing) -> None:
        Message.objects.update(fence=F("fence") + 1)

    carrier.on_send = lose_the_claim
    run()

    row.refresh_from_db()
    assert row.state == "sent"


class Dies(BaseException):
    """What no code expects: the end of the process, as near as a test can come."""


def test_what_was_sent_is_written_down_whatever_ends_the_batch(
    shop: Shop, carrier: FakeCarrier
) -> None:
    rows = [message(number) for number in range(3)]

    def die_at_the_third(outgoing: Outgoing) -> None:
        if len(carrier.taken) == 2:
            raise Dies

    carrier.on_send = die_at_the_third
    with pytest.raises(Dies):
        run()

    states = [Message.objects.get(pk=row.pk).state for row in rows]
    assert states == ["sent", "sent", "sending"]


@pytest.mark.parametrize(("channel", "groups"), [("email", 2), ("sms", 60)])
def test_mails_are_written_down_in_groups_and_sms_one_by_one(
    shop: Shop,
    carrier: FakeCarrier,
    monkeypatch: pytest.MonkeyPatch,
    channel: str,
    groups: int,
) -> None:
    for number in range(60):
        message(number, channel=channel)
    written: list[int] = []
    write = outcomes._write_group

    def count(group: Sequence[Any], state: Any) -> None:
        written.append(len(group))
        write(group, state)

    monkeypatch.setattr(outcomes, "GROUP_SECONDS", 60.0)
    monkeypatch.setattr(outcomes, "_write_group", count)
    run()

    assert len(written) == groups
    assert sum(written) == Message.objects.filter(state="sent").count() == 60
    assert Attempt.objects.filter(outcome="sent").count() == 60


def test_a_slow_carrier_keeps_no_outcome_waiting(
    shop: Shop, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a worker that dies while it waits would repeat all that it sent before."""
    message(1)
    message(2)
    monkeypatch.setattr(outcomes, "GROUP_SECONDS", 0.0)
    seen: list[str] = []
    carrier.on_send = lambda outgoing: seen.extend(
        Message.objects.order_by("id").values_list("state", flat=True)
    )

    run()

    assert seen == ["sending", "sending", "sent", "sending"]
