"""A shift at the till: opened with a float, cash put in and taken out.

A shift's row is locked by whoever takes money in it, hands money out of it or closes it:
what is booked is in its report, or in no shift or the next. It comes in the order of
locks after the payment of a refund, and before a payment that is new: link, checkout,
payment, refund, shift, totals, message. Nobody who holds a shift waits for a payment.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.money import MAX_MINOR, MoneyError, parse_currency, positive
from merchant_portal.staff.models import User

from ..models import CashCount, CashMovement, MoveKind, Shift, ShiftState
from ..models.till import MAX_REGISTER
from . import words
from .errors import LinkConflict, LinkError


def own(user_pk: int | None) -> Shift | None:
    """The open shift of this member of staff."""
    if user_pk is None:
        return None
    return Shift.objects.filter(opened_by=user_pk, state=ShiftState.OPEN).first()


def lock(pk: int) -> Shift:
    """As it stands, and as it stays until this transaction ends."""
    return Shift.objects.select_for_update(of=("self",)).get(pk=pk)


def hold(user_pk: int | None, at: datetime | None = None) -> Shift | None:
    """Their open shift, locked until the transaction ends, so that nobody closes it.

    `at`: when the money was taken; what was taken before the shift began is not in it.
    """
    while (found := own(user_pk)) is not None:
        shift = lock(found.pk)
        if not shift.is_open:
            continue  # closed while we waited; there may be a next one
        return shift if at is None or at >= shift.opened_at else None
    return None


def hold_any(*user_pks: int | None) -> Shift | None:
    """The locked open shift of the first of these people who has one."""
    for user_pk in user_pks:
        if (shift := hold(user_pk)) is not None:
            return shift
    return None


def held(
    shift: Shift, actor: Actor, *, unless: Callable[[], bool] = lambda: False
) -> Shift | None:
    """The person's own open shift, locked; None where `unless` says then that it is
    the same form once more. LinkConflict where it is closed or somebody else's."""
    locked = lock(shift.pk)
    if unless():
        return None
    if not locked.is_open:
        raise LinkConflict(_("This shift is closed. Open a new one first."))
    if locked.opened_by_id != actor.user_pk:
        raise LinkConflict(_("This is a colleague's shift. Open your own first."))
    return locked


def begin(*, register: str, floats: Mapping[str, int], user: User) -> Shift:
    """Open a shift. `floats`: currency → cash that is in the drawer now, in minor units.

    Raises LinkError for what cannot be, LinkConflict where this person or this register
    has an open shift already.
    """
    register = words.clean_line(register, "register", max_length=MAX_REGISTER)
    if not register:
        raise LinkError(_("Give the till a name, such as Counter."), "register")
    for currency, amount_minor in floats.items():
        _check(currency, amount_minor)
    now = clock.now()
    try:
        with transaction.atomic():
            shift = Shift.objects.create(
                register=register, opened_by=user, opened_at=now
            )
            CashCount.objects.bulk_create(
                CashCount(shift=shift, currency=currency, float_minor=amount_minor)
                for currency, amount_minor in floats.items()
            )
            audit.record(
                user.public_id, "shift.opened", shift.public_id, floats=dict(floats)
            )
    except IntegrityError as exc:
        if own(user.pk) is not None:
            raise LinkConflict(_("You have an open shift already.")) from exc
        raise LinkConflict(
            _(
                "Somebody else has an open shift at this till. It has to be closed first."
            )
        ) from exc
    return shift


def move(
    shift: Shift,
    *,
    kind: str,
    amount_minor: int,
    currency: str,
    reason: str,
    user: User,
    key: str = "",
) -> CashMovement:
    """Write down cash that was put into the drawer, or taken out of it.

    `key`: the public id that it gets, from the form; the same again moves nothing more.
    """
    if kind not in MoveKind.values:
        raise LinkError(_("Choose whether it is put in or taken out."), "kind")
    try:
        amount = positive(amount_minor, currency)
    except MoneyError as exc:
        raise LinkError(str(exc), "amount") from exc
    reason = words.clean_line(reason, "reason", max_length=300)
    if not reason:
        raise LinkError(_("Say in a few words what for."), "reason")
    known = CashMovement.objects.filter(public_id=key)
    if not key or known.exclude(shift=shift).exists():
        key = ids.new("csh")  # nobody else's
    same = CashMovement.objects.filter(public_id=key, shift=shift)
    with transaction.atomic():
        locked = held(shift, user.actor(), unless=same.exists)
        if locked is None:
            return same.get()
        made = CashMovement.objects.create(
            public_id=key,
            shift=locked,
            kind=kind,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            reason=reason,
            made_by=user,
            made_at=clock.now(),
        )
        audit.record(
            user.public_id,
            f"cash.{kind}",
            made.public_id,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
        )
    return made


def _check(currency: str, amount_minor: int) -> None:
    try:
        parse_currency(currency)
    except MoneyError as exc:
        raise LinkError(str(exc), "currency") from exc
    if not 0 <= amount_minor <= MAX_MINOR:
        raise LinkError(_("The amount is too large."), "float")
