"""Booking money: what a provider, or the till, says about one payment."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from merchant_portal.lib import clock, crash
from merchant_portal.lib.actors import SYSTEM, Actor
from merchant_portal.lib.money import Money
from notifications.models import ASKING_CATEGORIES
from notifications.services import outbox

from ..models import (
    Activity,
    Checkout,
    CheckoutShare,
    CheckoutState,
    LinkStatus,
    Mismatch,
    Payment,
    PaymentLink,
    PaymentState,
    ProviderAccount,
    Shift,
)
from ..providers.base import PaymentSnapshot
from . import (
    accounts,
    allocating,
    joint,
    payment_places,
    planned,
    refunds,
    reminders,
    sessions,
    telling,
    totals,
)
from .joint import Piece
from .payment_places import Found

S = PaymentState


def record(
    seen: PaymentSnapshot,
    *,
    actor: Actor = SYSTEM,
    note: str = "",
    shift: Shift | None = None,
) -> Payment | None:
    """Book what a provider says about one payment and queue the receipt, both or neither.

    Money that names no link of ours is kept as an orphan. Late, surplus, short and
    wrong-currency money is booked and flagged, never dropped. Returns None when this
    snapshot says nothing new; again, or in any order, ends in the same rows.

    `shift`: locked, in which a member of staff took it.
    """
    account = accounts.known(seen.account_slug)
    while True:
        try:
            with transaction.atomic(), clock.one_moment():
                payment = _book(account, seen, actor, note, shift)
                crash.crash_at("payment.before_commit")
        except _BookedMeanwhile:
            continue  # now its link is known, and is locked first
        return payment


class _BookedMeanwhile(Exception):
    """Another worker gave the payment a link after we had looked for one."""


@dataclass(frozen=True, slots=True)
class _Booking:
    """What one call of `record` has to book, and for whom."""

    account: ProviderAccount
    found: Found
    checkout: Checkout | None
    actor: Actor
    note: str
    shift: Shift | None


@dataclass(slots=True)
class _Row:
    """A payment's row for one link, locked. `was`: how it was before the news; None
    where they are none."""

    payment: Payment
    link: PaymentLink | None
    was: "_Before | None"


def _book(
    account: ProviderAccount,
    seen: PaymentSnapshot,
    actor: Actor,
    note: str,
    shift: Shift | None,
) -> Payment | None:
    found = payment_places.find(account, seen)
    place = found.place
    shares: list[CheckoutShare] = []
    if place.is_joint:
        of_checkout = CheckoutShare.objects.filter(checkout=place.checkout_pk)
        shares = list(of_checkout.order_by("part"))
    pks = [share.link_id for share in shares]
    if place.link_pk is not None and not pks:
        pks = [place.link_pk]
    # With its customer, who is told.
    with_customer = PaymentLink.objects.select_related("customer")
    links = with_customer.locked_all(pks) if pks else {}
    checkout = (
        Checkout.objects.select_for_update(of=("self",)).get(pk=place.checkout_pk)
        if place.checkout_pk
        else None
    )
    booking = _Booking(account, found, checkout, actor, note, shift)
    rows = []
    for piece in joint.pieces(seen, shares, checkout, place.link_pk):
        link = links[piece.link_pk] if piece.link_pk is not None else None
        # A part that got nothing is written down only where it is there already.
        if piece.seen.amount.amount_minor or not shares or piece.part in found.known:
            rows.append(_of_piece(booking, piece, link))
    return _follow(rows, seen, booking)


def _follow(
    rows: list[_Row], seen: PaymentSnapshot, booking: _Booking
) -> Payment | None:
    """What comes of the rows: refunds, statuses, mails, the day's total."""
    told = joint.refunds_of([row.payment for row in rows], seen.refunds)
    first: Payment | None = None
    sums = totals.Changes()
    for row, of_row in zip(rows, told, strict=True):
        payment, link, was = row.payment, row.link, row.was
        if was is not None:
            _resum(sums, row, was)
        if of_row and refunds.book(payment, link, of_row, sums):
            first = first or payment
        if was is None:
            continue
        if link is not None:
            _settle(link, booking.checkout, payment, was, booking.actor)
        telling.of_payment(
            payment,
            link,
            was_state=was.state,
            was_link=was.link_pk,
            is_first=payment.part == rows[0].payment.part,
        )
        first = first or payment
    sums.write()
    return first


