"""Two refunds at once on PostgreSQL never give back more than came in."""

from functools import partial

import pytest

from links.models import TrainingPayment, TrainingRefund
from links.providers import training
from links.providers.base import ProviderRejected, RefundRequest, RefundSnapshot
from links.providers.training import TrainingProvider
from links.tests.provider_contract import REQUEST
from merchant_portal.lib import ids
from merchant_portal.lib.money import Money

from .threads import all_well, together

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]


def paid() -> TrainingPayment:
    TrainingProvider().create_checkout(REQUEST)
    session = training.find_session(REQUEST.reference)
    assert session is not None
    payment = training.answer(session, "approve")
    assert payment is not None
    return payment


def test_of_several_refunds_only_those_are_made_that_there_is_money_for() -> None:
    payment = paid()
    requests = [
        RefundRequest(ids.new("rfd"), payment.payment_id, Money(500, "EUR"))
        for _ in range(6)
    ]

    results = together([partial(TrainingProvider().refund, one) for one in requests])

    made = [one for one in results if isinstance(one, RefundSnapshot)]
    refused = [one for one in results if isinstance(one, ProviderRejected)]
    assert (len(made), len(refused)) == (2, 4)
    assert TrainingRefund.objects.count() == 2


def test_the_same_refund_at_once_is_made_once() -> None:
    payment = paid()
    request = RefundRequest(ids.new("rfd"), payment.payment_id, Money(1250, "EUR"))

    made = all_well([partial(TrainingProvider().refund, request)] * 6)

    assert len(set(made)) == 1
    assert TrainingRefund.objects.count() == 1
