"""Who may see which customers; apps above say whose they are besides."""

from collections.abc import Callable

from django.db.models import Q, QuerySet

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from .models import Customer

Own = Callable[[User], Q]
_OWN: list[Own] = []


def register(own: Own) -> Own:
    """Count what `own(user)` finds among that member of staff's own customers."""
    if own not in _OWN:
        _OWN.append(own)
    return own


def visible_to(user: User) -> "QuerySet[Customer]":
    """All customers, or only own ones: added by them, or asked to pay by them."""
    if not user.may(Right.CUSTOMERS_READ):
        return Customer.objects.none()
    if user.may(Right.LINKS_ALL):
        return Customer.objects.all()
    mine = Q(created_by=user)
    for own in _OWN:
        mine |= own(user)
    return Customer.objects.filter(mine)
