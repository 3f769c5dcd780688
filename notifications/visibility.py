"""Who may see which messages: every app narrows down what is about its own things."""

from collections.abc import Callable

from django.db.models import QuerySet

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from .models import Category, Message

Narrow = Callable[[User, "QuerySet[Message]"], "QuerySet[Message]"]
_NARROW: list[Narrow] = []


def register(narrow: Narrow) -> None:
    """Have `narrow(user, messages)` leave out what that member of staff may not see."""
    if narrow not in _NARROW:
        _NARROW.append(narrow)


def visible_to(user: User) -> "QuerySet[Message]":
    """The messages that this member of staff may read.

    Mails about signing in and the shop's safety belong to who manages the staff.
    """
    messages: QuerySet[Message] = Message.objects.all()
    if not user.may(Right.MESSAGES_READ):
        return messages.none()
    if not user.may(Right.STAFF_WRITE):
        messages = messages.exclude(category=Category.SIGN_IN)
    for narrow in _NARROW:
        messages = narrow(user, messages)
    return messages
