"""What all papers share: who, to whom, in which language, and what stands at the foot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business import banking
from merchant_portal.business.models import Business
from merchant_portal.lib.colors import ink_on
from merchant_portal.lib.money import Money

from . import qr

LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "CL", "CO", "PH", "VE"})
# whose printers hold letter paper; everybody else's A4
ISOLATED = "\u2068{}\u2069"
# Text of people in a line of the other direction keeps its own (Unicode TR 9).
LEFT_TO_RIGHT = "\u2066{}\u2069"
MAX_IMPRINT, IMPRINT_ROW = 360, 120
# Letters that the foot of a page holds, and a row of them; what is longer stands once,
# at the end.
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a paper is for; empty where that is not known."""

    name: str = ""
    address: str = ""
    tax_id: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Legal:
    """Where the terms and the privacy notice can be read; empty without any."""

    terms_url: str = ""
    privacy_url: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Where one can see that a paper is the merchant's, and the code to type there."""

    code: str
    url: str


def own(text: str) -> str:
    """Text of people, set apart where the line runs the other way."""
    return ISOLATED.format(text) if translation.get_language_bidi() else text


def sheet(
    business: Business,
    party: Party,
    language: str,
    *,
    title: str,
    number: str,
    facts: Sequence[Row],
    legal: Legal,
) -> dict[str, Any]:
    """Everything that `sheet.typ` asks for, of a paper that says nothing yet; the
    paper's own words go over it. `language` is the active one."""
    base, _hyphen, region = language.partition("-")
    imprint = " · ".join(_rows(business.imprint))
    is_short = len(imprint) <= MAX_IMPRINT
    return {
        "language": base,
        "region": region.lower() if len(region) == 2 else None,
        "is_rtl": translation.get_language_bidi(),
        "paper": "us-letter" if business.country in LETTER_COUNTRIES else "a4",
        "brand": business.brand_color,
        "logo": list(bytes(business.logo or b"")) if business.logo_sha256 else None,
        "is_letter": False,
        "e_invoice": "",
        "title": title,
        "number": number,
        "seller": {
            "name": own(business.legal_name or business.name),
            "rows": [own(row) for row in _seller(business)],
        },
        "customer": {
            "label": "",
            "name": own(party.name),
            "rows": [own(row) for row in _customer(party)],
        },
        "facts": facts,
        "intro": [],
        "columns": [],
        "lines": [],
        "sums": [],
        "sections": [],
        "pay": None,
        "transfer": None,
        "note": "",
        "closing": [],
        "footer": [own(part) for part in _footer(business)],
        "imprint": own(imprint) if is_short else "",
        "imprint_lines": -(-len(imprint) // IMPRINT_ROW) if is_short else 0,
        "legal": _legal(legal),
        "legal_text": "" if is_short else own(business.imprint),
    }


def sum_row(label: str, amount: Money, language: str, *, is_total: bool = False) -> Any:
    return {"label": label, "value": amount.format(language), "is_total": is_total}


def _rows(block: str) -> list[str]:
    return [row.strip() for row in block.splitlines() if row.strip()]


def _seller(business: Business) -> list[str]:
    rows = _rows(business.address)
    if business.tax_id:
        rows.append(f"{_('Tax number:')} {business.tax_id}")
    return rows


def _customer(party: Party) -> list[str]:
    rows = _rows(party.address)
    if party.tax_id:
        rows.append(f"{_('Tax number:')} {party.tax_id}")
    return rows


def _footer(business: Business) -> list[str]:
    name = business.legal_name or business.name
    parts = (name, business.email, business.phone, business.website)
    return [part for part in parts if part]


def _legal(legal: Legal) -> list[Row]:
    named = (
        (_("Terms and conditions:"), legal.terms_url),
        (_("Privacy notice:"), legal.privacy_url),
    )
    return [(label, url) for label, url in named if url]


# --- how to pay -----------------------------------------------------------------------


def pay_online(
    business: Business, asked: Money, url: str, language: str, check: Check
) -> dict[str, str]:
    amount = asked.format(language)
    return {
        "title": _("Pay online"),
        "button": _("Pay %(amount)s") % {"amount": amount},
        "ink": ink_on(business.brand_color),
        "url": url,
        "hint": _("Scan the code, press the button, or open this address:"),
        "qr": qr.svg(url, border=0),
        "check": _("Really from us? Check the code %(code)s at %(address)s")
        % {"code": _plain(check.code), "address": _plain(check.url)},
        "qr_alt": _("The address of the payment page as a QR code"),
    }


def _plain(text: str) -> str:
    """Codes and addresses are read from left to right, also between Arabic words."""
    return LEFT_TO_RIGHT.format(text) if translation.get_language_bidi() else text


def transfer_of(business: Business, asked: Money, reference: str) -> qr.Transfer | None:
    """What a banking app fills in; None where the code cannot say it: it knows euros
    alone, and an account is needed."""
    is_sayable = qr.MIN_CENTS <= asked.amount_minor <= qr.MAX_CENTS
    if not business.iban or asked.currency != "EUR" or not is_sayable:
        return None
    return qr.Transfer(
        holder=banking.holder(business),
        iban=business.iban,
        bic=business.bic,
        amount_minor=asked.amount_minor,
        reference=reference,
    )


def transfer_rows(business: Business, asked: Money, reference: str) -> list[Row]:
    """The same in words, for any bank; the language of the label is the active one."""
    rows = [
        (_("Account holder"), own(banking.holder(business))),
        ("IBAN", banking.grouped(business.iban)),
        ("BIC", business.bic),
        (_("Amount"), asked.format(translation.get_language() or "en")),
        (_("Reference"), reference),
    ]
    return [row for row in rows if row[1]]


def pay_by_transfer(
    business: Business, asked: Money, reference: str
) -> dict[str, Any] | None:
    """None without an account."""
    if not business.iban:
        return None
    transfer = transfer_of(business, asked, reference)
    return {
        "title": _("Pay by bank transfer"),
        "rows": transfer_rows(business, asked, reference),
        "hint": _("Scan the code with your banking app: it fills all of this in.")
        if transfer
        else "",
        "qr": qr.transfer_svg(transfer, border=0) if transfer else "",
        "qr_alt": _("The bank transfer as a QR code"),
    }
