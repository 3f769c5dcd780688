"""The credit note of one refund: what was given back of which invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money

from ..models import PaymentLink, Refund
from . import paper, parts, writing
from .parts import Legal, Party

RatePart = tuple[int | None, int, int]
# basis points, net and tax; None: beyond what was invoiced


@dataclass(frozen=True, slots=True)
class CreditNote:
    """`shares`: the refund over the rates of the invoice, adding up to it."""

    refund: Refund
    link: PaymentLink
    shares: Sequence[RatePart]
    is_of_invoice: bool
    business: Business
    customer: Party
    issued_on: date
    legal: Legal


def pdf(note: CreditNote, language: str, at: datetime, *, e_invoice: str = "") -> bytes:
    with translation.override(language):
        data = {**_data(note, language), "e_invoice": e_invoice}
    return paper.pdf(paper.SHEET, data, at)


def _data(note: CreditNote, language: str) -> dict[str, Any]:
    number = str(note.refund.number)
    given = note.refund.amount.format(language)
    taxed = [share for share in note.shares if share[2]]
    return {
        **parts.sheet(
            note.business,
            note.customer,
            language,
            title=_("Credit note"),
            number=number,
            facts=[
                (_("Number"), number),
                (_("Date"), writing.day(note.issued_on, language)),
                (
                    _("Invoice") if note.is_of_invoice else _("Reference"),
                    str(note.link.number),
                ),
            ],
            legal=note.legal,
        ),
        "intro": [
            _("We have given back %(amount)s the way you paid.") % {"amount": given}
        ],
        "columns": [_("Description"), *([_("Tax")] if taxed else []), _("Amount")],
        "lines": [_line(share, note, bool(taxed), language) for share in note.shares],
        "sums": _sums(note, taxed, language),
    }


def _line(share: RatePart, note: CreditNote, has_tax: bool, language: str) -> list[str]:
    rate, net, _tax = share
    said = _("Tip or overpayment")
    if rate is not None:
        said = _("Refund for %(number)s") % {"number": note.link.number}
    tax = [writing.percent(rate or 0, language)] if has_tax else []
    return [said, *tax, Money(net, note.refund.currency).format(language)]


def _sums(
    note: CreditNote, taxed: Sequence[RatePart], language: str
) -> list[dict[str, Any]]:
    currency = note.refund.currency
    rows = []
    if taxed:
        net = sum(share[1] for share in note.shares)
        rows.append(parts.sum_row(_("Net"), Money(net, currency), language))
    rows += [
        parts.sum_row(
            _("Tax %(rate)s") % {"rate": writing.percent(rate or 0, language)},
            Money(tax, currency),
            language,
        )
        for rate, _net, tax in taxed
    ]
    given = note.refund.amount
    return [*rows, parts.sum_row(_("Given back"), given, language, is_total=True)]
