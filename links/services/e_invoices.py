"""Which papers carry an e-invoice, and what it says; see documents.e_invoice."""

import structlog
from django.utils import translation

from merchant_portal.lib.money import Money
from merchant_portal.lib.rates import half_up

from ..documents import e_invoice
from ..documents.credit_note import CreditNote
from ..documents.e_invoice import Line, Paper
from ..documents.invoice import Invoice
from ..models import LineItem, PaymentLink

log = structlog.get_logger(__name__)


def xml_of(invoice: Invoice) -> str:
    """What to put into the PDF; empty where the business wants none or the rules
    forbid it."""
    if not invoice.business.factur_x:
        return ""
    return _said(_paper(invoice), invoice.link.public_id)


def _said(paper: Paper, about: str) -> str:
    with translation.override("en"):
        why = e_invoice.problem(paper)
    if why:
        log.info("e_invoice_left_out", about=about, why=why)
        return ""
    return e_invoice.xml(paper)


def problem(invoice: Invoice) -> str:
    """Why a PDF holds no e-invoice although the business wants them; in the active
    language."""
    if not invoice.business.factur_x:
        return ""
    return e_invoice.problem(_paper(invoice))


def _paper(invoice: Invoice) -> Paper:
    link = invoice.link
    return Paper(
        kind=e_invoice.INVOICE,
        number=str(link.number),
        issued_on=invoice.issued_on,
        due_on=link.due_on,
        currency=link.currency,
        business=invoice.business,
        customer=invoice.customer,
        lines=[_line(line, link) for line in invoice.lines],
        paid_minor=min(link.amount_paid_minor, link.amount_minor),
        note=link.note,
        url=invoice.url,
    )


def _line(line: LineItem, link: PaymentLink) -> Line:
    """As it was priced. Prices with the tax in them have no net price of their own:
    it is what the pieces come to, after the discount."""
    base, quantity = line.net_minor, line.asked_milli
    price = e_invoice.unit_price(line.net_minor, quantity, link.currency)
    if not link.prices_include_tax:
        base = half_up(quantity * line.unit_amount_minor, 1000)
        price = Money(line.unit_amount_minor, link.currency).decimal
    return Line(
        name=line.description,
        quantity_milli=quantity,
        unit_price=price,
        base_minor=base,
        net_minor=line.net_minor,
        tax_minor=line.tax_minor,
        tax_bp=line.tax_bp,
    )


def credit_note_xml(note: CreditNote) -> str:
    """What to put into the PDF of a credit note; empty as for `xml_of`, and where the
    refund holds a tip or a surplus, which no invoice named."""
    if not note.business.factur_x or any(rate is None for rate, *_sums in note.shares):
        return ""
    number, link = str(note.link.number), note.link
    paper = Paper(
        kind=e_invoice.CREDIT_NOTE,
        number=str(note.refund.number),
        issued_on=note.issued_on,
        due_on=None,
        currency=note.refund.currency,
        business=note.business,
        customer=note.customer,
        lines=[
            Line(
                name=number,
                quantity_milli=1000,
                unit_price=Money(net, link.currency).decimal,
                base_minor=net,
                net_minor=net,
                tax_minor=tax,
                tax_bp=rate or 0,
            )
            for rate, net, tax in note.shares
        ],
        paid_minor=note.refund.amount_minor,
        note="",
        url="",
        refers_to=number if note.is_of_invoice else "",
    )
    return _said(paper, note.refund.public_id)
