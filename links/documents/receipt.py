"""The receipt of one payment: what came, when, and for what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money

from ..models import LineItem, Payment, PaymentLink
from . import paper, parts, writing
from .parts import Legal, Party, own


@dataclass(frozen=True, slots=True)
class Receipt:
    """`lines`: of the link, where the payment is all that it asked; else empty.
    `taxes`: basis points and tax of each rate in it, under the same condition.
    It says nothing of what is still open: that changes, and this does not.
    """

    payment: Payment
    link: PaymentLink
    lines: Sequence[LineItem]
    taxes: Sequence[tuple[int, int]]
    business: Business
    customer: Party
    paid_on: date
    legal: Legal


def pdf(receipt: Receipt, language: str, at: datetime) -> bytes:
    with translation.override(language):
        data = _data(receipt, language)
    return paper.pdf(paper.SHEET, data, at)


def _data(receipt: Receipt, language: str) -> dict[str, Any]:
    number = str(receipt.link.number)
    facts = [
        (_("Number"), number),
        (_("Paid on"), writing.day(receipt.paid_on, language)),
    ]
    if way := _way(receipt.payment.method):
        facts.append((_("Paid by"), way))
    return {
        **parts.sheet(
            receipt.business,
            receipt.customer,
            language,
            title=_("Receipt"),
            number=number,
            facts=facts,
            legal=receipt.legal,
        ),
        "intro": [_("Thank you! We have received your payment.")],
        "columns": [_("Description"), _("Amount")],
        "lines": _lines(receipt, language),
        "sums": _sums(receipt, language),
        "note": _("Payment: %(id)s") % {"id": receipt.payment.public_id},
    }


def _way(method: str) -> str:
    """By the providers' words for it; empty for one that says nothing to a payer."""
    known = {
        "card": _("Card"),
        "terminal": _("Card"),
        "wallet": _("Wallet"),
        "cash": _("Cash"),
        "cheque": _("Cheque"),
        "transfer": _("Bank transfer"),
        "sepa_debit": _("Direct debit"),
    }
    return known.get(method, "")


def _lines(receipt: Receipt, language: str) -> list[list[str]]:
    payment, currency = receipt.payment, receipt.payment.currency

    def money(minor: int) -> str:
        return Money(minor, currency).format(language)

    beyond = payment.tip_minor + payment.surplus_minor
    lines = [[own(line.description), money(line.total_minor)] for line in receipt.lines]
    if not lines and payment.amount_minor > beyond:
        said = _("Payment for %(number)s") % {"number": receipt.link.number}
        lines = [[said, money(payment.amount_minor - beyond)]]
    if payment.tip_minor:
        lines.append([_("Tip"), money(payment.tip_minor)])
    if payment.surplus_minor:
        lines.append([_("More than was asked for"), money(payment.surplus_minor)])
    return lines


def _sums(receipt: Receipt, language: str) -> list[dict[str, Any]]:
    currency = receipt.payment.currency
    taxes = [
        parts.sum_row(
            _("Tax %(rate)s included") % {"rate": writing.percent(rate, language)},
            Money(tax, currency),
            language,
        )
        for rate, tax in receipt.taxes
    ]
    received = receipt.payment.amount
    return [*taxes, parts.sum_row(_("Received"), received, language, is_total=True)]
