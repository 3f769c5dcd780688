"""The invoice for programs: Factur-X, also called ZUGFeRD, profile EN 16931, as XML.

Every sum is the one printed beside it. Tax is rounded line by line, and its sum may
differ from the tax of the sum by some minor units; the rules take less than one whole
unit (BR-CO-17 and BR-S-09 as their Schematron tests them). What cannot be said within the rules is not
said at all: `problem` names why.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.utils.translation import gettext as _
from drafthorse.models.accounting import ApplicableTradeTax, TradeAllowanceCharge
from drafthorse.models.document import Document
from drafthorse.models.note import IncludedNote
from drafthorse.models.party import TaxRegistration
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.tradelines import LineItem

from merchant_portal.business import banking
from merchant_portal.business.models import Business, UntaxedCategory
from merchant_portal.business.services import lacks_for_e_invoice
from merchant_portal.lib.money import EXPONENTS, Money

from .parts import Party

PROFILE: Final = "urn:cen.eu:en16931:2017"
INVOICE, CREDIT_NOTE = "380", "381"  # UNTDID 1001
PIECE: Final = "C62"  # UN/ECE recommendation 20
SEPA_TRANSFER, TRANSFER, ONLINE = "58", "30", "68"  # UNTDID 4461
MOST_DECIMALS: Final = 2
CENT: Final = Decimal("0.01")  # to which the rules round, also where there are none
PRICE_PLACES: Final = Decimal("1e-10")
# Enough for a million pieces to come to the cent of their line.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Line:
    """Minor units. `base_minor`: what its pieces cost; `net_minor`: less the discount.
    `unit_price`: in major units, without tax."""

    name: str
    quantity_milli: int
    unit_price: Decimal
    base_minor: int
    net_minor: int
    tax_minor: int
    tax_bp: int


@dataclass(frozen=True, slots=True)
class Paper:
    """An invoice, or a credit note of the invoice named `refers_to`.

    `url`: where it can be paid; empty where nothing is to pay.
    """

    kind: str
    number: str
    issued_on: date
    due_on: date | None
    currency: str
    business: Business
    customer: Party
    lines: Sequence[Line]
    paid_minor: int
    note: str
    url: str
    refers_to: str = ""

    @property
    def net_minor(self) -> int:
        return sum(line.net_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def unit_price(net_minor: int, quantity_milli: int, currency: str) -> Decimal:
    """Of one piece, in major units, so that all of them come to just `net_minor`."""
    whole = Money(net_minor, currency).decimal * 1000 / quantity_milli
    return _plain(whole.quantize(PRICE_PLACES, ROUND_HALF_UP))


def _plain(number: Decimal) -> Decimal:
    """Without zeros behind, and without an exponent, which XML Schema does not know."""
    return Decimal(f"{number.normalize():f}")


def problem(paper: Paper) -> str:
    """Why this cannot be said within the rules, in words for staff; empty if it can."""
    business, customer = paper.business, paper.customer
    said = {
        name: getattr(business, name)
        for name in (
            "name",
            "address",
            "country",
            "tax_id",
            "untaxed_category",
            "untaxed_reason",
        )
    }
    if lacks_for_e_invoice(said):
        return _("The business's profile lacks what an e-invoice needs.")
    if not customer.name or not customer.country:
        return _("The customer has no country; add it on their page.")
    if EXPONENTS[paper.currency] > MOST_DECIMALS:
        return _("The e-invoice knows no currency with three decimals.")
    untaxed = [line for line in paper.lines if not line.tax_bp]
    is_outside = business.untaxed_category == UntaxedCategory.OUTSIDE
    if is_outside and untaxed and len(untaxed) < len(paper.lines):
        return _("Lines with tax and lines not subject to tax need an invoice each.")
    for rate, (basis, tax) in _by_rate(paper.lines).items():
        exact = _amount(basis, paper) * rate / 10_000
        if abs(exact.quantize(CENT, ROUND_HALF_UP) - _amount(tax, paper)) >= 1:
            return _("Its tax, rounded line by line, is too far from that of the sum.")
    return ""


def xml(paper: Paper) -> str:
    """The document, of a paper without a `problem`. Nothing in it is markup."""
    document = Document()
    document.context.guideline_parameter.id = PROFILE
    document.header.id = paper.number
    document.header.type_code = paper.kind
    document.header.issue_date_time = _at(paper.issued_on)
    if paper.note:
        document.header.notes.add(IncludedNote(content=_text(paper.note)))
    _parties(document, paper)
    for number, line in enumerate(paper.lines, 1):
        document.trade.items.add(_item(number, line, paper))
    _settlement(document.trade.settlement, paper)
    return ET.tostring(document.to_etree(), "unicode", xml_declaration=True)


def _parties(document: Any, paper: Paper) -> None:
    business, customer = paper.business, paper.customer
    seller = document.trade.agreement.seller
    seller.name = _text(business.legal_name or business.name)
    _address(seller.address, business.address, business.country)
    if business.email:
        seller.electronic_address.uri_ID = ("EM", business.email)
    is_vat = banking.is_vat_number(business.tax_id) and not _is_outside(paper)
    if not is_vat:
        seller.id = _text(business.tax_id)  # BR-CO-26: some identifier of the seller
    scheme = "VA" if is_vat else "FC"
    seller.tax_registrations.add(TaxRegistration(id=(scheme, _text(business.tax_id))))
    buyer = document.trade.agreement.buyer
    buyer.name = _text(customer.name)
    # Some delivery must be named, and nothing may be empty (PEPPOL-EN16931-R008); of
    # its day nothing is known here.
    document.trade.delivery.ship_to.name = _text(customer.name)
    _address(buyer.address, customer.address, customer.country)
    if banking.is_vat_number(customer.tax_id) and not _is_outside(paper):
        buyer.tax_registrations.add(TaxRegistration(id=("VA", _text(customer.tax_id))))


def _address(address: Any, block: str, country: str) -> None:
    rows = [_text(row.strip()) for row in block.splitlines() if row.strip()]
    for name, row in zip(("line_one", "line_two"), rows, strict=False):
        setattr(address, name, row)
    if rows[2:]:
        address.line_three = ", ".join(rows[2:])
    address.country_id = country


def _item(number: int, line: Line, paper: Paper) -> LineItem:
    item = LineItem()
    item.document.line_id = str(number)
    item.product.name = _text(line.name)
    item.agreement.net.amount = line.unit_price
    item.delivery.billed_quantity = (_plain(Decimal(line.quantity_milli) / 1000), PIECE)
    tax = item.settlement.trade_tax
    tax.type_code = "VAT"
    _category(tax, line.tax_bp, paper)
    if line.base_minor != line.net_minor:
        discount = TradeAllowanceCharge()
        discount.indicator = False
        discount.actual_amount = _amount(line.base_minor - line.net_minor, paper)
        discount.reason = "Discount"
        item.settlement.allowance_charge.add(discount)
    item.settlement.monetary_summation.total_amount = _amount(line.net_minor, paper)
    return item


def _category(tax: Any, rate: int, paper: Paper) -> None:
    category = "S" if rate else str(paper.business.untaxed_category)
    tax.category_code = category
    if category != UntaxedCategory.OUTSIDE:  # BR-O-5: which has no rate
        tax.rate_applicable_percent = Decimal(rate) / 100


def _settlement(settlement: Any, paper: Paper) -> None:
    settlement.payment_reference = paper.number
    settlement.currency_code = paper.currency
    settlement.payment_means.add(_means(paper))
    for rate, (basis, tax_minor) in sorted(_by_rate(paper.lines).items()):
        tax = ApplicableTradeTax()
        tax.type_code = "VAT"
        tax.basis_amount = _amount(basis, paper)
        tax.calculated_amount = _amount(tax_minor, paper)
        _category(tax, rate, paper)
        is_explained = paper.business.untaxed_category != UntaxedCategory.ZERO
        if not rate and is_explained:
            tax.exemption_reason = _text(paper.business.untaxed_reason)
        settlement.trade_tax.add(tax)
    terms = PaymentTerms()
    terms.description = f"{paper.url}" if paper.url else "-"
    if paper.due_on:
        terms.due = _at(paper.due_on)
    settlement.terms.add(terms)
    sums = settlement.monetary_summation
    sums.line_total = _amount(paper.net_minor, paper)
    sums.charge_total = sums.allowance_total = _amount(0, paper)
    sums.tax_basis_total = _amount(paper.net_minor, paper)
    sums.tax_total = (_amount(paper.tax_minor, paper), paper.currency)
    sums.grand_total = _amount(paper.total_minor, paper)
    sums.prepaid_total = _amount(paper.paid_minor, paper)
    sums.due_amount = _amount(paper.total_minor - paper.paid_minor, paper)
    if paper.refers_to:
        settlement.invoice_referenced_document.issuer_assigned_id = paper.refers_to


def _means(paper: Paper) -> PaymentMeans:
    means = PaymentMeans()
    business = paper.business
    means.type_code = ONLINE
    if paper.url:
        means.information.add(paper.url)
    if business.iban and paper.kind == INVOICE:
        means.type_code = SEPA_TRANSFER if paper.currency == "EUR" else TRANSFER
        means.payee_account.iban = business.iban
        means.payee_account.account_name = _text(banking.holder(business))
        if business.bic:
            means.payee_institution.bic = business.bic
    return means


def _by_rate(lines: Sequence[Line]) -> dict[int, tuple[int, int]]:
    """Net and tax of each rate."""
    sums: dict[int, tuple[int, int]] = {}
    for line in lines:
        basis, tax = sums.get(line.tax_bp, (0, 0))
        sums[line.tax_bp] = (basis + line.net_minor, tax + line.tax_minor)
    return sums


def _is_outside(paper: Paper) -> bool:
    """BR-O-2: who is not subject to tax names no VAT number."""
    is_untaxed = not any(line.tax_bp for line in paper.lines)
    return is_untaxed and paper.business.untaxed_category == UntaxedCategory.OUTSIDE


def _amount(minor: int, paper: Paper) -> Decimal:
    return Money(minor, paper.currency).decimal


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _text(value: str) -> str:
    return _NOT_XML.sub("", value)
