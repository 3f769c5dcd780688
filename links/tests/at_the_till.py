"""What tests do at the till."""

from collections.abc import Mapping
from typing import Any

from links.models import CashMovement, Payment, Refund, Shift
from links.services import manual, refunding, till, till_closing
from links.services.till_closing import Count
from merchant_portal.staff.models import User


def begin(user: User, *, register: str = "Counter", **floats: int) -> Shift:
    return till.begin(register=register, floats=floats or {"EUR": 10_000}, user=user)


def sell(
    shift: Shift, minor: int = 1_250, *, method: str = "cash", currency: str = "EUR"
) -> Payment:
    return manual.record_sale(
        shift,
        amount_minor=minor,
        currency=currency,
        method=method,
        what="A loaf of bread",
        actor=shift.opened_by.actor(),
    )


def move(shift: Shift, kind: str, minor: int, key: str = "") -> CashMovement:
    return till.move(
        shift,
        kind=kind,
        amount_minor=minor,
        currency="EUR",
        reason="Change from the bank",
        user=shift.opened_by,
        key=key,
    )


def give_back(payment: Payment, minor: int, *, asked: User, by: User) -> Refund:
    refund = refunding.propose(payment, amount_minor=minor, actor=asked.actor())
    refunding.approve(refund, user=by)
    refunding.send(refund.pk)
    refund.refresh_from_db()
    return refund


def close(shift: Shift, **counted: int) -> Shift:
    return till_closing.close(shift, Count(counted), user=shift.opened_by)


def drawer(shift: Shift) -> Mapping[str, Any]:
    (row,) = (shift.figures or {})["cash"]
    return dict(row)
