"""The link is locked first, whoever comes: two workers wait, and never for each other."""

import threading
import time

import pytest
from django.db import connection, connections, transaction

from links.models import Checkout, CheckoutState, PaymentLink
from links.providers.base import CheckoutSnapshot, SessionState
from links.services import checkouts
from links.tests.factories import make_link

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]


def wait_until_somebody_waits() -> None:
    for _look in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    pytest.fail("Nobody waited for the link.")


def test_the_end_of_a_session_waits_for_a_click_without_deadlock() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    checkout = link.checkouts.get()
    ended = CheckoutSnapshot(checkout.provider_session_id, SessionState.EXPIRED)

    def book() -> None:
        try:
            with transaction.atomic():  # as the inbox does
                checkouts.apply(checkout, ended)
        finally:
            connections.close_all()

    worker = threading.Thread(target=book)
    with transaction.atomic():
        PaymentLink.objects.locked(link.pk)
        worker.start()
        wait_until_somebody_waits()
        # A click locks the session after its link; the worker must not hold it.
        locked = Checkout.objects.select_for_update(nowait=True, of=("self",))
        assert locked.get(pk=checkout.pk).state == CheckoutState.OPEN
    worker.join(10)

    assert Checkout.objects.get(pk=checkout.pk).state == CheckoutState.EXPIRED
