"""What an invoice says, read back out of the PDF."""

import io
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pikepdf
import pypdfium2
import pytest
from django.conf import settings as configured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from links.models import PaymentLink
from links.services import pages, papers, payments
from links.services.amounts import LineData
from links.services.terms import Terms
from merchant_portal.business.models import Business
from merchant_portal.lib import clock

from .factories import make_customer, make_link, make_seen
from .pdf_reader import words

pytestmark = pytest.mark.django_db
DUE = date(2030, 3, 12)
CAKE = LineData("Birthday cake", 10_000, tax_bp=700)
CANDLES = LineData("Candles", 250, quantity_milli=12_000, tax_bp=1900, discount_bp=1000)


def shop(**changes: Any) -> Business:
    values = {
        "name": "Café Morgenrot",
        "legal_name": "Café Morgenrot Inh. Rosa Licht",
        "address": "Sonnenallee 7\n12047 Berlin",
        "tax_id": "DE123456789",
        "email": "hallo@morgenrot.example",
        "country": "DE",
        "time_zone": "Europe/Berlin",
    }
    return Business.objects.update_or_create(pk=1, defaults={**values, **changes})[0]


def drawn(
    link: PaymentLink, business: Business, language: str = "en", *, asks: bool = True
) -> bytes:
    lines = list(link.lines.order_by("position"))
    return papers.invoice(link, lines, business, language, is_payable=asks)


def invoice_of(*lines: LineData, **changes: Any) -> PaymentLink:
    return make_link(
        make_customer(name="Grace Hopper"), lines=lines, due_on=DUE, **changes
    )


def test_says_who_asks_whom_for_what() -> None:
    link = invoice_of(CAKE, CANDLES)

    text = words(drawn(link, shop()))

    for said in (
        "Invoice",
        str(link.number),
        "Café Morgenrot Inh. Rosa Licht",
        "Sonnenallee 7",
        "DE123456789",
        "Grace Hopper",
        "March 12, 2030",
        "Birthday cake 1 €100.00 7% €100.00",
        "Candles",
        "€2.50",
        "10%",
        "Net €127.00",
        "Tax 7% €7.00",
        "Tax 19% €5.13",
        "Total €139.13",
        "Pay €139.13",
        pages.url_of(link),
    ):
        assert said in text or said.replace(" ", "") in text.replace(" ", ""), said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", ("Rechnung", "12. März 2030", "127,00 €", "Gesamt")),
        ("fr", ("Facture", "12 mars 2030", "127,00 €", "Total")),
    ],
)
def test_speaks_the_customers_language(language: str, said: Sequence[str]) -> None:
    text = words(drawn(invoice_of(CAKE, CANDLES), shop(), language))

    assert [each for each in said if each not in text] == []


@pytest.mark.parametrize("language", [code for code, _ in configured.LANGUAGES])
def test_every_language_has_its_letters(language: str) -> None:
    content = drawn(invoice_of(CAKE, CANDLES), shop(), language)

    assert is_archival(content)  # which a letter without a glyph would not be
    with pikepdf.open(io.BytesIO(content)) as document:
        assert str(document.Root.Lang).partition("-")[0] == language.partition("-")[0]


@pytest.mark.parametrize(
    "name",
    [
        "Łucja Żółć",
        "Ελένη Παπαδοπούλου",
        "Дмитрий Ёлкин",
        "山田太郎",
        "王小明",
        "김민준",
    ],
)
def test_prints_every_customers_name(name: str) -> None:
    link = make_link(make_customer(name=name))

    assert unicodedata.normalize("NFKC", name) in words(drawn(link, shop()))


@pytest.mark.parametrize("name", ["محمد الأحمد", "דוד כהן", "राजेश कुमार", "สมชาย ใจดี"])
def test_has_the_letters_of_scripts_that_are_shaped(name: str) -> None:
    """Their order in the file is that of the picture; that each is there shows."""
    content = drawn(make_link(make_customer(name=name)), shop())

    assert is_archival(content)  # which a letter without a glyph would not be


def test_what_is_paid_already_is_taken_off() -> None:
    link = make_link(make_customer(), amount_minor=10_000)
    payments.record(make_seen(link, amount_minor=4_000))
    link.refresh_from_db()

    text = words(drawn(link, shop()))

    assert "Already paid €40.00" in text
    assert "Still to pay €60.00" in text
    assert "Pay €60.00" in text


def test_a_deposit_is_what_the_button_asks() -> None:
    terms = Terms(kind="deposit", deposit_minor=2_500)
    link = make_link(make_customer(), amount_minor=10_000, terms=terms)

    text = words(drawn(link, shop()))

    assert "Total €100.00" in text
    assert "Pay €25.00" in text


