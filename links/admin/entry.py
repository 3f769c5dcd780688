"""What every page of this package needs: who asks, which link, the frame around it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from merchant_portal.staff.admin.rights import needs
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import Payment, PaymentLink

__all__ = [
    "bounded",
    "changeable_or_403",
    "frame",
    "link_or_404",
    "may_change_amount",
    "needs",
    "payments_visible_to",
    "who",
]
MAX_ID = 2**63 - 1
# what the databases hold; a longer number in an address is a page that is not there


def who(request: HttpRequest) -> User:
    """The member of staff who asks; the admin lets nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def bounded(pk: int) -> int:
    """A primary key from an address, or 404 for one that no database holds."""
    if pk > MAX_ID:
        raise Http404
    return pk


def link_or_404(request: HttpRequest, pk: int) -> PaymentLink:
    """A link that this reader may see; others do not exist for them."""
    link = (
        PaymentLink.objects.visible_to(who(request))
        .select_related("customer", "replaces", "replaced_by")
        .filter(pk=bounded(pk))
        .first()
    )
    if link is None:
        raise Http404
    return link


def may_change_amount(link: PaymentLink, user: User) -> bool:
    """Once a customer was asked for money, an agent leaves canceling and correcting it
    to a colleague."""
    was_sent = link.last_sent_at is not None or link.shared_at is not None
    return not was_sent or user.may(Right.LINKS_CHANGE_SENT)


def changeable_or_403(request: HttpRequest, pk: int) -> PaymentLink:
    """As link_or_404; only one whose amount this member of staff may still change."""
    link = link_or_404(request, pk)
    if not may_change_amount(link, who(request)):
        raise PermissionDenied
    return link


def payments_visible_to(user: User) -> QuerySet[Payment]:
    """All payments, or only those of the reader's own links."""
    payments = Payment.objects.all()
    if user.may(Right.LINKS_ALL):
        return payments
    return payments.filter(link__created_by=user)


def frame(request: HttpRequest, title: str, **context: Any) -> dict[str, Any]:
    """Template context of a page inside the admin's layout."""
    return {**admin.site.each_context(request), "title": title, **context}
