"""Z1-Z7: two things happen to one row at once, and neither fact is lost.

In every control the lock is taken away and nothing else is changed.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from links.models import LinkStatus, PaymentLink
from links.models.links import PaymentLinkQuerySet
from links.services import links, payments, sending
from links.services.amounts import LineData
from links.services.errors import LinkConflict
from links.services.links import LinkData
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.lib import clock, crash
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import ApiRequest
from merchant_portal.staff.services import keys
from notifications.models import ChannelName, Message, MessageState, OptOut
from notifications.models.messages import MessageQuerySet
from notifications.services import claims, opt_outs
from tests.api.client import Caller

from .gaps import Gap, without_constraint

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
DAY = timedelta(days=1)


@pytest.fixture
def gap() -> Gap:
    return Gap()


@pytest.fixture
def unlocked_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are read without their row lock."""
    monkeypatch.setattr(PaymentLinkQuerySet, "locked", lambda rows, pk: rows.get(pk=pk))
    monkeypatch.setattr(
        PaymentLinkQuerySet, "locked_all", lambda rows, pks: rows.in_bulk(list(pks))
    )


@pytest.fixture
def unlocked_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are claimed without their row lock."""
    monkeypatch.setattr(
        MessageQuerySet, "select_for_update", lambda rows, **options: rows
    )


# Z1-Z3: money, while somebody closes or corrects its link.


def pay(link: PaymentLink, amount_minor: int = 1250) -> None:
    payments.record(make_seen(link, amount_minor=amount_minor))


def cancel(link: PaymentLink) -> bool:
    return links.cancel(link, actor=SYSTEM)


def expire(_link: PaymentLink) -> bool:
    return links.expire_due() == 1


def correct(link: PaymentLink) -> PaymentLink:
    lines = (LineData("Birthday cake", 2000),)
    return links.correct(link, LinkData(link.customer, "EUR", lines), actor=SYSTEM)


CLOSERS: dict[str, Callable[[PaymentLink], object]] = {
    "Z1-cancel": cancel,
    "Z2-expire": expire,
    "Z3-correct": correct,
}


def open_link(close: Callable[[PaymentLink], object]) -> PaymentLink:
    """A link that waits for money; past its expiry if the sweep is to close it."""
    link = make_link(make_customer(), expires_at=clock.now() + DAY)
    if close is expire:
        PaymentLink.objects.filter(pk=link.pk).update(expires_at=clock.now())
    return link


def close_first(
    gap: Gap, monkeypatch: pytest.MonkeyPatch, close: Callable[[PaymentLink], object]
) -> PaymentLink:
    """Money comes when the link is closed, but not committed."""
    link = open_link(close)
    monkeypatch.setattr(links, "_close", gap.after(links._close))
    gap.run_well(partial(close, link), gap.once_taken(partial(pay, link)))
    link.refresh_from_db()
    return link


@pytest.mark.parametrize("close", CLOSERS.values(), ids=CLOSERS)
def test_money_that_comes_while_a_link_closes_is_kept_and_flagged(
    gap: Gap,
    monkeypatch: pytest.MonkeyPatch,
    close: Callable[[PaymentLink], object],
) -> None:
    link = close_first(gap, monkeypatch, close)

    payment = link.payments.get()
    assert (payment.amount_minor, payment.is_late) == (1250, True)
    assert link.closed_at is not None
    is_paid = link.status == LinkStatus.PAID
    assert (link.amount_paid_minor, is_paid) == (1250, True)


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_the_lock_a_link_that_has_its_money_stays_canceled(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z1"""
    link = close_first(gap, monkeypatch, cancel)

    assert (link.status, link.amount_paid_minor) == (LinkStatus.CANCELED, 1250)
    assert not link.payments.get().is_late, "nobody learns of it"


def pay_first(
    gap: Gap,
    monkeypatch: pytest.MonkeyPatch,
    close: Callable[[PaymentLink], object],
    amount_minor: int = 1250,
) -> tuple[PaymentLink, object]:
    """Somebody closes the link when its money is written, but not committed."""
    link = open_link(close)
    monkeypatch.setattr(crash, "crash_at", gap.at("payment.before_commit"))
    _paid, closed = gap.run(
        partial(pay, link, amount_minor), gap.once_taken(partial(close, link))
    )
    link.refresh_from_db()
    return link, closed