def test_a_paid_one_asks_for_nothing() -> None:
    with clock.frozen(datetime(2026, 3, 10, 23, tzinfo=UTC)):
        link = make_link(make_customer(), due_on=DUE)
        payments.record(make_seen(link))
    link.refresh_from_db()

    text = words(drawn(link, shop(), asks=False))

    assert "Paid on March 11, 2026" in text  # of the merchant's calendar
    assert "Pay online" not in text
    assert pages.url_of(link) not in text


def test_prices_with_tax_inside_show_what_each_line_costs() -> None:
    business = shop(prices_include_tax=True)
    link = invoice_of(LineData("Bread", 1_190, tax_bp=1900))

    text = words(drawn(link, business))

    assert "€11.90 19% €11.90" in text
    assert "Net €10.00" in text


def test_is_archival_tagged_and_the_same_each_time() -> None:
    link = invoice_of(CAKE, CANDLES)
    business = shop()
    with clock.frozen(clock.now() + timedelta(days=3)):
        later = drawn(link, business, "de")
    content = drawn(link, business, "de")

    assert content == later
    assert is_archival(content)
    with pikepdf.open(io.BytesIO(content)) as document:
        assert document.check_pdf_syntax() == []
        assert bool(document.Root.MarkInfo.Marked)
        assert str(document.Root.Lang) == "de"
        assert document.open_metadata()["dc:title"] == f"Rechnung {link.number}"


def is_archival(content: bytes) -> bool:
    with pikepdf.open(io.BytesIO(content)) as document:
        return document.open_metadata().pdfa_status == "3A"


def test_thirty_lines_go_over_pages_with_their_heads() -> None:
    long = "A rather long description of a thing that needs two lines to be told " * 2
    link = invoice_of(*[LineData(f"{n} {long.strip()}"[:200], 100) for n in range(30)])

    content = drawn(link, shop())

    document = pypdfium2.PdfDocument(content)
    assert len(document) > 1
    for number, page in enumerate(document, 1):
        text = page.get_textpage().get_text_range()
        assert f"{number} / {len(document)}" in text
    assert "Description" in document[1].get_textpage().get_text_range()
    assert "Total €30.00" in words(content)


@pytest.mark.parametrize(("country", "width"), [("US", 612), ("DE", 595)])
def test_is_of_the_paper_in_the_merchants_printer(country: str, width: int) -> None:
    content = drawn(make_link(make_customer()), shop(country=country))

    assert round(pypdfium2.PdfDocument(content)[0].get_width()) == width


def test_letters_of_no_font_cost_the_archive_mark_and_nothing_else() -> None:
    link = make_link(make_customer(name="Ada \U00012000"))  # cuneiform

    content = drawn(link, shop())

    assert not is_archival(content)
    assert "Total €12.50" in words(content)


def test_a_logo_that_is_no_picture_is_left_out() -> None:
    business = shop(logo=b"\x89PNG\r\n\x1a\nIHDR", logo_type="png", logo_sha256="x")

    assert "Total €12.50" in words(drawn(make_link(make_customer()), business))


MARKUP = '#panic("x") $ _a_ *b* = h <x> @ref `raw` \\ // /* [ ] { } https://x.example'


def test_no_word_is_markup() -> None:
    link = make_link(make_customer(name="#eval *Ada*"), lines=(LineData(MARKUP, 1250),))

    text = words(drawn(link, shop(name="$Shop$ #let")))

    assert "#eval *Ada*" in text
    assert '#panic("x") $ _a_ *b* = h' in text


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(min_size=1, max_size=60))
def test_nothing_typed_stops_it(text: str) -> None:
    link = PaymentLink(
        public_id="plk_x",
        number=text,
        note=text,
        currency="EUR",
        amount_minor=100,
        net_minor=100,
        created_at=clock.now(),
        generation=1,
        token_key_version="",
    )
    business = Business(name=text, address=text, country="DE")

    content = papers.invoice(link, [], business, "en", is_payable=True)

    assert content.startswith(b"%PDF-")


@pytest.mark.parametrize("word", ["Donaudampfschiff" * 8, "أفاستسقيناكموها" * 8])
def test_a_word_longer_than_its_column_runs_over_nothing(word: str) -> None:
    link = invoice_of(LineData(f"{word} 1", 4200), LineData("Brot", 300))

    content = drawn(link, shop(name=word))

    text = words(content)
    assert is_archival(content)
    assert word not in text
    assert "\u200b" in text
    assert "Brot" in text