def _resum(sums: totals.Changes, row: _Row, was: "_Before") -> None:
    """Count the payment as it is now, and under its headings what was given back of it."""
    payment, link = row.payment, row.link
    sums.add(was.counted, totals.of_payment(payment, link))
    if was.state and (was.method, was.link_pk) != (payment.method, payment.link_id):
        maker = link if was.link_pk else None
        sums.add(*totals.moved(payment, link, was.method, maker))


@dataclass(frozen=True, slots=True)
class _Before:
    """What was booked about a payment before the news; nothing: empty and None."""

    state: str = ""
    link_pk: int | None = None
    method: str = ""
    counted: tuple[totals.Entry, ...] = ()


def _of_piece(booking: _Booking, piece: Piece, link: PaymentLink | None) -> _Row:
    payment, created = _row(booking, piece, link)
    if created:
        return _Row(payment, link, _Before())
    return _Row(payment, link, _merge(payment, piece, link, booking.checkout))


def _row(
    booking: _Booking, piece: Piece, link: PaymentLink | None
) -> tuple[Payment, bool]:
    """The row of a piece, locked, and whether it is new."""
    now, seen = clock.now(), piece.seen
    names = {
        "account": booking.account,
        "provider_payment_id": seen.provider_payment_id,
        "part": piece.part,
    }
    facts = {
        "link": link,
        "checkout": booking.checkout,
        "state": seen.state.value,
        "amount_minor": seen.amount.amount_minor,
        "currency": seen.amount.currency,
        "fee_minor": seen.fee.amount_minor if seen.fee else None,
        "method": seen.method[:40],
        "note": booking.note,
        "failure": seen.failure[:300],
        "occurred_at": seen.occurred_at,
        "recorded_at": now,
        "recorded_by_id": booking.actor.user_pk,
        "shift": booking.shift,
        # A sale at the till names no link, and nobody has to find out why.
        "reviewed_at": now if booking.shift and link is None else None,
        "is_late": _is_late(link, now),
        "mismatch": _mismatch(seen.amount, link, piece.asked),
    }
    if piece.part not in booking.found.known:
        try:
            with transaction.atomic():
                return Payment.objects.create(**names, **facts), True
        except IntegrityError:
            pass  # another worker was faster; its row is there now
    mine = Payment.objects.select_for_update(of=("self",))
    return mine.get_or_create(**names, defaults=facts)


def _merge(
    payment: Payment,
    piece: Piece,
    link: PaymentLink | None,
    checkout: Checkout | None,
) -> _Before | None:
    """Put this fact into the row; how it was before, or None if this is not new."""
    if payment.link_id is not None and link is None:
        raise _BookedMeanwhile
    old = copy(payment)
    changed = _news(payment, piece, link, checkout, clock.now())
    if not changed:
        return None
    payment.save(update_fields=sorted(changed))
    counted = totals.of_payment(old, link if old.link_id else None)
    return _Before(old.state, old.link_id, old.method, tuple(counted))


