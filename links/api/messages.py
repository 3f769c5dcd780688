"""Messages over the API; here, because only links knows whose link one is about."""

from django.http import HttpRequest
from ninja import Query, Router

from merchant_portal.staff.api_auth import Guard, allows, key_of
from merchant_portal.staff.roles import Right
from notifications.api import MessagePage, MessageQuery, about_payment_links, listed

from .access import visible_to

router = Router(tags=["messages"])


@router.get("", auth=Guard(Right.MESSAGES_READ), response=MessagePage)
def list_messages(request: HttpRequest, query: Query[MessageQuery]) -> MessagePage:
    """Messages, newest first; `?link=plk_…` for those of one payment link."""
    key = key_of(request)
    rows = about_payment_links()
    if not allows(key, Right.LINKS_ALL):
        rows = rows.filter(reference__in=visible_to(key).values("public_id"))
    return listed(rows, query)
