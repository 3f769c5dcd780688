"""One timeline of what happened to a link and of what was told about it."""

import pytest

from links.services import sending, timeline
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import reports
from notifications.services.reports import Report

from .factories import make_customer, make_link

pytestmark = pytest.mark.django_db


def test_what_a_carrier_reports_stands_there_once() -> None:
    link = make_link(make_customer())
    [message] = sending.send(link, ["sms"], actor=SYSTEM)
    Message.objects.update(state=MessageState.SENT, sent_at=clock.now())
    message.refresh_from_db()
    for state in (MessageState.SENT, MessageState.DELIVERED):
        reports.record(
            message,
            Report(
                carrier="twilio",
                event_id=f"SM7 {state}",
                kind=state,
                provider_message_id="SM7",
                state=state,
            ),
        )

    kinds = [entry.kind for entry in reversed(timeline.entries(link))]

    told = [kind for kind in kinds if kind.startswith("message.")]
    assert told == ["message.queued", "message.sent", "message.delivered"]
