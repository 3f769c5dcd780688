"""Every public page in every language of customers, at every size; what has a shop with
all that it can have: an account for transfers, a picture, imprint, terms and privacy."""

from datetime import date, timedelta

import pytest
from django.conf import settings as configured
from playwright.sync_api import Page, Route, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from links.models import Checkout, PaymentLink
from links.pay import responses
from links.services import checkouts, links, owed, pages, payments, sending
from links.services.amounts import LineData
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import SYSTEM
from notifications.services import outbox, unsubscribing

from .checks import PageAt, assert_clean_at_every_size, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LANGUAGES = [code for code, _name in configured.LANGUAGES]
DESKS = ("en", "ar")
BOTH, PHONE = (1280, 390), (390,)
# Every language on a phone, as most customers come; the wide page in either direction.
EACH = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(autouse=True)
def _shop(
    settings: Settings, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL = live_server.url
    settings.TRAINING_ENABLED = True
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    responses.reads.clear()
    # No worker runs here; tests do its work by hand.
    monkeypatch.setattr(queue, "nudge", lambda *_: None)
    Business.objects.update_or_create(
        pk=1,
        defaults={
            "name": "Café Morgenrot",
            "legal_name": "Café Morgenrot Inh. Rosa Licht",
            "address": "Sonnenallee 7\n12047 Berlin",
            "email": "hallo@morgenrot.example",
            "phone": "+49301234567",
            "tax_id": "DE123456789",
            "brand_color": "#b3261e",
            "time_zone": "Europe/Berlin",
            "iban": "DE89370400440532013000",
            "bic": "COBADEFFXXX",
            "imprint": "Handelsregister Berlin HRB 1234",
            "terms": "1. Be kind.\n\n2. " + "https://shop.example/" + "x" * 90,
            "privacy": "We keep little.",
        },
    )
    business_services.forget()


def a_link(language: str) -> PaymentLink:
    link = make_link(
        make_customer(language=language),
        lines=(
            LineData("Geburtstagstorte „Himbeere“, 12 Stück", 4200, tax_bp=700),
            LineData("Donaudampfschifffahrtselektrizitäten" * 2, 600, tax_bp=1900),
            LineData("Hochzeit", 99_999_999_99, tax_bp=1900),
        ),
        due_on=date(2030, 3, 12),
    )
    PaymentLink.objects.filter(pk=link.pk).update(note="Danke!\n" + "W" * 70)
    return link


def held_still(route: Route) -> None:
    """The page as it is, but that it looks again by itself while it is looked at."""
    answer = route.fetch()
    headers = {
        name: value for name, value in answer.headers.items() if name != "refresh"
    }
    route.fulfill(response=answer, headers=headers)


def looked_at(page: Page, path: str, name: str, language: str, status: int) -> None:
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == status
    right_to_left = language in configured.LANGUAGES_BIDI
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute(
        "dir", "rtl" if right_to_left else "ltr"
    )
    for details in page.locator("details:not([open]) summary").all():
        details.click()
    assert_clean_at_every_size(page, BOTH if language in DESKS else PHONE)
    shoot(page, f"{name}-{language}")


@EACH
def test_a_link_from_asking_to_thanks(page_at: PageAt, language: str) -> None:
    link, page = a_link(language), page_at(390)
    path = f"/p/{pages.token_of(link)}/"

    looked_at(page, path, "asked", language, 200)
    expect(page.locator(".transfer img")).to_be_visible()
    expect(page.locator(".legal a")).to_have_count(3)
    looked_at(page, f"{path}reply/", "written", language, 200)
    payments.record(make_seen(link, amount_minor=2000, payment_id="tpy_part"))
    checkouts.start(link.pk, "training")
    checkout = link.checkouts.get()
    back = f"{path}return/{checkout.public_id}/"
    page.route("**/return/**", held_still)
    looked_at(page, back, "checking", language, 200)
    payments.record(
        make_seen(
            link,
            amount_minor=checkout.amount_minor,
            checkout_reference=checkout.public_id,
        )
    )
    looked_at(page, back, "thanks", language, 200)
    expect(page.locator(".file a[href$='.pdf']")).to_have_count(1)
    looked_at(page, path, "paid", language, 200)
    expect(page.locator(".file a[href$='.pdf']")).to_have_count(3)


@EACH
def test_what_is_over_and_what_never_was(page_at: PageAt, language: str) -> None:
    link, page = a_link(language), page_at(390)
    links.cancel(link, reason="The cake fell off the table.", actor=SYSTEM)
    page.set_extra_http_headers({"Accept-Language": language})

    looked_at(page, f"/p/{pages.token_of(link)}/", "withdrawn", language, 410)
    looked_at(page, f"/p/{'0' * 22}/", "nowhere", language, 404)
    looked_at(page, "/legal/terms/", "terms", language, 200)


@EACH
def test_all_that_is_owed(page_at: PageAt, language: str) -> None:
    customer = make_customer(language=language)
    day = clock.now().date()
    for number, name in enumerate(("Torte", "W" * 60, "ستة كعكات")):
        link = make_link(
            customer,
            lines=(LineData(name, (99_999_99, 1_250, 700)[number]),),
            due_on=day + timedelta(days=20) if number == 2 else day,
        )
        sending.send(link, ["email"], actor=SYSTEM)
    page, path = page_at(390), f"/owed/{owed.token_of(customer.pk)}/"

    looked_at(page, path, "owed", language, 200)
    expect(page.locator("input:checked")).to_have_count(2)


def test_all_that_was_owed_is_paid_in_one_go(page_at: PageAt) -> None:
    customer = make_customer()
    for amount in (1250, 700):
        sending.send(make_link(customer, amount_minor=amount), ["email"], actor=SYSTEM)
    page, path = page_at(390), f"/owed/{owed.token_of(customer.pk)}/"
    page.route("**/return/**", held_still)

    page.goto(path)
    page.get_by_label("€7.00").uncheck()
    page.get_by_role("button", name="Show the total").click()
    expect(page.locator(".sum")).to_have_text("€12.50")
    page.get_by_label("€7.00").check()
    page.get_by_role("button", name="Go on to pay").click()
    page.locator("button[value=approve]").click()
    checkout = Checkout.objects.get(is_joint=True)
    checkouts.settle(checkout.pk)
    page.reload()
    expect(page.get_by_text("We received €19.50.")).to_be_visible()
    looked_at(page, page.url, "owed-thanks", "en", 200)
    looked_at(page, path, "owed-nothing", "en", 200)


@EACH
def test_no_more_reminders(page_at: PageAt, language: str) -> None:
    row = outbox.enqueue(
        kind="reminder",
        channel="email",
        recipient="ada@example.com",
        language=language,
        reference=a_link(language).public_id,
        dedupe_key="one",
    )
    assert row is not None
    page = page_at(390)

    looked_at(page, unsubscribing.url_of(row), "unsubscribe", language, 200)
    page.locator("main button").click()
    expect(page.locator("form")).to_have_count(0)
    assert_clean_at_every_size(page)
    shoot(page, f"unsubscribed-{language}")
