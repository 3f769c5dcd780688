"""A1-A22: amounts and currencies."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from links.models import Checkout, LinkStatus, Payment, PaymentLink, TrainingSession
from links.providers.base import SeenState
from links.services import draining, links, payments
from links.services.amounts import LineData
from links.services.links import LinkData
from links.tests.factories import make_link, make_seen
from links.tests.stripe_tape import SECRET_KEY, WEBHOOK_SECRET
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM

from .doors import LINK_FORM, Doors, nothing_stored, path_of

pytestmark = pytest.mark.django_db
REFUSED_IN_JSON = {
    "A1-zero": "0",
    "A2-negative": "-5",
    "A3-minus-zero": "-0",
    "A4-above-the-maximum": "100000000000",
    "A5-exponent": "1e5",
    "A6-underscore": "1_000",
    "A7-full-width": '"\uff11\uff12.\uff13\uff10"',
    "A8-arabic": '"\u0661\u0662\u0663"',
    "A9-float": "0.1",
    "A9-whole-float": "1250.0",
    "A9-true": "true",
    "A9-nan": "NaN",
    "A9-1e400": "1e400",
    "A9-minus-infinity": "-Infinity",
    "A9-text": '"1250"',
    "A9-null": "null",
}


@pytest.mark.parametrize("number", REFUSED_IN_JSON.values(), ids=REFUSED_IN_JSON)
def test_api_refuses(doors: Doors, number: str) -> None:
    body = (
        '{"currency": "EUR", "lines": [{"description": "Chair",'
        f' "unit_amount_minor": {number}}}]}}'
    )

    answer = doors.api.post("links", body.encode(), once="k1")

    assert answer.status_code in (400, 422)
    assert nothing_stored()


REFUSED_IN_FORM = {
    "A1-zero": ("EUR", "0"),
    "A1-zero-with-cents": ("EUR", "0.00"),
    "A2-negative": ("EUR", "-5"),
    "A3-minus-zero": ("EUR", "-0"),
    "A4-above-the-maximum": ("EUR", "1000000000"),
    "A5-exponent": ("EUR", "1e5"),
    "A6-underscore": ("EUR", "1_000"),
    "A7-full-width": ("EUR", "\uff11\uff12.\uff13\uff10"),
    "A8-arabic": ("EUR", "\u0661\u0662\u0663"),
    "A9-nan": ("EUR", "NaN"),
    "A9-1e400": ("EUR", "1e400"),
    "A9-plus": ("EUR", "+5"),
    "A10-english-thousands": ("EUR", "1,000.00"),
    "A10-german-thousands": ("EUR", "1.000,00"),
    "A10-comma": ("EUR", "12,50"),
    "A12-yen-with-decimals": ("JPY", "10.50"),
    "A13-four-decimals": ("KWD", "1.2345"),
    "A14-krona-of-iceland-with-decimals": ("ISK", "10.5"),
    "A14-three-decimals": ("EUR", "1.234"),
}


@pytest.mark.parametrize(
    ("currency", "amount"), REFUSED_IN_FORM.values(), ids=REFUSED_IN_FORM
)
def test_form_refuses(doors: Doors, currency: str, amount: str) -> None:
    answer = doors.fill_link(currency=currency, line_unit_amount=amount)

    assert answer.status_code == 200
    assert nothing_stored()


def test_form_says_how_to_write_it(doors: Doors) -> None:
    """A10: refused with an example."""
    answer = doors.fill_link(line_unit_amount="1.000,00")

    assert "1250.50" in answer.content.decode()


TAKEN_IN_FORM = {
    "A11-spaces-around": ("EUR", " 12.30 ", 1230),
    "A12-yen": ("JPY", "1050", 1050),
    "A13-dinar-of-three-decimals": ("KWD", "1.234", 1234),
    "A14-krona-of-iceland": ("ISK", "105", 105),
    "A14-forint": ("HUF", "10.50", 1050),
    "A14-taiwan-dollar": ("TWD", "10.50", 1050),
    "A14-shilling-of-uganda": ("UGX", "1050", 1050),
}


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), TAKEN_IN_FORM.values(), ids=TAKEN_IN_FORM
)
def test_form_takes(doors: Doors, currency: str, amount: str, minor: int) -> None:
    answer = doors.fill_link(currency=currency, line_unit_amount=amount)

    assert answer.status_code == 302
    link = PaymentLink.objects.get()
    assert (link.amount_minor, link.currency) == (minor, currency)


def test_sum_above_the_maximum_is_refused(doors: Doors) -> None:
    """A4: each line may pass, the sum may not."""
    answer = doors.ask_link({"unit_amount_minor": 99_999_999_999, "quantity": 2})

    assert answer.status_code == 422
    assert nothing_stored()


NOT_CHARGED_BY_STRIPE = {
    "A13-dinar-whose-last-digit-is-no-zero": ("KWD", 1234),
    "A15-below-stripes-minimum": ("EUR", 49),
    "A15-above-stripes-maximum": ("EUR", 99_999_999_999),
    "A17-currency-stripe-does-not-take": ("IRR", 100_000),
}


@pytest.mark.parametrize(
    ("currency", "minor"), NOT_CHARGED_BY_STRIPE.values(), ids=NOT_CHARGED_BY_STRIPE
)
def test_stripe_is_not_called(settings: Settings, currency: str, minor: int) -> None:
    """Sockets are blocked here: a call would be an error, and its answer a 503."""
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    link = make_link(amount_minor=minor, currency=currency)
    path = path_of(link)

    page = Client().get(path).content.decode()
    answer = Client().post(f"{path}pay/stripe/")

    assert "Pay with Stripe" not in page
    assert answer.status_code == 409
    assert not Checkout.objects.exists()


CURRENCIES = {
    "A16-small-letters": ("eur", True),
    "A16-sign": ("US$", False),
    "A16-no-currency": ("XXX", False),
    "A16-gold": ("XAU", False),
    "A16-bitcoin": ("BTC", False),
    "A16-four-letters": ("EURO", False),
    "A16-full-width": ("\uff25\uff35\uff32", False),
    "A16-empty": ("", False),
    "A16-special-case-of-unicode": ("\u0131dr", False),
}


@pytest.mark.parametrize(("currency", "is_taken"), CURRENCIES.values(), ids=CURRENCIES)
def test_currency(doors: Doors, currency: str, is_taken: bool) -> None:
    by_script = doors.ask_link(currency=currency)
    by_hand = doors.fill_link(currency=currency)

    assert by_script.status_code == (201 if is_taken else 422)
    assert by_hand.status_code == (302 if is_taken else 200)
    found = set(PaymentLink.objects.values_list("currency", flat=True))
    assert found == ({"EUR"} if is_taken else set())


SEEN = {
    "A18-more": (1251, "EUR", SeenState.SUCCEEDED, "paid"),
    "A18-less": (1249, "EUR", SeenState.SUCCEEDED, "active"),
    "A19-other-currency": (1250, "USD", SeenState.SUCCEEDED, "active"),
    "A20-pending": (1250, "EUR", SeenState.PROCESSING, "active"),
    "A20-failed": (1250, "EUR", SeenState.FAILED, "active"),
}


@pytest.mark.parametrize(
    ("minor", "currency", "state", "status"), SEEN.values(), ids=SEEN
)
def test_what_a_provider_reports(
    doors: Doors, minor: int, currency: str, state: SeenState, status: str
) -> None:
    link = make_link()
    path = path_of(link)
    Client().post(f"{path}pay/training/")
    checkout = Checkout.objects.get()

    payments.record(
        make_seen(
            link,
            amount_minor=minor,
            currency=currency,
            state=state,
            checkout_reference=checkout.public_id,
        )
    )

    booked = doors.api.get("payments").json()["items"]
    assert len(booked) == 1, "money is booked whatever it is"
    assert booked[0]["amount"] == {"amount_minor": minor, "currency": currency}
    assert booked[0]["mismatch"] == (
        ""
        if minor == 1250 and currency == "EUR"
        else "currency"
        if currency != "EUR"
        else "amount"
    )
    answer = doors.api.get(f"links/{link.public_id}").json()
    assert answer["status"] == status
    shown = Client().get(path).content.decode()
    assert ("is paid" in shown or "Paid" in shown) == (status == "paid")


def test_a_session_of_an_amount_that_was_corrected(doors: Doors) -> None:
    """A21: the old session is closed first; money that comes all the same is flagged."""
    old = make_link()
    Client().post(f"{path_of(old)}pay/training/")
    session = TrainingSession.objects.get()
    doors.browser.post(
        f"/admin/links/paymentlink/{old.pk}/correct/",
        {
            **LINK_FORM,
            "creation_key": "frm_0123456789abcdefghij",
            "line_unit_amount": "20.00",
        },
    )
    checkout = old.checkouts.get()
    old.refresh_from_db()
    assert old.status == LinkStatus.CANCELED
    assert old.replaced_by.amount_minor == 2000
    assert checkout.close_ordered_at is not None

    payments.record(make_seen(old, checkout_reference=checkout.public_id))

    booked = Payment.objects.get()
    assert booked.link == old
    assert booked.is_late
    assert old.replaced_by.amount_paid_minor == 0
    assert session.amount_minor == 1250


def test_sweep_closes_the_session_of_a_corrected_link() -> None:
    """A21: nobody can pay it any more."""
    old = make_link()
    Client().post(f"{path_of(old)}pay/training/")
    links.correct(old, LinkData(None, "EUR", (LineData("Chair", 2000),)), actor=SYSTEM)

    draining.drain(clock.now())
    hosted = f"/training/{Checkout.objects.get().public_id}/"

    assert Client().post(hosted, {"outcome": "approve"}).status_code == 303
    draining.drain(clock.now())
    assert not Payment.objects.exists()


FORGED: dict[str, dict[str, Any]] = {
    "A22-amount": {"amount": "1", "amount_minor": "1", "line_unit_amount": "0.01"},
    "A22-currency": {"currency": "JPY"},
    "A22-link": {"link": "plk_00000000000000000000", "token": "x" * 22},
    "A22-provider": {"provider": "manual"},
}


@pytest.mark.parametrize("form", FORGED.values(), ids=FORGED)
def test_what_a_payer_posts_is_ignored(form: dict[str, Any]) -> None:
    link = make_link()
    other = make_link(amount_minor=5)

    answer = Client().post(
        f"{path_of(link)}pay/training/?{'&'.join(f'{k}={v}' for k, v in form.items())}",
        json.dumps(form) if "link" in form else form,
        content_type="application/json" if "link" in form else MULTIPART,
    )

    assert answer.status_code == 303
    session = TrainingSession.objects.get()
    assert (session.amount_minor, session.currency) == (1250, "EUR")
    assert not other.checkouts.exists()


MULTIPART = "multipart/form-data; boundary=BoUnDaRyStRiNg"


def test_live_total_refuses_what_the_form_refuses(doors: Doors) -> None:
    """A5"""
    answer = doors.browser.post(
        reverse("admin:links_paymentlink_totals"),
        {**LINK_FORM, "line_unit_amount": "1e5"},
    )

    assert answer.json()["lines"][0]["errors"]
    assert answer.json()["total"] == ""
