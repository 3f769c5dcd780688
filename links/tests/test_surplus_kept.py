"""What people decided to keep is promised to nobody in a receipt."""

import pytest

from links.models import Refund
from links.services import message_values, payments, refunding
from notifications.models import Message

from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db


def test_a_receipt_written_after_the_decision_promises_nothing() -> None:
    link = make_link(make_customer())
    surplus = payments.record(make_seen(link, amount_minor=2250))
    assert surplus is not None
    receipts = list(Message.objects.filter(subject_id=surplus.public_id))
    receipt = receipts[0]
    before = message_values.context([receipt])[receipt.pk]["surplus"]

    refunding.decline(Refund.objects.get(origin="surplus"), user=make_user())

    after = message_values.context([receipt])[receipt.pk]["surplus"]
    assert (before, after) == ("€10.00", "")
