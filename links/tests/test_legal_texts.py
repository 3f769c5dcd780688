"""Imprint, terms and privacy notice: on the pages, in the mails, on the papers."""

from typing import Any

import pytest
from django.test import Client

from links.models import PaymentLink
from links.pay import responses
from links.services import pages, papers
from merchant_portal.business import legal
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from notifications.services import rendering

from .factories import make_customer, make_link
from .pdf_reader import words
from .test_invoice_pdf import shop

pytestmark = pytest.mark.django_db
IMPRINT = "Café Morgenrot\nRegister: HRB 1234 <Berlin>"


@pytest.fixture(autouse=True)
def _open() -> None:
    responses.reads.clear()
    business_services.forget()


def told(**changes: Any) -> Business:
    business = shop(**changes)
    business_services.forget()
    return business


def page_of(client: Client, link: PaymentLink) -> str:
    return client.get(f"/p/{pages.token_of(link)}/").content.decode()


def test_a_page_of_its_own_shows_the_words_and_nothing_runs(client: Client) -> None:
    told(imprint=IMPRINT, terms="1. Be kind.\n\n2. <script>x</script>")

    imprint, terms = client.get("/legal/imprint/"), client.get("/legal/terms/")

    assert "Register: HRB 1234 &lt;Berlin&gt;" in imprint.content.decode()
    assert "<h1" in imprint.content.decode()
    assert "&lt;script&gt;" in terms.content.decode()
    assert "default-src 'none'" in terms["Content-Security-Policy"]


def test_what_is_elsewhere_or_nowhere_has_no_page(client: Client) -> None:
    told(terms="old words", terms_url="https://morgenrot.example/terms")

    for name in ("terms", "privacy", "imprint", "logo"):
        assert client.get(f"/legal/{name}/").status_code == 404


def test_the_foot_of_every_page_leads_there(client: Client) -> None:
    told(imprint=IMPRINT, privacy="We keep little.", terms_url="https://m.example/agb")

    text = page_of(client, make_link(make_customer(language="de")))

    assert '<a href="/legal/imprint/">Impressum</a>' in text
    assert '<a href="https://m.example/agb">Allgemeine Gesch' in text
    assert '<a href="/legal/privacy/">Datenschutz' in text


def test_a_change_shows_at_once(client: Client) -> None:
    link = make_link(make_customer())
    told()
    assert "/legal/" not in page_of(client, link)

    told(imprint=IMPRINT)

    assert "/legal/imprint/" in page_of(client, link)


def test_mails_say_it_in_one_line_at_their_foot(settings: Any) -> None:
    told(imprint=IMPRINT, terms="Be kind.", privacy_url="https://m.example/privacy")

    line = rendering.common_values()["business_legal"]

    assert line == (
        "Café Morgenrot · Register: HRB 1234 <Berlin>"
        f" · {settings.PUBLIC_URL}/legal/terms/ · https://m.example/privacy"
    )


def test_a_long_imprint_is_cut_in_mails() -> None:
    business = told(imprint="x" * 2000)

    assert len(legal.line(business)) == legal.MAX_LINE


def test_papers_hold_it(settings: Any) -> None:
    business = told(imprint=IMPRINT, terms="Be kind.")
    link = make_link(make_customer())

    text = words(
        papers.invoice(link, list(link.lines.all()), business, "en", is_payable=True)
    )

    assert "Register: HRB 1234" in text
    assert f"{settings.PUBLIC_URL}/legal/terms/" in text


def test_an_imprint_too_long_for_the_foot_stands_once_at_the_end() -> None:
    business = told(imprint="\n".join(f"Row {number} of many" for number in range(60)))
    link = make_link(make_customer())

    text = words(
        papers.invoice(link, list(link.lines.all()), business, "en", is_payable=True)
    )

    assert text.count("Row 7 of many") == 1
    assert "Row 59 of many" in text
