"""Many ask for money back at once: never more goes out than came in.

In the control the payment's lock is taken away and nothing else is changed.
"""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from links.models import Payment, Refund
from links.providers.base import RefundRequest, RefundSnapshot
from links.providers.manual import ManualProvider
from links.services import manual, refunding
from links.services.errors import LinkError
from links.tests.factories import make_customer, make_link, make_user
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.roles import Role

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
REQUESTS, AT_ONCE, PART = 200, 8, 100


@pytest.fixture
def payment() -> Payment:
    link = make_link(make_customer(), amount_minor=1250)
    return manual.record_payment(link, amount_minor=1250, method="cash", actor=SYSTEM)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the provider was asked for each refund."""
    asked: Counter[str] = Counter()
    lock = threading.Lock()
    refund = ManualProvider.refund

    def counted(self: ManualProvider, request: RefundRequest) -> RefundSnapshot:
        with lock:
            asked[request.reference] += 1
        return refund(self, request)

    monkeypatch.setattr(ManualProvider, "refund", counted)
    return asked


def ask_at_once(payment: Payment, requests: int = REQUESTS) -> int:
    """Each proposes, approves and sends one part, all at once; how many went well."""
    owner = make_user(Role.OWNER)

    def one(_number: int) -> bool:
        try:
            refund = refunding.propose(
                payment, amount_minor=PART, actor=owner.actor(), reason="all at once"
            )
            refunding.approve(refund, user=owner)
            refunding.send(refund.pk)
        except LinkError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(one, range(requests)))


def test_never_more_goes_out_than_came_in(
    payment: Payment, given: Counter[str]
) -> None:
    went_well = ask_at_once(payment)

    payment.refresh_from_db()
    assert went_well == payment.amount_minor // PART
    assert payment.refunded_minor == went_well * PART
    assert len(given) == went_well
    assert set(given.values()) == {1}
    states = Counter(payment.refunds.values_list("state", flat=True))
    assert states["succeeded"] == went_well


def test_control_without_the_lock_more_goes_out(
    payment: Payment, given: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier = threading.Barrier(AT_ONCE, timeout=5)
    refuse = refunding._refuse_more_than_left

    def refuse_together(locked: Payment, refund: Refund) -> None:
        refuse(locked, refund)
        if refund.pk is not None:  # while approving: all have looked before one writes
            barrier.wait()

    monkeypatch.setattr(
        refunding, "_locked", lambda pk: (Payment.objects.get(pk=pk), None)
    )
    monkeypatch.setattr(refunding, "_refuse_more_than_left", refuse_together)
    monkeypatch.setattr("tests.stack.test_refund_races.PART", 1000)

    went_well = ask_at_once(payment, AT_ONCE)

    assert went_well * 1000 > payment.amount_minor