@pytest.mark.parametrize("close", CLOSERS.values(), ids=CLOSERS)
def test_a_link_that_is_being_paid_is_not_closed(
    gap: Gap,
    monkeypatch: pytest.MonkeyPatch,
    close: Callable[[PaymentLink], object],
) -> None:
    link, closed = pay_first(gap, monkeypatch, close)

    assert closed is False or isinstance(closed, LinkConflict)
    assert (link.status, link.amount_paid_minor) == (LinkStatus.PAID, 1250)
    assert link.closed_at is None
    assert PaymentLink.objects.count() == 1


def test_a_link_of_which_a_part_is_being_paid_is_not_corrected(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z3"""
    link, refused = pay_first(gap, monkeypatch, correct, 625)

    assert isinstance(refused, LinkConflict)
    assert (link.status, link.amount_paid_minor) == (LinkStatus.ACTIVE, 625)


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_the_lock_the_whole_sum_is_asked_again(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z3"""
    link, fresh = pay_first(gap, monkeypatch, correct, 625)

    assert isinstance(fresh, PaymentLink)
    assert (link.status, link.amount_paid_minor) == (LinkStatus.CANCELED, 625)
    assert (fresh.status, fresh.balance.amount_minor) == (LinkStatus.ACTIVE, 2000)


# Z5, Z6: one message, and who may still send it.


def waiting_message() -> Message:
    link = make_link(make_customer())
    sending.send(link, ["sms"], actor=SYSTEM)
    return Message.objects.get()


def opt_out_while_claiming(gap: Gap) -> tuple[Message, list[claims.Claim]]:
    """A claim comes when somebody's STOP is written, but not committed."""
    message = waiting_message()

    def stop() -> None:
        with transaction.atomic():
            opt_outs.store(
                ChannelName.SMS, message.recipient, OptOut.Scope.ALL, source="STOP"
            )
            gap.stand()

    def claim() -> list[claims.Claim]:
        return claims.claim(10)

    _none, held = gap.run(stop, gap.once_taken(claim))
    assert isinstance(held, list)
    message.refresh_from_db()
    return message, held


def test_what_is_opted_out_of_is_not_claimed(gap: Gap) -> None:
    """Z5"""
    message, held = opt_out_while_claiming(gap)

    assert held == []
    assert message.state == MessageState.SUPPRESSED


@pytest.mark.usefixtures("unlocked_messages")
def test_control_without_the_lock_it_is_claimed_after_the_opt_out(gap: Gap) -> None:
    """Z5"""
    message, held = opt_out_while_claiming(gap)

    assert [one.message.pk for one in held] == [message.pk]
    assert OptOut.objects.exists()
    assert message.state == MessageState.SENDING


def claim_twice(gap: Gap, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many each of two workers got of one message."""
    waiting_message()
    monkeypatch.setattr(claims, "_take", gap.before(claims._take))

    def claim() -> int:
        return len(claims.claim(10))

    return sorted(gap.run_well(claim, claim))


def test_of_two_workers_one_claims_a_message(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z6"""
    assert claim_twice(gap, monkeypatch) == [0, 1]
    assert Message.objects.get().fence == 1


@pytest.mark.usefixtures("unlocked_messages")
def test_control_without_the_lock_both_claim_it(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z6"""
    assert claim_twice(gap, monkeypatch) == [1, 1]
    assert Message.objects.get().fence == 2


# Z7: one Idempotency-Key, used again while its first request is at work.

BODY = {
    "currency": "EUR",
    "lines": [{"description": "Chair", "unit_amount_minor": 1250}],
}


def ask_twice(gap: Gap, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Statuses of two posts under one key; each would stand before making a link."""
    _key, secret = keys.create("test", ["*"], created_by=None)
    monkeypatch.setattr(links, "create", gap.before(links.create))

    def ask() -> int:
        return Caller(secret).post("links", BODY, once="k1").status_code

    return sorted(gap.run_well(ask, ask))


def test_a_key_in_flight_is_a_conflict(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z7"""
    assert ask_twice(gap, monkeypatch) == [201, 409]
    assert PaymentLink.objects.count() == 1


def test_control_without_the_constraint_one_key_makes_two_links(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z7"""
    with without_constraint(ApiRequest, "staff_api_request_once"):
        assert ask_twice(gap, monkeypatch) == [201, 201]
        assert PaymentLink.objects.count() == 2
