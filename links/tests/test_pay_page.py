"""The page of a link in every state it can be in, and what it must never do."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from customers.models import Customer
from links.models import Activity, Checkout, LinkStatus, PaymentLink
from links.pay import responses
from links.providers.base import SeenState
from links.services import links, pages, payments
from links.services.amounts import LineData
from links.services.links import LinkData
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.limits import RateLimit

from .factories import make_customer, make_link, make_seen
from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits() -> None:
    responses.reads.clear()


def path_of(link: PaymentLink) -> str:
    return f"/p/{pages.token_of(link)}/"


def text_of(client: Client, link: PaymentLink, status: int = 200) -> str:
    response = client.get(path_of(link))
    assert response.status_code == status
    return response.content.decode()


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the database."""
    with connection.cursor() as cursor:
        rows = {}
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            rows[table] = sorted(cursor.fetchall(), key=repr)
        return rows


def test_says_what_is_asked_and_offers_to_pay(client: Client) -> None:
    link = make_link(make_customer(), due_on=date(2030, 3, 12))

    text = text_of(client, link)

    assert "€12.50" in text
    assert "Birthday cake" in text
    assert "Please pay by March 12, 2030." in text
    assert str(link.number) in text
    assert "Pay €12.50" in text
    assert "Ada" not in text  # a preview in a chat must not name the customer


def test_is_titled_with_the_shop(client: Client) -> None:
    Business.objects.create(name="Tarts & Co")

    text = text_of(client, make_link(make_customer()))

    assert "<title>Payment · Tarts &amp; Co</title>" in text


