"""A reminder on paper, for the post: friendly, with all that is open and how to pay."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from . import invoice as invoices
from . import paper, parts, writing
from .invoice import Invoice
from .parts import Row


@dataclass(frozen=True, slots=True)
class Letter:
    """`invoice`: what it reminds of. `greeting`: without its comma."""

    invoice: Invoice
    greeting: str
    written_on: date


def pdf(letter: Letter, language: str, at: datetime) -> bytes:
    with translation.override(language):
        data = _data(letter, language)
    return paper.pdf(paper.SHEET, data, at)


def _data(letter: Letter, language: str) -> dict[str, Any]:
    """All that is open is asked, and online where the page still takes money."""
    invoice = letter.invoice
    link, business = invoice.link, invoice.business
    number, asked = str(link.number), link.balance
    words = {
        "number": number,
        "date": writing.day(invoice.issued_on, language),
        "amount": asked.format(language),
    }
    return {
        **parts.sheet(
            business,
            replace(invoice.customer, tax_id=""),  # no part of an address
            language,
            title=_("Payment reminder"),
            number=number,
            facts=_facts(letter, language),
            legal=invoice.legal,
        ),
        "is_letter": True,
        "intro": [
            _("%(greeting)s,") % {"greeting": parts.own(letter.greeting)},
            _(
                "This is a friendly reminder of our invoice %(number)s of %(date)s, of"
                " which %(amount)s is still open. Perhaps it slipped your mind."
            )
            % words,
            _("Please pay in the coming days. Below you find how."),
        ],
        "columns": invoices.columns(invoice.lines),
        "lines": [
            invoices.line(each, link, invoice.lines, language) for each in invoice.lines
        ],
        "sums": invoices.sums(link, invoice.lines, language),
        "pay": parts.pay_online(business, asked, invoice.url, language, invoice.check)
        if invoice.asked
        else None,
        "transfer": parts.pay_by_transfer(business, asked, number),
        "closing": [
            _(
                "If you have paid in the meantime, thank you, and please disregard this"
                " letter. If something is not right, or you need more time, please tell"
                " us."
            ),
            _("With kind regards,") + "\n" + parts.own(business.name),
        ],
    }


def _facts(letter: Letter, language: str) -> list[Row]:
    link = letter.invoice.link
    facts = [
        (_("Invoice"), str(link.number)),
        (_("Date"), writing.day(letter.written_on, language)),
    ]
    if link.due_on:
        facts.append((_("Due on"), writing.day(link.due_on, language)))
    return facts
