"""The invoice of a link: what is printed, in the customer's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money

from ..models import LineItem, PaymentLink
from . import paper, parts, writing
from .parts import Check, Legal, Party, Row, own


@dataclass(frozen=True, slots=True)
class Invoice:
    """What one invoice says.

    `asked`: what is to pay now, None when nothing is. `issued_on`, `paid_on`: days of
    the merchant. `url`: where it can be paid.
    """

    link: PaymentLink
    lines: Sequence[LineItem]
    business: Business
    customer: Party
    issued_on: date
    paid_on: date | None
    asked: Money | None
    url: str
    check: Check
    legal: Legal


def pdf(invoice: Invoice, language: str, at: datetime, *, e_invoice: str = "") -> bytes:
    """PDF/A-3a, letter or A4. The same invoice gives the same bytes at the same `at`."""
    with translation.override(language):
        data = {**_data(invoice, language), "e_invoice": e_invoice}
    return paper.pdf(paper.SHEET, data, at)


def _data(invoice: Invoice, language: str) -> dict[str, Any]:
    business, link = invoice.business, invoice.link
    number = str(link.number)
    asked = invoice.asked
    sheet = parts.sheet(
        business,
        invoice.customer,
        language,
        title=_("Invoice"),
        number=number,
        facts=_facts(invoice, language),
        legal=invoice.legal,
    )
    return {
        **sheet,
        "customer": {**sheet["customer"], "label": _("Bill to")},
        "columns": columns(invoice.lines),
        "lines": [line(each, link, invoice.lines, language) for each in invoice.lines],
        "sums": sums(link, invoice.lines, language),
        "pay": asked
        and parts.pay_online(business, asked, invoice.url, language, invoice.check),
        "transfer": asked and parts.pay_by_transfer(business, asked, number),
        "note": "\n\n".join(_notes(invoice)),
    }


def _notes(invoice: Invoice) -> list[str]:
    notes = [own(invoice.link.note)] if invoice.link.note else []
    reason = invoice.business.untaxed_reason
    if reason and any(not each.tax_bp for each in invoice.lines):
        notes.append(own(reason))
    return notes


def _facts(invoice: Invoice, language: str) -> list[Row]:
    link = invoice.link
    facts = [
        (_("Number"), str(link.number)),
        (_("Date"), writing.day(invoice.issued_on, language)),
    ]
    if invoice.paid_on:
        facts.append((_("Paid on"), writing.day(invoice.paid_on, language)))
    elif link.due_on:
        facts.append((_("Please pay by"), writing.day(link.due_on, language)))
    return facts


def columns(lines: Sequence[LineItem]) -> list[str]:
    names = [_("Description"), _("Quantity"), _("Price")]
    if any(line.discount_bp for line in lines):
        names.append(_("Discount"))
    if any(line.tax_bp for line in lines):
        names.append(_("Tax"))
    return [*names, _("Amount")]


def line(
    line: LineItem, link: PaymentLink, lines: Sequence[LineItem], language: str
) -> list[str]:
    """Its cells. With prices that include the tax its amount does, else not."""

    def money(minor: int) -> str:
        return Money(minor, link.currency).format(language)

    quantity = writing.quantity(line.asked_milli, language)
    cells = [own(line.description), quantity, money(line.unit_amount_minor)]
    if any(each.discount_bp for each in lines):
        cells.append(
            writing.percent(line.discount_bp, language) if line.discount_bp else ""
        )
    if any(each.tax_bp for each in lines):
        cells.append(writing.percent(line.tax_bp, language))
    amount = line.total_minor if link.prices_include_tax else line.net_minor
    return [*cells, money(amount)]


def sums(
    link: PaymentLink, lines: Sequence[LineItem], language: str
) -> list[dict[str, Any]]:
    """Net, each rate's tax, total, and what is paid and left of it."""

    def row(label: str, minor: int, *, is_total: bool = False) -> dict[str, Any]:
        value = Money(minor, link.currency).format(language)
        return {"label": label, "value": value, "is_total": is_total}

    taxes: dict[int, int] = {}
    for each in lines:
        if each.tax_bp:
            taxes[each.tax_bp] = taxes.get(each.tax_bp, 0) + each.tax_minor
    rows = [row(_("Net"), link.net_minor)] if taxes else []
    rows += [
        row(_("Tax %(rate)s") % {"rate": writing.percent(rate, language)}, minor)
        for rate, minor in sorted(taxes.items())
    ]
    is_owed = bool(link.amount_paid_minor) and link.balance.amount_minor > 0
    rows.append(row(_("Total"), link.amount_minor, is_total=not is_owed))
    if is_owed:
        rows.append(row(_("Already paid"), link.amount_paid_minor))
        rows.append(row(_("Still to pay"), link.balance.amount_minor, is_total=True))
    return rows
