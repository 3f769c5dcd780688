"""The link is locked first, whoever comes: two workers wait, and never for each other."""

import threading
import time

import pytest
from django.db import connection, connections, transaction

from links.models import Checkout, CheckoutState, PaymentLink, ReminderPlan
from links.providers.base import CheckoutSnapshot, SessionState
from links.services import checkouts, planning, sharing
from links.tests.factories import make_link, make_user
from merchant_portal.lib.actors import SYSTEM

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


def test_a_link_is_put_on_a_plan_that_others_just_follow_without_deadlock() -> None:
    """Saving the link asks for its plan to stay; whoever follows holds that plan."""
    link, user = make_link(), make_user()
    sharing.note(link, "copy_link", actor=SYSTEM)
    plan = ReminderPlan.objects.create(name="Own")
    planning.follow(plan)

    def follow() -> None:
        try:
            planning.replan()
        finally:
            connections.close_all()

    worker = threading.Thread(target=follow)
    with transaction.atomic():
        PaymentLink.objects.locked(link.pk)
        worker.start()
        wait_until_somebody_waits()
        planning.use_for_link(link, plan, by=user)
    worker.join(10)

    plan.refresh_from_db()
    assert plan.replan_after is None
    assert PaymentLink.objects.get(pk=link.pk).reminder_plan == plan
