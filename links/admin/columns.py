"""The columns of the list of links, for one reader at one moment."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ..models import LinkStatus, PaymentLink
from . import formats, outgoing
from .labels import LINK_COLORS, OVERDUE


@dataclass(frozen=True)
class LinkColumns:
    """`zone`: of the business; `today`: its day."""

    zone: ZoneInfo
    today: date

    def all(self) -> tuple[object, ...]:
        return (
            self.number,
            self.status,
            self.customer,
            self.amount,
            self.paid,
            self.due,
            self.created,
            self.sent,
        )

    def is_overdue(self, link: PaymentLink) -> bool:
        return (
            link.status == LinkStatus.ACTIVE
            and link.due_on is not None
            and link.due_on < self.today
        )

    @display(description=gettext_lazy("Number"))
    def number(self, link: PaymentLink) -> str:
        return link.number or _("Draft")

    @display(
        description=gettext_lazy("Status"), label={**LINK_COLORS, OVERDUE: "warning"}
    )
    def status(self, link: PaymentLink) -> tuple[str, str]:
        if self.is_overdue(link):
            return OVERDUE, _("Overdue")
        return link.status, link.get_status_display()

    @display(description=gettext_lazy("Customer"))
    def customer(self, link: PaymentLink) -> SafeString:
        if link.customer is None:
            return format_html('<span class="mp-muted">{}</span>', _("Nobody named"))
        return format_html("<bdi>{}</bdi>", link.customer.name)

    @display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, link: PaymentLink) -> SafeString:
        if not link.amount_minor:
            return _plain(_("Any amount"))
        return _figure(formats.money(link.amount_minor, link.currency))

    @display(description=gettext_lazy("Paid"))
    def paid(self, link: PaymentLink) -> SafeString:
        if not link.amount_paid_minor:
            return _nothing()
        return _figure(formats.money(link.amount_paid_minor, link.currency))

    @display(description=gettext_lazy("Due"), ordering="due_on")
    def due(self, link: PaymentLink) -> SafeString:
        if link.due_on is None:
            return _nothing()
        css = "mp-late" if self.is_overdue(link) else ""
        return format_html(
            '<span class="mp-nowrap {}">{}</span>', css, formats.day(link.due_on)
        )

    @display(description=gettext_lazy("Created"), ordering="-created_at")
    def created(self, link: PaymentLink) -> SafeString:
        return _plain(formats.day(link.created_at.astimezone(self.zone).date()))

    @display(description=gettext_lazy("Last sent"))
    def sent(self, link: PaymentLink) -> SafeString:
        next_at = getattr(link, "next_send_at", None)
        if next_at is not None:
            return _plain(outgoing.leaves(next_at, link, self.zone))
        if link.last_sent_at is None:
            return _plain(_("shared by hand")) if link.shared_at else _nothing()
        return _plain(formats.moment(link.last_sent_at, self.zone))


def _figure(text: str) -> SafeString:
    return format_html('<span class="mp-figure">{}</span>', text)


def _plain(text: str) -> SafeString:
    return format_html('<span class="mp-nowrap">{}</span>', text)


def _nothing() -> SafeString:
    return format_html('<span class="mp-muted">{}</span>', formats.NOTHING)
