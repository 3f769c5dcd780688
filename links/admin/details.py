"""The parts of a link's page that only change when somebody there changes them."""

from typing import Any
from zoneinfo import ZoneInfo

from customers.services.customers import zone_of
from merchant_portal.business import services as business_services
from merchant_portal.lib import clock, masks
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.services import quotas

from ..models import LineItem, LinkStatus, PaymentLink
from ..providers.manual import METHODS
from ..services import pages, papers, receipts, recipients
from . import (
    formats,
    outlook,
    panels,
    preview,
    reminder_form,
    replies,
    sharing,
    tasks_page,
    terms_words,
    ways,
)
from .entry import may_change_amount
from .panels import Panels

EDITABLE = (LinkStatus.DRAFT, LinkStatus.ACTIVE)
CLOSABLE = (LinkStatus.DRAFT, LinkStatus.ACTIVE, LinkStatus.EXPIRED)


def context(
    link: PaymentLink, user: User, typed: Panels, zone: ZoneInfo
) -> dict[str, Any]:
    """Facts, lines, and the forms; `typed`: those that come back with errors."""
    known = recipients.addresses(link)
    shown = known
    if not user.may(Right.CUSTOMERS_CONTACT):
        shown = {channel: masks.address(each) for channel, each in known.items()}
    is_draft = link.status == LinkStatus.DRAFT
    currency = link.currency
    lines = list(link.lines.all())
    forms = {**panels.fresh(link, zone, known), **typed}
    can = _permits(link, user, known)
    description = lines[0].description if lines else ""
    return {
        "lines": [_line(line, currency) for line in lines],
        "terms": terms_words.of(link),
        "net": formats.money(link.net_minor, currency),
        "tax": formats.money(link.tax_minor, currency) if link.tax_minor else "",
        "url": "" if is_draft else pages.url_of(link),
        "has_invoice": papers.has_invoice(link),
        "has_letter": user.may(Right.CUSTOMERS_CONTACT) and receipts.has_letter(link),
        "why_no_e_invoice": papers.why_no_e_invoice(
            link, lines, business_services.kept()
        ),
        "email_to": shown.get("email", ""),
        "sms_to": shown.get("sms", ""),
        "due": formats.day(link.due_on) if link.due_on else "",
        "expires": formats.moment(link.expires_at, zone) if link.expires_at else "",
        "created": formats.moment(link.created_at, zone),
        "sent": formats.moment(link.last_sent_at, zone) if link.last_sent_at else "",
        "ways_to_pay": outlook.names(link.allowed_providers),
        "boxes": _boxes(link, typed),
        "zone_name": zone.key,
        "their_zone": zone_of(link.customer).key,
        "limits": [use for use in quotas.uses() if use.is_reached],
        "methods": list(METHODS.items()),
        "panels": forms,
        "ways": ways.of(known, forms[panels.SEND].channels),
        "outlook": preview.outlook_of(link, description, known)
        if can["send"]
        else None,
        **_replies(link, typed, zone),
        **tasks_page.rows_of(link, zone),
        **reminder_form.of_link(link, zone),
        "replaced_by": getattr(link, "replaced_by", None),
        "can": can,
        "share": sharing.context(link, description, known) if can["share"] else None,
    }


def _replies(link: PaymentLink, typed: Panels, zone: ZoneInfo) -> dict[str, Any]:
    """What was written; the one whose answer came back with an error is marked."""
    panel = typed.get(panels.REPLY)
    rows = replies.rows_of(link, zone)
    for row in rows:
        row["is_typed"] = panel is not None and panel.values["reply"] == str(row["pk"])
    return {"replies": rows, "has_open_reply": any(row["is_open"] for row in rows)}


def _boxes(link: PaymentLink, typed: Panels) -> list[dict[str, object]]:
    """The ways to pay in the edit form, as saved or as they came back with an error."""
    if link.status not in EDITABLE:
        return []
    panel = typed.get(panels.EDIT)
    boxes = outlook.boxes(link.balance, link.allowed_providers)
    if panel is None or not panel.values["providers_shown"]:
        return boxes
    return [{**box, "is_ticked": box["slug"] in panel.providers} for box in boxes]


def _permits(link: PaymentLink, user: User, known: dict[str, str]) -> dict[str, bool]:
    """What this reader may do to this link now; the services check again."""
    may_write = user.may(Right.LINKS_WRITE)
    is_closable = link.status in CLOSABLE and may_change_amount(link, user)
    return {
        "activate": may_write and link.status == LinkStatus.DRAFT,
        "send": may_write and link.status in EDITABLE and bool(known),
        "share": may_write
        and link.status in EDITABLE
        and not link.is_past_expiry(clock.now()),
        "edit": may_write and link.status in EDITABLE,
        "cancel": may_write and is_closable,
        "recall": may_write and is_closable and link.last_sent_at is not None,
        "extend": may_write and link.status == LinkStatus.EXPIRED,
        "correct": may_write and is_closable and not link.amount_paid_minor,
        "answer": may_write,
        "record": user.may(Right.PAYMENTS_WRITE) and link.status != LinkStatus.DRAFT,
    }


def _line(line: LineItem, currency: str) -> dict[str, str]:
    discount, tax = formats.percent(line.discount_bp), formats.percent(line.tax_bp)
    return {
        "description": line.description,
        "quantity": formats.quantity(line.asked_milli),
        "range": f"{line.quantity_min}–{line.quantity_max}"  # noqa: RUF001 - from, to
        if line.quantity_max
        else "",
        "unit": formats.money(line.unit_amount_minor, currency),
        "discount": f"{discount} %" if discount else "",
        "tax": f"{tax} %" if tax else "",
        "total": formats.money(line.total_minor, currency),
    }
