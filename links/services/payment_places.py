"""Where a payment belongs: the link, or the checkout of several, that it is for."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, Value

from ..models import Checkout, Payment, PaymentLink, ProviderAccount
from ..providers.base import PaymentSnapshot

_COLUMNS = ("link_id", "pk", "is_joint")


@dataclass(frozen=True, slots=True)
class Place:
    """`is_joint`: the checkout is of several links, of which `link_pk` is one."""

    link_pk: int | None = None
    checkout_pk: int | None = None
    is_joint: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """By the provider's ids first, then by our reference. `known`: which of the
    payment's parts are booked already."""

    place: Place
    known: frozenset[int] = frozenset()


def find(account: ProviderAccount, seen: PaymentSnapshot) -> Found:
    booked, told, known = _by_ids(account, seen)
    if booked is None:
        return Found(told or Place(_by_our_name(seen)))
    if booked.link_pk is not None and booked.checkout_pk is not None:
        return Found(booked, known)
    told = told or Place(_by_our_name(seen))
    if booked.link_pk is None or told.link_pk == booked.link_pk:
        return Found(told, known)
    # What is booked for one link stays there, whatever else is said later.
    return Found(Place(booked.link_pk), known)


def _by_ids(
    account: ProviderAccount, seen: PaymentSnapshot
) -> tuple[Place | None, Place | None, frozenset[int]]:
    """Where it is booked, and where its session belongs, None where that is unknown; and
    the parts that are booked."""
    booked = Payment.objects.filter(
        account=account, provider_payment_id=seen.provider_payment_id
    ).values_list("link_id", "checkout_id", "checkout__is_joint", Value(0), "part")
    told = Checkout.objects.filter(account=account)
    parts: list[QuerySet[Any, Any]] = [booked]
    if seen.provider_session_id:
        session = told.filter(provider_session_id=seen.provider_session_id)
        parts.append(session.values_list(*_COLUMNS, Value(1), Value(0)))
    if seen.checkout_reference:
        named = told.filter(public_id=seen.checkout_reference)
        parts.append(named.values_list(*_COLUMNS, Value(2), Value(0)))
    found: dict[int, Place] = {}
    known: set[int] = set()
    for link_pk, checkout_pk, is_joint, kind, part in parts[0].union(
        *parts[1:], all=True
    ):
        found[kind] = Place(link_pk, checkout_pk, bool(is_joint))
        if kind == 0:
            known.add(part)
    return found.get(0), found.get(1) or found.get(2), frozenset(known)


def _by_our_name(seen: PaymentSnapshot) -> int | None:
    if not seen.link_reference:
        return None
    # Without a number it was never active: nobody was asked to pay it.
    return (
        PaymentLink.objects.filter(public_id=seen.link_reference, number__isnull=False)
        .values_list("pk", flat=True)
        .first()
    )