def test_reads_at_most_three_times(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    link = make_link(make_customer())

    with django_assert_max_num_queries(3):
        text_of(client, link)


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing_and_sets_no_cookie(
    client: Client, method: str
) -> None:
    link = make_link(make_customer())
    client.post(f"{path_of(link)}pay/training/")
    checkout = link.checkouts.get()
    before = everything()

    for address in (
        path_of(link),
        f"{path_of(link)}return/{checkout.public_id}/",
        f"{path_of(link)}pay/training/",
        f"/training/{checkout.public_id}/",
        "/p/unknown/",
    ):
        getattr(client, method)(address)

    assert everything() == before
    assert client.cookies == {}


def test_sends_the_headers_of_a_public_page(client: Client, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    link = make_link(make_customer())

    headers = client.get(path_of(link)).headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        " frame-ancestors 'none'; form-action 'self' http://127.0.0.1:8000"
        " https://checkout.stripe.com"
    )
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "Set-Cookie" not in headers
    assert "Cookie" not in headers["Vary"]


def test_holds_no_script_and_nothing_from_elsewhere(client: Client) -> None:
    link = make_link(make_customer())

    text = text_of(client, link)

    assert "<script" not in text
    assert "style=" not in text
    assert "//" not in text.replace("<!doctype html>", "")


def test_has_a_button_for_each_way_to_pay(client: Client, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.TRAINING_ENABLED = True
    link = make_link(make_customer())

    text = text_of(client, link)

    assert f'action="{path_of(link)}pay/stripe/"' in text
    assert f'action="{path_of(link)}pay/training/"' in text
    assert "Pay with Stripe" in text


def test_offers_only_what_takes_the_amount(client: Client, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    link = make_link(make_customer(), amount_minor=49)
    settings.TRAINING_ENABLED = False  # since then; else the link would be refused

    text = text_of(client, link)

    assert "<button" not in text
    assert "There is no way to pay online just now." in text


def test_shows_lines_tax_and_what_is_left(client: Client) -> None:
    lines = (
        LineData("Cake", 1000, tax_bp=2000),
        LineData("Candles", 250, quantity_milli=2000),
    )
    link = make_link(make_customer(), lines=lines)
    payments.record(make_seen(link, amount_minor=700))

    text = text_of(client, link)

    for shown in ("€12.00", "€5.00", "€2.00", "€17.00", "€7.00", "Pay €10.00"):
        assert shown in text


def test_says_when_it_is_overdue(client: Client) -> None:
    link = make_link(make_customer(), due_on=date(2020, 1, 2))

    assert "It was due on January 2, 2020." in text_of(client, link)


def _paid(link: PaymentLink) -> None:
    payments.record(make_seen(link))


def _canceled(link: PaymentLink) -> None:
    links.cancel(link, actor=SYSTEM)


def _withdrawn(link: PaymentLink) -> None:
    links.cancel(link, reason="We baked the wrong one.", actor=SYSTEM)


def _replaced(link: PaymentLink) -> None:
    fresh = LinkData(
        customer=link.customer, currency="EUR", lines=(LineData("Smaller cake", 900),)
    )
    links.correct(link, fresh, actor=SYSTEM)


def _expired(link: PaymentLink) -> None:
    past = clock.now() - timedelta(minutes=1)
    PaymentLink.objects.filter(pk=link.pk).update(expires_at=past)


def _exhausted(link: PaymentLink) -> None:
    PaymentLink.objects.filter(pk=link.pk).update(status=LinkStatus.EXHAUSTED)


def _processing(link: PaymentLink) -> None:
    payments.record(make_seen(link, state=SeenState.PROCESSING))


@pytest.mark.parametrize(
    ("bring_about", "status", "said"),
    [
        (_paid, 200, "Paid. Thank you!"),
        (_canceled, 410, "This payment link was canceled"),
        (_withdrawn, 410, "We baked the wrong one."),
        (_replaced, 410, "Please use the corrected link in our newer message."),
        (_expired, 410, "This payment link has expired"),
        (_exhausted, 410, "This payment link is used up"),
        (_processing, 200, "Your payment is on its way"),
    ],
)
def test_a_link_that_cannot_be_paid_says_why_and_opens_nothing(
    client: Client,
    bring_about: Callable[[PaymentLink], None],
    status: int,
    said: str,
) -> None:
    link = make_link(make_customer())
    bring_about(link)

    looked = client.get(path_of(link))
    posted = client.post(f"{path_of(link)}pay/training/")

    for response in (looked, posted):
        text = response.content.decode()
        assert response.status_code == status
        assert said in text
        assert "<button" not in text
    assert not Checkout.objects.exists()
    if status == 410:
        assert "12.50" not in looked.content.decode()


def test_one_answer_for_every_address_that_leads_nowhere(client: Client) -> None:
    draft = make_link(make_customer(), draft=True)
    active = make_link(make_customer(email="eve@example.com"))
    token = pages.token_of(active)

    answers = {
        client.get(f"/p/{raw}/").content
        for raw in (
            pages.token_of(draft),
            "0" * 22,
            token[:-1],
            token + "0",
            token.swapcase(),
            f"{token}%00",
            f"%00{token}",
            f"{token}..",
            "%E2%80%AE" + token,
            "'; DROP TABLE links_paymentlink; --",
        )
    }
    answers |= {
        client.post(f"/p/{'0' * 22}/pay/training/").content,
        client.post(f"/p/{token}/pay/nobody/").content,
        client.get(f"/p/{token}/return/chk_unknown/").content,
        client.get("/training/chk_unknown/").content,
    }

    assert len(answers) == 1
    assert client.get(f"/p/{token}0/").status_code == 404
    assert client.get(f"/p/{pages.token_of(draft)}/").status_code == 404


@pytest.mark.parametrize("glued", [".", ">", ",", ")", "%E2%80%9D"])
def test_forgives_one_mark_that_a_mail_program_glued_on(
    client: Client, glued: str
) -> None:
    link = make_link(make_customer())
    bare = path_of(link).rstrip("/")

    for address in (f"{bare}{glued}", f"{bare}{glued}/", f"{bare}/{glued}", bare):
        response = client.get(address)
        assert response.status_code == 200
        assert f'action="{path_of(link)}pay/training/"' in response.content.decode()
    assert client.get(f"{bare}/{glued}{glued}").status_code == 404


def test_shows_what_is_stored_whatever_the_address_claims(client: Client) -> None:
    link = make_link(make_customer())

    response = client.get(f"{path_of(link)}?status=paid&success=true")

    assert "Pay €12.50" in response.content.decode()


def test_prints_hostile_text_as_text(client: Client) -> None:
    Business.objects.create(pk=1, name='<img src=x onerror="alert(1)">')
    customer = make_customer()
    link = make_link(
        customer, lines=(LineData("<script>alert(1)</script> {{ 7*7 }}", 1250),)
    )
    PaymentLink.objects.filter(pk=link.pk).update(note="</p><b>bold</b> {% load x %}")

    text = text_of(client, link)

    assert "<script" not in text
    assert "<img" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in text
    assert "{% load x %}" in text


@pytest.mark.parametrize(
    ("customer_language", "accepted", "lang"),
    [
        ("de", "fr", "de"),
        ("de-at", "fr", "de"),
        ("", "fr", "fr"),
        ("", "xx", "en"),
        ("fi", "fr,en", "fr"),
        ("ja", "fr,en", "ja"),
    ],
)
def test_speaks_the_customers_language_then_the_browsers(
    client: Client, customer_language: str, accepted: str, lang: str
) -> None:
    customer = make_customer()
    Customer.objects.filter(pk=customer.pk).update(language=customer_language)
    link = make_link(customer)

    response = client.get(path_of(link), headers={"Accept-Language": accepted})

    assert f'<html lang="{lang}" dir="ltr">' in response.content.decode()
    assert response.headers["Content-Language"] == lang


def test_speaks_the_merchants_language_to_who_names_none(client: Client) -> None:
    Business.objects.create(pk=1, language="fr")
    link = make_link(make_customer(language=""))

    assert '<html lang="fr"' in text_of(client, link)


def test_one_network_cannot_guess_fast(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 5
    # no minute ends in the middle
    monkeypatch.setattr(responses, "reads", RateLimit(0, seconds=1e12))
    link = make_link(make_customer())

    statuses = [client.get(f"/p/{n:022}/").status_code for n in range(7)]

    assert statuses == [404] * 5 + [429] * 2
    assert client.get(path_of(link)).status_code == 429
    other = client.get(path_of(link), REMOTE_ADDR="192.0.2.7")
    assert other.status_code == 200


def test_says_later_without_a_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(pages, "find_by_token", broken)

    response = client.get(f"/p/{'0' * 22}/")

    assert response.status_code == 503
    assert "Please try again in a few minutes" in response.content.decode()


def test_nothing_counts_as_opened(client: Client) -> None:
    link = make_link(make_customer())
    before = list(Activity.objects.values_list("kind", flat=True))

    for agent in ("Slackbot-LinkExpanding 1.0", "Mozilla/5.0", "WhatsApp/2"):
        client.get(path_of(link), headers={"User-Agent": agent, "Purpose": "prefetch"})

    assert list(Activity.objects.values_list("kind", flat=True)) == before
