"""What messages look like over the API: what was told to whom, what became of it.

The operation itself is in links.api.messages, which knows whose link is whose.
"""

from datetime import datetime
from typing import Annotated

from django.db.models import QuerySet
from pydantic import AfterValidator, BaseModel

from merchant_portal.lib.api_schemas import PageQuery, PublicId, one_of, page

from .models import Category, ChannelName, Message, MessageState


class MessageOut(BaseModel):
    """`to`: the address; `link`: what it is about; times in UTC."""

    id: str
    channel: str
    kind: str
    state: str
    to: str
    due_at: datetime
    sent_at: datetime | None
    link: str
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        return cls(
            id=message.public_id,
            channel=message.channel,
            kind=message.kind,
            state=message.state,
            to=message.recipient,
            due_at=message.due_at,
            sent_at=message.sent_at,
            link=message.reference,
            created_at=message.created_at,
        )


class MessagePage(BaseModel):
    items: list[MessageOut]
    next: str | None


class MessageQuery(PageQuery):
    link: PublicId | None = None
    state: Annotated[str, AfterValidator(one_of(MessageState.values))] | None = None
    channel: Annotated[str, AfterValidator(one_of(ChannelName.values))] | None = None


def about_payment_links() -> QuerySet[Message]:
    """Messages to customers; mails that sign staff in are nobody's business here."""
    return Message.objects.exclude(category=Category.SIGN_IN)


def listed(rows: QuerySet[Message], query: MessageQuery) -> MessagePage:
    """One page of these messages, newest first."""
    if query.link is not None:
        rows = rows.filter(reference=query.link)
    if query.state is not None:
        rows = rows.filter(state=query.state)
    if query.channel is not None:
        rows = rows.filter(channel=query.channel)
    found, following = page(rows, query)
    return MessagePage(items=[MessageOut.of(row) for row in found], next=following)
