"""A link paid at Square: click, page, signed webhook, booked; and one that nobody pays."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from square import Square

from links.models import (
    Checkout,
    CheckoutState,
    EventState,
    LinkStatus,
    PaymentLink,
    WebhookEvent,
)
from links.pay import responses
from links.providers import square as adapter
from links.services import checkouts, inbox, pages
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from .factories import make_customer, make_link
from .square_tape import LOCATION, SIGNATURE_KEY, TOKEN, SquareTape, event, signed

pytestmark = pytest.mark.django_db


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch, settings: Any) -> SquareTape:
    tape = SquareTape()
    settings.SQUARE_ACCESS_TOKEN = TOKEN
    settings.SQUARE_LOCATION_ID = LOCATION
    settings.SQUARE_WEBHOOK_SIGNATURE_KEY = SIGNATURE_KEY
    monkeypatch.setattr(
        adapter,
        "built",
        lambda token, base, _none: Square(token=token, httpx_client=tape.client()),
    )
    responses.reads.clear()
    return tape


def clicked(client: Client) -> tuple[PaymentLink, Checkout]:
    link = make_link(make_customer())
    page = client.get(f"/p/{pages.token_of(link)}/").content.decode()
    assert "Square" in page

    response = client.post(f"/p/{pages.token_of(link)}/pay/square/")

    checkout = link.checkouts.get()
    assert response.status_code == 303
    assert response.headers["Location"] == checkout.url
    return link, checkout


def tell(client: Client, kind: str, payment: dict[str, Any], settings: Any) -> int:
    body = event(kind, payment, "payment")
    url = f"{settings.PUBLIC_URL}/webhooks/square/"
    return client.post(
        "/webhooks/square/",
        body,
        content_type="application/json",
        headers=signed(body, url=url),
    ).status_code


def test_is_paid_by_its_webhooks_once(
    client: Client, tape: SquareTape, settings: Any
) -> None:
    link, checkout = clicked(client)
    payment = tape.pay(checkout.provider_session_id)

    for kind in ("payment.created", "payment.updated", "payment.updated"):
        assert tell(client, kind, payment, settings) == 200
    fee = {"type": "INITIAL", "amount_money": {"amount": 66, "currency": "EUR"}}
    payment["processing_fee"] = [fee]
    for pk in inbox.due():
        inbox.process(pk)

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    booked = link.payments.get()
    assert (booked.amount, booked.fee_minor) == (Money(1250, "EUR"), 66)
    assert (booked.checkout, booked.account.slug) == (checkout, "square")
    states = WebhookEvent.objects.values_list("state", flat=True)
    assert list(states) == [EventState.DONE] * 2  # the repeat was known by its id
    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.COMPLETED


def test_a_sale_at_the_sellers_till_is_no_money_of_ours(
    client: Client, tape: SquareTape, settings: Any
) -> None:
    _link, checkout = clicked(client)
    till = {"square_product": "SQUARE_POS"}
    sale = tape.pay(checkout.provider_session_id, application_details=till)

    tell(client, "payment.updated", sale, settings)
    for pk in inbox.due():
        inbox.process(pk)

    assert WebhookEvent.objects.get().state == EventState.IGNORED


def test_a_page_that_nobody_paid_is_deleted_when_its_time_is_over(
    client: Client, tape: SquareTape
) -> None:
    """Square's pages have no end of their own."""
    _link, checkout = clicked(client)
    checkouts.settle(checkout.pk)
    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.OPEN
    over = clock.now() - timedelta(seconds=1)
    checkout.parameters["expires_at"] = over.isoformat()
    checkout.save(update_fields=["parameters"])

    checkouts.settle(checkout.pk)

    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.EXPIRED
    assert tape.links == {}
    assert tape.orders["order0"]["state"] == "CANCELED"