def _news(
    payment: Payment,
    piece: Piece,
    link: PaymentLink | None,
    checkout: Checkout | None,
    now: datetime,
) -> set[str]:
    """Put into the row what it did not know; the names of the fields that changed.

    The state of higher rank wins with its amount, time and method; other facts are
    kept once known. So the order in which facts are heard does not matter.
    """
    new: dict[str, object] = {}
    seen, amount = piece.seen, payment.amount
    has_risen = payment.RANK[seen.state.value] > payment.RANK[payment.state]
    if has_risen:
        amount = seen.amount
        new = {
            "state": seen.state.value,
            "amount_minor": amount.amount_minor,
            "currency": amount.currency,
            "occurred_at": seen.occurred_at,
            "failure": seen.failure[:300],
        }
    if payment.fee_minor is None and seen.fee is not None:
        new["fee_minor"] = seen.fee.amount_minor
    if seen.method and (has_risen or not payment.method):
        new["method"] = seen.method[:40]
    has_link = payment.link_id is None and link is not None
    if has_link:
        new["link"] = link
    if payment.checkout_id is None and checkout is not None:
        new["checkout"] = checkout
        if checkout.is_joint:
            # Booked whole before it was known to be for several links.
            amount = seen.amount
            new |= {"amount_minor": amount.amount_minor}
            new |= {"fee_minor": seen.fee.amount_minor} if seen.fee else {}
    if {"state", "link", "checkout"} & new.keys():
        new["mismatch"] = _mismatch(amount, link, piece.asked)
    if (has_risen or has_link) and _is_late(link, now):
        new["is_late"] = True
    changed = {name for name, value in new.items() if getattr(payment, name) != value}
    for name in changed:
        setattr(payment, name, new[name])
    return changed


def _is_late(link: PaymentLink | None, now: datetime) -> bool:
    """Whether the link had ended unpaid, swept already or not.

    Of several payments that come after the end, each is late, whichever of them is
    heard of first and pays the link.
    """
    if link is None or link.status == LinkStatus.EXHAUSTED:
        return False  # past its limit it is surplus, whichever came first
    ended_at = link.closed_at or (link.expires_at if link.is_past_expiry(now) else None)
    if ended_at is None:
        return False
    return link.paid_at is None or link.paid_at >= ended_at


def _mismatch(amount: Money, link: PaymentLink | None, asked: Money | None) -> str:
    if link is None:
        return Mismatch.NONE
    if amount.currency != link.currency:
        return Mismatch.CURRENCY
    if asked is not None and amount != asked:
        return Mismatch.AMOUNT
    return Mismatch.NONE


def _settle(
    link: PaymentLink,
    checkout: Checkout | None,
    payment: Payment,
    was: _Before,
    actor: Actor,
) -> None:
    """Derive the locked link's status and write the news on its timeline."""
    now = clock.now()
    is_new_here = was.link_pk is None
    told = []
    if payment.state != was.state or is_new_here:
        told.append(_told(link, payment, actor, now))
    if payment.state == S.SUCCEEDED:
        told += _count(link, checkout, payment, now)
    Activity.objects.bulk_create(told)


def _told(link: PaymentLink, payment: Payment, actor: Actor, now: datetime) -> Activity:
    return Activity(
        link=link,
        kind=f"payment.{payment.state}",
        at=now,
        actor=actor.id,
        detail={
            "payment": payment.public_id,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "method": payment.method,
        },
    )


def _count(
    link: PaymentLink, checkout: Checkout | None, payment: Payment, now: datetime
) -> list[Activity]:
    """Let money that came count for its locked link; what is to be told of it."""
    if checkout is not None:
        checkout.move_to(CheckoutState.COMPLETED, completed_at=now, next_check_at=None)
    changed = allocating.allocate(link, payment)
    ends = _end(link)
    if not link.is_reusable or ends:
        sessions.order_close(link, now)
    stamp = {"paid_at" if ends == LinkStatus.PAID else "closed_at": now}
    if ends is not None and link.move_to(ends, **stamp, **changed):
        # The first time that the money suffices; nothing is asked any more.
        reminders.drop(link, str(ends))
        planned.drop(link, f"link {ends}")
        outbox.cancel(link.public_id, categories=ASKING_CATEGORIES)
        return [Activity(link=link, kind=f"link.{ends}", at=now, actor=SYSTEM.id)]
    if changed:
        link.version += 1  # whoever has its page open has not seen this money
        link.save(update_fields=[*changed, "version"])
    return []


def _end(link: PaymentLink) -> LinkStatus | None:
    """What a link becomes by the money that has come; None if that is not enough."""
    if link.is_reusable:
        return LinkStatus.EXHAUSTED if link.is_used_up else None
    # Of an amount still to be chosen nothing is known before its first money.
    suffices = 0 < link.amount_minor <= link.amount_paid_minor
    return LinkStatus.PAID if suffices else None
