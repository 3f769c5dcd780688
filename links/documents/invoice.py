"""The invoice of a link: what is printed, in the customer's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib.colors import ink_on
from merchant_portal.lib.money import Money

from ..models import LineItem, PaymentLink
from . import paper, qr, writing

LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "CL", "CO", "PH", "VE"})
# whose printers hold letter paper; everybody else's A4
ISOLATED = "\u2068{}\u2069"
# Text of people in a line of the other direction keeps its own (Unicode TR 9).
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Invoice:
    """What one invoice says.

    `asked`: what is to pay now, None when nothing is. `issued_on`, `paid_on`: days of
    the merchant. `url`: where it can be paid.
    """

    link: PaymentLink
    lines: Sequence[LineItem]
    business: Business
    customer_name: str
    issued_on: date
    paid_on: date | None
    asked: Money | None
    url: str


def pdf(invoice: Invoice, language: str, at: datetime) -> bytes:
    """PDF/A-3a, letter or A4. The same invoice gives the same bytes at the same `at`."""
    with translation.override(language):
        data = _data(invoice, language)
    return paper.pdf("invoice", data, at)


def _data(invoice: Invoice, language: str) -> dict[str, Any]:
    business, link = invoice.business, invoice.link
    is_rtl = translation.get_language_bidi()
    own = ISOLATED.format if is_rtl else str
    base, _hyphen, region = language.partition("-")
    return {
        "language": base,
        "region": region.lower() if len(region) == 2 else None,
        "is_rtl": is_rtl,
        "paper": "us-letter" if business.country in LETTER_COUNTRIES else "a4",
        "brand": business.brand_color,
        "logo": list(bytes(business.logo or b"")) if business.logo_sha256 else None,
        "title": _("Invoice"),
        "number": link.number,
        "seller": {
            "name": own(business.legal_name or business.name),
            "rows": [own(row) for row in _seller(business)],
        },
        "customer": {"label": _("Bill to"), "name": own(invoice.customer_name)},
        "facts": _facts(invoice, language),
        "columns": _columns(invoice.lines),
        "lines": [_line(line, link, invoice.lines, language) for line in invoice.lines],
        "sums": _sums(invoice, language),
        "pay": _pay(invoice, language),
        "note": own(link.note) if link.note else "",
        "footer": [own(part) for part in _footer(business)],
    }


def _seller(business: Business) -> list[str]:
    rows = [row.strip() for row in business.address.splitlines() if row.strip()]
    if business.tax_id:
        rows.append(f"{_('Tax number:')} {business.tax_id}")
    return rows


def _footer(business: Business) -> list[str]:
    name = business.legal_name or business.name
    parts = (name, business.email, business.phone, business.website)
    return [part for part in parts if part]


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


def _columns(lines: Sequence[LineItem]) -> list[str]:
    names = [_("Description"), _("Quantity"), _("Price")]
    if any(line.discount_bp for line in lines):
        names.append(_("Discount"))
    if any(line.tax_bp for line in lines):
        names.append(_("Tax"))
    return [*names, _("Amount")]


def _line(
    line: LineItem, link: PaymentLink, lines: Sequence[LineItem], language: str
) -> list[str]:
    """Its cells. With prices that include the tax its amount does, else not."""

    def money(minor: int) -> str:
        return Money(minor, link.currency).format(language)

    quantity = writing.quantity(line.asked_milli, language)
    is_rtl = translation.get_language_bidi()
    name = ISOLATED.format(line.description) if is_rtl else line.description
    cells = [name, quantity, money(line.unit_amount_minor)]
    if any(each.discount_bp for each in lines):
        cells.append(
            writing.percent(line.discount_bp, language) if line.discount_bp else ""
        )
    if any(each.tax_bp for each in lines):
        cells.append(writing.percent(line.tax_bp, language))
    amount = line.total_minor if link.prices_include_tax else line.net_minor
    return [*cells, money(amount)]


def _sums(invoice: Invoice, language: str) -> list[dict[str, Any]]:
    link = invoice.link

    def row(label: str, minor: int, *, is_total: bool = False) -> dict[str, Any]:
        value = Money(minor, link.currency).format(language)
        return {"label": label, "value": value, "is_total": is_total}

    taxes: dict[int, int] = {}
    for line in invoice.lines:
        if line.tax_bp:
            taxes[line.tax_bp] = taxes.get(line.tax_bp, 0) + line.tax_minor
    sums = [row(_("Net"), link.net_minor)] if taxes else []
    sums += [
        row(_("Tax %(rate)s") % {"rate": writing.percent(rate, language)}, minor)
        for rate, minor in sorted(taxes.items())
    ]
    is_owed = bool(link.amount_paid_minor) and link.balance.amount_minor > 0
    sums.append(row(_("Total"), link.amount_minor, is_total=not is_owed))
    if is_owed:
        sums.append(row(_("Already paid"), link.amount_paid_minor))
        sums.append(row(_("Still to pay"), link.balance.amount_minor, is_total=True))
    return sums


def _pay(invoice: Invoice, language: str) -> dict[str, str] | None:
    if invoice.asked is None:
        return None
    amount = invoice.asked.format(language)
    return {
        "title": _("Pay online"),
        "button": _("Pay %(amount)s") % {"amount": amount},
        "ink": ink_on(invoice.business.brand_color),
        "url": invoice.url,
        "hint": _("Scan the code, press the button, or open this address:"),
        "qr": qr.svg(invoice.url, border=0),
        "qr_alt": _("The address of the payment page as a QR code"),
    }
