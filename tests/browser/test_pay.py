"""The public pages as a customer sees them, on a phone and on a desk."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from links.models import PaymentLink
from links.pay import responses, views
from links.providers.base import SeenState
from links.services import checkouts, links, pages, payments
from links.services.amounts import LineData
from links.services.links import LinkData
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import SYSTEM

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


@pytest.fixture(autouse=True)
def _shop(
    settings: Settings, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL = live_server.url
    settings.TRAINING_ENABLED = True
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    responses.reads.clear()
    # No worker runs here; tests do its work by hand, when they want it done.
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
        },
    )


def a_link(language: str = "en", **changes: object) -> PaymentLink:
    return make_link(
        make_customer(language=language),
        lines=(
            LineData("Geburtstagstorte „Himbeere“, 12 Stück", 4200, tax_bp=700),
            LineData("Lieferung", 600, tax_bp=1900),
        ),
        due_on=date(2030, 3, 12),
        **changes,  # type: ignore[arg-type]
    )


def path_of(link: PaymentLink) -> str:
    return f"/p/{pages.token_of(link)}/"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


@WIDTHS
def test_pays_and_is_thanked(page_at: PageAt, width: int) -> None:
    link = a_link("de")
    PaymentLink.objects.filter(pk=link.pk).update(
        note="Vielen Dank für Ihre Bestellung!\nWir liefern am Samstag."
    )
    page = page_at(width)

    page.goto(path_of(link))
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert_clean(page)
    shoot(page, "open")
    press(page, "52,08 € bezahlen")
    page.wait_for_url("**/training/**")
    assert_clean(page)
    shoot(page, "training")
    press(page, "Genehmigen")
    page.wait_for_url("**/return/**")
    # It looks again by itself; `test_public_pages` holds it still and looks at it.
    expect(page.get_by_role("heading")).to_have_text("Ihre Zahlung wird geprüft")
    checkouts.settle(link.checkouts.get().pk)

    # by itself, without a touch
    expect(page.get_by_role("heading")).to_have_text(
        "Vielen Dank! Ihre Zahlung ist angekommen.", timeout=30_000
    )
    assert_clean(page)
    shoot(page, "thanks")
    page.goto(path_of(link))
    expect(page.get_by_role("heading")).to_have_text("Bezahlt. Vielen Dank!")
    assert_clean(page)
    shoot(page, "paid")


@WIDTHS
def test_a_declined_card_can_try_again(page_at: PageAt, width: int) -> None:
    link = a_link("fr")
    page = page_at(width)
    page.goto(path_of(link))
    press(page, "Payer")
    press(page, "Refuser la carte")
    checkouts.settle(link.checkouts.get().pk)

    # by itself, once it has looked twice
    expect(page.get_by_role("heading")).to_have_text(
        "Le paiement n\u2019a pas abouti", timeout=30_000
    )
    assert_clean(page)
    shoot(page, "declined")
    page.get_by_role("link", name="Retour au paiement").click()
    press(page, "Payer")

    expect(page.get_by_role("button", name="Accepter")).to_be_visible()


def _part(link: PaymentLink) -> None:
    payments.record(make_seen(link, amount_minor=2000))


def _overdue(link: PaymentLink) -> None:
    PaymentLink.objects.filter(pk=link.pk).update(due_on=date(2026, 1, 2))


def _one_line(link: PaymentLink) -> None:
    link.lines.exclude(position=link.lines.all()[0].position).delete()
    PaymentLink.objects.filter(pk=link.pk).update(
        net_minor=4494, tax_minor=0, amount_minor=4494
    )


def _canceled(link: PaymentLink) -> None:
    links.cancel(link, actor=SYSTEM)


def _withdrawn(link: PaymentLink) -> None:
    links.cancel(link, reason="The cake fell off the table.", actor=SYSTEM)


def _replaced(link: PaymentLink) -> None:
    fresh = LinkData(
        customer=link.customer, currency="EUR", lines=(LineData("Cake", 900),)
    )
    links.correct(link, fresh, actor=SYSTEM)


def _expired(link: PaymentLink) -> None:
    past = clock.now() - timedelta(minutes=1)
    PaymentLink.objects.filter(pk=link.pk).update(expires_at=past)


def _exhausted(link: PaymentLink) -> None:
    PaymentLink.objects.filter(pk=link.pk).update(status="exhausted")


def _processing(link: PaymentLink) -> None:
    payments.record(make_seen(link, state=SeenState.PROCESSING))


def _long_words(link: PaymentLink) -> None:
    Business.objects.update(name="Donaudampfschifffahrtsgesellschaft" * 4)
    link.lines.update(description="W" * 150)
    PaymentLink.objects.filter(pk=link.pk).update(note="שלום " + "x" * 300)


@WIDTHS
@pytest.mark.parametrize(
    ("bring_about", "said"),
    [
        (_part, "Still to pay"),
        (_overdue, "It was due on January 2, 2026."),
        (_one_line, "Pay €44.94"),
        (_canceled, "This payment link was canceled"),
        (_withdrawn, "The cake fell off the table."),
        (_replaced, "This payment link was replaced"),
        (_expired, "This payment link has expired"),
        (_exhausted, "This payment link is used up"),
        (_processing, "Your payment is on its way"),
        (_long_words, "WWW"),
    ],
)
def test_every_state_has_a_clean_page(
    page_at: PageAt, width: int, bring_about: Callable[[PaymentLink], None], said: str
) -> None:
    link = a_link()
    bring_about(link)
    page = page_at(width)

    page.goto(path_of(link))

    expect(page.get_by_text(re.compile(re.escape(said))).first).to_be_visible()
    assert_clean(page)
    shoot(page, bring_about.__name__.lstrip("_"))


@WIDTHS
def test_a_link_that_leads_nowhere(page_at: PageAt, width: int) -> None:
    page = page_at(width)

    page.goto(f"/p/{'0' * 22}/")

    expect(page.get_by_role("heading")).to_have_text("There is nothing at this address")
    assert_clean(page)
    shoot(page, "nowhere")


@WIDTHS
def test_a_way_to_pay_that_is_down_leaves_the_others(
    page_at: PageAt, width: int, settings: Settings
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_x"
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"  # nobody listens there
    link = a_link()
    page = page_at(width)
    page.goto(path_of(link))
    assert_clean(page)
    shoot(page, "choice")

    press(page, "Pay with Stripe")

    expect(page.get_by_role("alert")).to_contain_text("Nothing was charged.")
    assert_clean(page)
    shoot(page, "down")
    press(page, "Pay with Training")
    page.wait_for_url("**/training/**")


@WIDTHS
def test_gives_up_looking_and_says_what_to_do(page_at: PageAt, width: int) -> None:
    link = a_link()
    checkouts.start(link.pk, "training")
    page = page_at(width)

    page.goto(
        f"{path_of(link)}return/{link.checkouts.get().public_id}/?n={views.REFRESHES}"
    )

    expect(page.get_by_role("heading")).to_contain_text("We have not heard")
    assert_clean(page)
    shoot(page, "waiting")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_both_colour_schemes_are_readable(page_at: PageAt, scheme: str) -> None:
    for color in ("#ffd400", "#101010", "#fafafa"):
        Business.objects.update(brand_color=color)
        link = a_link()
        _part(link) if color == "#ffd400" else None
        page = page_at(390)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

        page.goto(path_of(link))

        assert_clean(page)
        shoot(page, f"{scheme}-{color[1:]}")


def test_leads_to_a_provider_elsewhere_in_spite_of_the_policy(
    page_at: PageAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "https://checkout.stripe.com/c/pay/cs_test_1"
    link = a_link()
    page = page_at(390)
    monkeypatch.setattr(checkouts, "start", lambda *_, **_named: elsewhere)
    hosts = "links.pay.presenting.form_hosts"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    monkeypatch.setattr(hosts, lambda _: [])
    page.goto(path_of(link))
    press(page, "Pay")
    page.wait_for_timeout(500)
    assert elsewhere not in asked  # the control: not listed, not asked

    monkeypatch.setattr(hosts, lambda _: ["https://checkout.stripe.com"])
    page.goto(path_of(link))
    with page.expect_request(elsewhere):
        press(page, "Pay")
