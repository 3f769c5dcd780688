"""The statement of a customer's account: what stands on it, in their language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money

from . import paper, parts, writing
from .parts import Legal, Party


@dataclass(frozen=True, slots=True)
class Move:
    """A row of it. `kind`: as in `services.statements`; minor units."""

    on: date
    kind: str
    number: str
    minor: int
    balance: int


@dataclass(frozen=True, slots=True)
class Account:
    """`first`, `last`: days of the merchant, both included. `opening`, `closing`: minor
    units of `currency` before and after `moves`."""

    currency: str
    first: date
    last: date
    opening: int
    moves: Sequence[Move]
    closing: int
    business: Business
    customer: Party
    legal: Legal


def pdf(account: Account, language: str, at: datetime) -> bytes:
    with translation.override(language):
        data = _data(account, language)
    return paper.pdf(paper.SHEET, data, at)


def said(kind: str, number: str) -> str:
    """What a move is, in the active language."""
    if kind in ("asked", "bought"):
        return f"{_('Invoice')} {number}"
    if kind == "credited":
        return f"{_('Credit note')} {number}"
    if kind == "tip":
        return f"{_('Tip')} {number}"
    words = {
        "closed": _("Canceled: %(number)s"),
        "paid": _("Payment for %(number)s"),
        "given_back": _("Refund for %(number)s"),
        "lost": _("Taken back by the bank: %(number)s"),
    }
    return words[kind] % {"number": number}


def _data(account: Account, language: str) -> dict[str, Any]:
    def money(minor: int) -> str:
        return Money(minor, account.currency).format(language)

    def on(day: date) -> str:
        return _("Balance on %(date)s") % {"date": writing.day(day, language)}

    rows = [
        [
            said(move.kind, move.number),
            writing.short_day(move.on, language),
            money(move.minor),
            money(move.balance),
        ]
        for move in account.moves
    ]
    before = account.first - timedelta(days=1)
    closing = Money(account.closing, account.currency)
    return {
        **parts.sheet(
            account.business,
            account.customer,
            language,
            title=_("Statement of account"),
            number="",
            facts=[
                (
                    _("Period"),
                    f"{writing.short_day(account.first, language)} \u2013"
                    f" {writing.short_day(account.last, language)}",
                )
            ],
            legal=account.legal,
        ),
        "columns": [_("Description"), _("Date"), _("Amount"), _("Balance")],
        "lines": [[on(before), "", "", money(account.opening)], *rows],
        "sums": [parts.sum_row(on(account.last), closing, language, is_total=True)],
    }
