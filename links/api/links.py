"""Payment links over the API."""

import base64
import binascii
from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from customers.api import find as find_customer
from merchant_portal.lib import ids
from merchant_portal.lib.api_schemas import PageQuery, PathId, page
from merchant_portal.lib.problems import Problem, invalid
from merchant_portal.staff.api_auth import Guard, actor_of, idempotent, key_of
from merchant_portal.staff.roles import Right
from notifications.api import MessageOut

from ..models import LinkStatus, PaymentLink, ReminderPlan
from ..services import later, links, pages, sending, timeline
from ..services.amounts import LineData
from ..services.links import LinkData
from .access import as_problems, find, shown_to
from .schemas import (
    CancelIn,
    EntryOut,
    LinkIn,
    LinkOut,
    LinkPage,
    LinkQuery,
    Timeline,
)
from .sends import PlannedOut, SendIn, Sent

router = Router(tags=["links"])


class TimelineQuery(PageQuery):
    cursor: Annotated[str, Field(max_length=128)] | None = None


def _url_of(public_id: str) -> str:
    return pages.url_of(PaymentLink.objects.get(public_id=public_id))


@router.post("", auth=Guard(Right.LINKS_WRITE), response={201: LinkOut})
@idempotent(url_of=_url_of)
def create_link(request: HttpRequest, body: LinkIn) -> Status[LinkOut]:
    """Make a payment link, payable at once unless `draft`."""
    customer = None
    if body.customer is not None:
        try:
            customer = find_customer(body.customer)
        except Problem as exc:
            raise invalid("There is no such customer.", pointer="/customer") from exc
    data = LinkData(
        customer=customer,
        currency=body.currency,
        lines=tuple(
            LineData(
                description=line.description,
                unit_amount_minor=line.unit_amount_minor,
                quantity_milli=line.quantity,
                discount_bp=line.discount,
                tax_bp=line.tax_rate,
                quantity_min=line.quantity_range.minimum if line.quantity_range else 0,
                quantity_max=line.quantity_range.maximum if line.quantity_range else 0,
            )
            for line in body.lines
        ),
        due_on=body.due_on,
        expires_at=body.expires_at,
        note=body.note,
        draft=body.draft,
        metadata=dict(body.metadata),
        allowed_providers=tuple(dict.fromkeys(body.providers)),
        has_reminders=body.reminders,
        reminder_plan=_plan_of(body),
        terms=body.terms.terms(),
    )
    with as_problems():
        link = links.create(data, actor=actor_of(request))
    return Status(201, LinkOut.of(link))


def _plan_of(body: LinkIn) -> ReminderPlan | None:
    if body.reminder_plan is None:
        return None
    plan = ReminderPlan.objects.filter(public_id=body.reminder_plan).first()
    if plan is None:
        raise invalid("There is no such reminder plan.", pointer="/reminder_plan")
    return plan


@router.get("", auth=Guard(Right.LINKS_READ), response=LinkPage)
def list_links(request: HttpRequest, query: Query[LinkQuery]) -> LinkPage:
    """Payment links, newest first."""
    rows = shown_to(key_of(request))
    if query.customer is not None:
        rows = rows.filter(customer__public_id=query.customer)
    if query.status is not None:
        rows = rows.filter(status=query.status)
    if query.number is not None:
        rows = rows.filter(number=query.number)
    found, following = page(rows, query)
    return LinkPage(items=[LinkOut.of(link) for link in found], next=following)


@router.get("/{link_id}", auth=Guard(Right.LINKS_READ), response=LinkOut)
def get_link(request: HttpRequest, link_id: PathId) -> LinkOut:
    """One payment link."""
    return LinkOut.of(find(key_of(request), link_id))


@router.post("/{link_id}/send", auth=Guard(Right.LINKS_WRITE), response={202: Sent})
@idempotent()
def send_link(request: HttpRequest, link_id: PathId, body: SendIn) -> Status[Sent]:
    """Send it to its customer, now or at `send_at`; a draft becomes active when it goes."""
    link = find(key_of(request), link_id)
    actor = actor_of(request)
    with as_problems():
        if body.send_at is not None:
            at = later.local_moment(body.send_at, link.customer)
            planned = later.plan(
                link, body.channels, at=at, actor=actor, key=ids.new("snd")
            )
            return Status(
                202, Sent(messages=[], planned=PlannedOut.of(planned, link.public_id))
            )
        messages = sending.send(link, body.channels, actor=actor)
    return Status(202, Sent(messages=[MessageOut.of(message) for message in messages]))


@router.post("/{link_id}/cancel", auth=Guard(Right.LINKS_WRITE), response=LinkOut)
@idempotent(url_of=_url_of)
def cancel_link(
    request: HttpRequest, link_id: PathId, body: CancelIn | None = None
) -> Status[LinkOut]:
    """Ask for nothing more; what is canceled already stays as it is.

    With `version`, 409 if the link has moved on since.
    """
    link = find(key_of(request), link_id)
    with as_problems():
        done = links.cancel(
            link,
            reason=body.reason if body else "",
            version=body.version if body else None,
            actor=actor_of(request),
        )
    if not done:
        link = find(key_of(request), link_id)
        if link.status != LinkStatus.CANCELED:
            raise Problem(
                409, "conflict", f"This link is {link.status}; it cannot be canceled."
            )
    return Status(200, LinkOut.of(find(key_of(request), link_id)))


@router.get("/{link_id}/timeline", auth=Guard(Right.LINKS_READ), response=Timeline)
def link_timeline(
    request: HttpRequest, link_id: PathId, query: Query[TimelineQuery]
) -> Timeline:
    """What happened to it and what was told about it, newest first."""
    link = find(key_of(request), link_id)
    before = _read_cursor(query.cursor) if query.cursor is not None else None
    entries = timeline.entries(link, before=before, limit=query.limit + 1)
    shown = entries[: query.limit]
    return Timeline(
        items=[
            EntryOut(
                id=entry.id,
                kind=entry.kind,
                at=entry.at,
                actor=entry.actor,
                detail=entry.detail,
            )
            for entry in shown
        ],
        next=_cursor(shown[-1]) if len(entries) > query.limit else None,
    )


def _cursor(entry: timeline.Entry) -> str:
    text = f"{entry.at.isoformat()}~{entry.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        at, tilde, entry_id = (
            base64.b64decode(padded, altchars=b"-_", validate=True)
            .decode("ascii")
            .partition("~")
        )
        moment = datetime.fromisoformat(at)
    except (UnicodeError, binascii.Error, ValueError) as exc:
        raise invalid("This cursor is not known.", parameter="cursor") from exc
    if not tilde or moment.tzinfo is None:
        raise invalid("This cursor is not known.", parameter="cursor")
    return moment, entry_id
