"""The e-invoice inside the PDF: valid by its schema, and reconciled to the minor unit."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import facturx
import pikepdf
import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from links.documents import xmp
from links.models import PaymentLink, Refund
from links.providers.base import RefundSnapshot
from links.providers.base import RefundState as Told
from links.services import e_invoices, papers, payments, receipts
from links.services.amounts import LineData
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role

from . import schematron
from .factories import NOON, make_customer, make_link, make_seen, make_user
from .pdf_reader import words
from .test_invoice_pdf import CAKE, CANDLES, DUE, is_archival, shop

pytestmark = pytest.mark.django_db
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
FREE = LineData("Delivery", 500)


def seller(**changes: Any) -> Business:
    business = shop(**{"factur_x": True, **changes})
    business_services.forget()
    return business


def sold(*lines: LineData, country: str = "DE", **changes: Any) -> PaymentLink:
    customer = make_customer(name="Grace Hopper GmbH")
    customer.country, customer.address = country, "Weg 1\n2. Hof\n10115 Berlin\nPost"
    customer.tax_id = "DE987654321"
    customer.save()
    return make_link(customer, lines=lines, due_on=DUE, **changes)


def pdf_of(link: PaymentLink, business: Business) -> bytes:
    lines = list(link.lines.order_by("position"))
    return papers.invoice(link, lines, business, "de", is_payable=True)


def xml_in(content: bytes) -> Any:
    """The e-invoice of a PDF, valid by the schema and the rules of its profile."""
    name, xml = facturx.get_xml_from_pdf(content, check_xsd=True)
    assert name == xmp.FILE_NAME
    root = etree.fromstring(xml)
    assert facturx.get_level(root) == "en16931"
    assert schematron.findings(xml) == []
    return root


def said(root: Any, *path: str) -> list[str]:
    return [
        each.text for each in root.iterfind(".//" + "/".join(RAM + p for p in path))
    ]


SUMS = "SpecifiedTradeSettlementHeaderMonetarySummation"


def reconciled(root: Any, link: PaymentLink) -> None:
    """BR-CO-10, -13, -14, -15 and -16, and every sum as the link has it."""

    def one(name: str) -> Decimal:
        [text] = said(root, SUMS, name)
        return Decimal(text)

    def money(minor: int) -> Decimal:
        return Money(minor, link.currency).decimal

    lines = said(
        root,
        "SpecifiedTradeSettlementLineMonetarySummation",
        "LineTotalAmount",
    )
    header = "ApplicableHeaderTradeSettlement"
    basis = said(root, header, "ApplicableTradeTax", "BasisAmount")
    taxes = said(root, header, "ApplicableTradeTax", "CalculatedAmount")
    assert sum(map(Decimal, lines)) == one("LineTotalAmount") == money(link.net_minor)
    assert one("TaxBasisTotalAmount") == sum(map(Decimal, basis))
    assert one("TaxTotalAmount") == sum(map(Decimal, taxes)) == money(link.tax_minor)
    assert one("GrandTotalAmount") == money(link.amount_minor)
    due = money(link.amount_minor - link.amount_paid_minor)
    assert one("DuePayableAmount") == due
    assert [each for each in root.iter() if not len(each) and not each.text] == []
    for item in root.iter(RAM + "IncludedSupplyChainTradeLineItem"):
        adds_up(item, money(1) / 2)


def adds_up(item: Any, half: Decimal) -> None:
    """Pieces by price, less the discount, is the line (BT-131)."""
    [price] = said(item, "NetPriceProductTradePrice", "ChargeAmount")
    [pieces] = said(item, "BilledQuantity")
    [net] = said(item, "LineTotalAmount")
    less = said(item, "SpecifiedTradeAllowanceCharge", "ActualAmount")
    exact = Decimal(price) * Decimal(pieces) - sum(map(Decimal, less))
    assert abs(exact - Decimal(net)) <= half


def test_says_what_the_paper_says() -> None:
    business = seller(iban="DE89370400440532013000", bic="COBADEFFXXX")
    link = sold(CAKE, CANDLES)

    root = xml_in(pdf_of(link, business))

    reconciled(root, link)
    assert said(root, "SellerTradeParty", "Name") == ["Café Morgenrot Inh. Rosa Licht"]
    assert said(root, "BuyerTradeParty", "Name") == ["Grace Hopper GmbH"]
    buyer = ("BuyerTradeParty", "PostalTradeAddress")
    assert said(root, *buyer, "LineThree") == ["10115 Berlin, Post"]
    assert said(root, *buyer, "CountryID") == ["DE"]
    header = ("ApplicableHeaderTradeSettlement", "ApplicableTradeTax")
    assert said(root, *header, "CategoryCode") == ["S", "S"]
    assert said(root, *header, "RateApplicablePercent") == ["7", "19"]
    assert said(root, "PayeePartyCreditorFinancialAccount", "IBANID") == [business.iban]
    assert said(root, "PaymentReference") == [link.number]
    assert said(root, "BilledQuantity") == ["1", "12"]


def test_the_file_stays_an_archive_that_readers_take() -> None:
    content = pdf_of(sold(CAKE), seller())

    assert is_archival(content)
    assert "Rechnung" in words(content)
    with pikepdf.open(io.BytesIO(content)) as document:
        assert document.check_pdf_syntax() == []  # what `qpdf --check` says
        assert bool(document.Root.MarkInfo.Marked)
        [file_spec] = list(document.Root.AF)
        assert str(file_spec.AFRelationship) == "/Alternative"
        metadata = document.open_metadata()
        fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
        assert metadata[f"{fx}ConformanceLevel"] == "EN 16931"
        assert metadata[f"{fx}DocumentFileName"] == "factur-x.xml"
        assert metadata["dc:title"].startswith("Rechnung PL-")


def test_the_same_invoice_gives_the_same_bytes() -> None:
    business, link = seller(), sold(CAKE)

    assert pdf_of(link, business) == pdf_of(link, business)


PRICES = st.builds(
    LineData,
    description=st.sampled_from(["Cake", "<b>&amp; \ufffe", "蛋糕"]),
    unit_amount_minor=st.integers(1, 999_999),
    quantity_milli=st.integers(1, 50_000),
    discount_bp=st.sampled_from([0, 0, 333, 1000, 10_000]),
    tax_bp=st.sampled_from([0, 550, 700, 1900]),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lines=st.lists(PRICES, min_size=1, max_size=12),
    includes=st.booleans(),
    currency=st.sampled_from(["EUR", "JPY", "USD"]),
)
def test_all_prices_reconcile(
    lines: list[LineData], includes: bool, currency: str
) -> None:
    business = seller(prices_include_tax=includes)
    free = LineData("Something", 1_000, tax_bp=1900)
    link = sold(*lines, free, currency=currency)
    facts = papers.facts_of(
        link, list(link.lines.order_by("position")), business, is_payable=True
    )

    xml = e_invoices.xml_of(facts)

    if not xml:  # only yen, in which lines round far
        assert currency == "JPY"
        assert "too far" in e_invoices.problem(facts)
        return
    root = etree.fromstring(xml.encode())
    facturx.xml_check_xsd(xml.encode(), flavor="factur-x", level="en16931")
    assert schematron.findings(xml.encode()) == []
    reconciled(root, link)


def test_control_a_sum_that_is_a_cent_off_breaks_the_rules() -> None:
    business, link = seller(), sold(CAKE)
    facts = papers.facts_of(link, list(link.lines.all()), business, is_payable=True)
    xml = e_invoices.xml_of(facts)
    root = etree.fromstring(xml.encode())
    [total] = root.iter(f"{RAM}GrandTotalAmount")
    total.text = str(Decimal(total.text or "0") + Decimal("0.01"))

    assert schematron.findings(etree.tostring(root))


@pytest.mark.parametrize(
    ("category", "reason", "tax_id", "scheme"),
    [
        ("Z", "", "DE123456789", "VA"),
        ("E", "Kleinunternehmer, § 19 UStG", "12/345/67890", "FC"),
        ("O", "Not subject to tax", "DE123456789", "FC"),
    ],
)
def test_lines_without_tax_say_why(
    category: str, reason: str, tax_id: str, scheme: str
) -> None:
    business = seller(untaxed_category=category, untaxed_reason=reason, tax_id=tax_id)
    link = sold(FREE)

    content = pdf_of(link, business)

    root = xml_in(content)
    reconciled(root, link)
    header = ("ApplicableHeaderTradeSettlement", "ApplicableTradeTax")
    assert said(root, *header, "CategoryCode") == [category]
    assert said(root, *header, "ExemptionReason") == ([reason] if reason else [])
    rates = said(root, *header, "RateApplicablePercent")
    assert rates == ([] if category == "O" else ["0"])
    [number] = root.iterfind(f".//{RAM}SellerTradeParty/{RAM}SpecifiedTaxRegistration")
    assert number[0].attrib["schemeID"] == scheme
    assert (reason in words(content)) is True


def test_what_is_paid_is_taken_off() -> None:
    business, link = seller(), sold(CAKE)
    payments.record(make_seen(link, amount_minor=4_000))
    link = PaymentLink.objects.get(pk=link.pk)

    root = xml_in(pdf_of(link, business))

    reconciled(root, link)
    assert said(root, SUMS, "TotalPrepaidAmount") == ["40.00"]


@pytest.mark.parametrize(
    ("make", "changes", "why"),
    [
        ({"country": ""}, {}, "no country"),
        ({"currency": "KWD"}, {}, "three decimals"),
        ({}, {"tax_id": ""}, "profile"),
        ({}, {"untaxed_category": "O", "untaxed_reason": "x"}, "an invoice each"),
    ],
)
def test_what_cannot_be_said_is_left_out_and_staff_are_told(
    client: Client, settings: Any, make: Any, changes: Any, why: str
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    business, link = seller(**changes), sold(CAKE, FREE, **make)
    client.force_login(make_user(Role.OWNER))

    page = client.get(reverse("admin:links_paymentlink_change", args=[link.pk]))

    assert "factur-x.xml" not in attached(pdf_of(link, business))
    assert why in page.content.decode()


def attached(content: bytes) -> list[str]:
    with pikepdf.open(io.BytesIO(content)) as document:
        return list(document.attachments)


def test_nobody_gets_one_unasked() -> None:
    business, link = seller(factur_x=False), sold(CAKE)

    assert attached(pdf_of(link, business)) == []


def test_a_name_in_no_font_costs_it_with_the_archive_mark() -> None:
    business, link = seller(), sold(LineData("Ada \U00012000", 100))

    content = pdf_of(link, business)

    assert not is_archival(content)
    assert attached(content) == []


def test_an_unknown_shape_of_file_costs_the_e_invoice_and_no_paper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    business, link = seller(), sold(CAKE)

    def refused(content: bytes) -> bytes:
        raise xmp.UnknownShape("another layout")

    monkeypatch.setattr(xmp, "with_e_invoice", refused)

    content = pdf_of(link, business)

    assert attached(content) == []
    assert is_archival(content)


def test_a_credit_note_refers_to_its_invoice() -> None:
    business, link = seller(), sold(CAKE, CANDLES)
    seen = make_seen(link, amount_minor=link.amount_minor)
    told = RefundSnapshot("re_1", Told.SUCCEEDED, Money(3_333, "EUR"), NOON)
    payments.record(replace(seen, refunds=(told,)))
    link = PaymentLink.objects.select_related("customer").get(pk=link.pk)
    refund = Refund.objects.get()

    content = receipts.credit_note(refund, link, list(link.lines.all()), business, "de")

    root = xml_in(content)
    assert said(root, "InvoiceReferencedDocument", "IssuerAssignedID") == [link.number]
    assert said(root, SUMS, "GrandTotalAmount") == ["33.33"]
    assert said(root, SUMS, "DuePayableAmount") == ["0.00"]
    [kind] = root.iterfind(".//{*}ExchangedDocument/" + RAM + "TypeCode")
    assert kind.text == "381"
    assert refund.proposed_at.date() >= date(2026, 1, 1)
