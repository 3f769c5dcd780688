"""Several workers at one outbox on PostgreSQL."""

from functools import partial

import pytest

from links.tests.factories import make_customer, make_link
from notifications.models import Attempt, Message, MessageState
from notifications.services import delivery, outbox
from notifications.services.outbox import NewMessage

from .threads import all_well

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]

MESSAGES = 200


def make_due_messages() -> None:
    link = make_link(make_customer())
    outbox.enqueue_many(
        [
            NewMessage(
                kind="invitation",
                channel="email",
                recipient="ada@example.com",
                language="en",
                reference=link.public_id,
                dedupe_key=f"invitation:{number}",
            )
            for number in range(MESSAGES)
        ]
    )


def claim_all(size: int) -> list[int]:
    """Claim until nothing is due."""
    mine: list[int] = []
    while claims := delivery.claim(size):
        mine += [held.message.pk for held in claims]
    return mine


def test_two_workers_share_what_is_due_without_overlap() -> None:
    make_due_messages()

    first, second = all_well([partial(claim_all, 25), partial(claim_all, 25)])

    assert len(first) + len(second) == MESSAGES
    assert set(first) & set(second) == set()
    assert first
    assert second
    assert Attempt.objects.count() == MESSAGES
    states = set(Message.objects.values_list("state", "fence", "tries"))
    assert states == {(MessageState.SENDING, 1, 1)}
