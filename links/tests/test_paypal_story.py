"""A link paid at PayPal: click, agreement, capture, booked; and money that is not taken."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from links.models import (
    Checkout,
    CheckoutState,
    EventState,
    LinkStatus,
    PaymentLink,
    WebhookEvent,
)
from links.pay import responses
from links.providers import paypal_client, paypal_webhooks
from links.providers.base import ProviderUnavailable
from links.services import capturing, checkouts, inbox, links, pages, payments
from links.tasks import settle_checkout
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import Money

from .factories import make_customer, make_link, make_seen
from .paypal_tape import (
    CERTIFICATE_URL,
    CLIENT_ID,
    SECRET,
    WEBHOOK_ID,
    PayPalTape,
    certificate,
    error,
    event,
    signed,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[PayPalTape]:
    tape = PayPalTape()
    tape.ordered_at = clock.now().isoformat()
    client = tape.client()
    settings.PAYPAL_CLIENT_ID = CLIENT_ID
    settings.PAYPAL_CLIENT_SECRET = SECRET
    settings.PAYPAL_WEBHOOK_ID = WEBHOOK_ID
    settings.PAYPAL_API_BASE = ""
    monkeypatch.setattr(paypal_client, "built", lambda *_keys: client)
    pem = certificate("messageverificationcerts.paypal.com", of="paypal").decode()
    paypal_webhooks.learn_certificate(CERTIFICATE_URL, pem)
    responses.reads.clear()
    yield tape
    paypal_webhooks.forget_certificates()


def clicked(client: Client) -> tuple[PaymentLink, Checkout]:
    link = make_link(make_customer())
    response = client.post(f"/p/{pages.token_of(link)}/pay/paypal/")
    checkout = link.checkouts.get()
    assert response.status_code == 303
    assert response.headers["Location"] == checkout.url
    return link, checkout


def agreed(client: Client, tape: PayPalTape) -> tuple[PaymentLink, Checkout]:
    link, checkout = clicked(client)
    tape.approve(checkout.provider_session_id)
    return link, checkout


def tell(client: Client, kind: str, resource: dict[str, Any]) -> int:
    body = event(kind, resource)
    return client.post(
        "/webhooks/paypal/",
        body,
        content_type="application/json",
        headers=signed(body),
    ).status_code


def work() -> None:
    for pk in inbox.due():
        inbox.process(pk)


def state_of(checkout: Checkout) -> str:
    checkout.refresh_from_db()
    return checkout.state


def paid_elsewhere(link: PaymentLink) -> None:
    payments.record(make_seen(link, payment_id="elsewhere"))


def test_agreement_is_captured_and_booked_once(
    client: Client, tape: PayPalTape
) -> None:
    link, checkout = agreed(client, tape)

    order = tape.orders[checkout.provider_session_id]
    assert tell(client, "CHECKOUT.ORDER.APPROVED", order) == 200
    work()
    assert checkouts.due_for_check() == [checkout.pk]
    settle_checkout(checkout.pk)
    (capture,) = tape.captures.values()
    for kind in ("PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"):
        assert tell(client, kind, capture if "CAPTURE" in kind else order) == 200
    work()
    settle_checkout(checkout.pk)

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    booked = link.payments.get()
    assert (booked.amount, booked.fee_minor) == (Money(1250, "EUR"), 66)
    assert (booked.checkout, booked.account.slug) == (checkout, "paypal")
    assert state_of(checkout) == CheckoutState.COMPLETED
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {
        EventState.DONE
    }


def test_is_captured_though_no_webhook_comes(client: Client, tape: PayPalTape) -> None:
    link, checkout = agreed(client, tape)
    token = pages.token_of(link)

    page = client.get(f"/p/{token}/return/{checkout.public_id}/?token=x&PayerID=y")
    assert page.status_code == 200
    assert tape.captures == {}  # looking takes nothing
    settle_checkout(checkout.pk)

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID


@pytest.mark.parametrize("why", ["paid", "canceled", "expired", "another amount"])
def test_money_that_is_not_asked_for_is_never_taken(
    why: str, client: Client, tape: PayPalTape
) -> None:
    link, checkout = agreed(client, tape)
    if why == "paid":
        paid_elsewhere(link)
    elif why == "canceled":
        links.cancel(link, actor=SYSTEM)
    elif why == "expired":
        over = clock.now() - timedelta(seconds=1)
        PaymentLink.objects.filter(pk=link.pk).update(expires_at=over)
    else:
        payments.record(make_seen(link, payment_id="part", amount_minor=250))

    settle_checkout(checkout.pk)
    settle_checkout(checkout.pk)

    assert tape.captures == {}
    assert state_of(checkout) == CheckoutState.EXPIRED


def test_control_without_the_second_look_it_is_taken_twice(
    client: Client, tape: PayPalTape, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, checkout = agreed(client, tape)
    paid_elsewhere(link)
    monkeypatch.setattr(capturing, "_may_take", lambda checkout: True)

    settle_checkout(checkout.pk)

    assert len(tape.captures) == 1
    assert link.payments.count() == 2


def test_a_lost_answer_is_settled_by_looking(client: Client, tape: PayPalTape) -> None:
    link, checkout = agreed(client, tape)
    order = tape.orders[checkout.provider_session_id]
    tape.next_replies = [(200, dict(order)), (504, "<html>gateway</html>")]

    settle_checkout(checkout.pk)
    assert state_of(checkout) == CheckoutState.CAPTURING
    tape.take(checkout.provider_session_id)  # it had been taken
    calls = len(tape.calls)
    settle_checkout(checkout.pk)

    assert [method for method, *_ in tape.calls[calls:]] == ["GET"]
    link.refresh_from_db()
    assert link.status == LinkStatus.PAID


def test_a_capture_that_never_reached_paypal_is_made_again_under_its_key(
    client: Client, tape: PayPalTape
) -> None:
    link, checkout = agreed(client, tape)
    order = tape.orders[checkout.provider_session_id]
    tape.next_replies = [(200, dict(order)), (503, "busy")]

    settle_checkout(checkout.pk)
    settle_checkout(checkout.pk)

    keys = [
        headers["PayPal-Request-Id"]
        for _m, path, _q, _b, headers in tape.calls
        if path.endswith("/capture")
    ]
    assert keys == [f"{checkout.public_id}-capture"] * 2
    link.refresh_from_db()
    assert link.status == LinkStatus.PAID


def test_while_money_is_being_taken_no_other_way_opens(
    client: Client, tape: PayPalTape
) -> None:
    link, checkout = agreed(client, tape)
    order = tape.orders[checkout.provider_session_id]
    tape.next_replies = [(200, dict(order)), (503, "busy")]
    settle_checkout(checkout.pk)

    for slug in ("training", "paypal"):
        response = client.post(f"/p/{pages.token_of(link)}/pay/{slug}/")
        assert response.status_code == 409

    assert link.checkouts.count() == 1
    assert state_of(checkout) == CheckoutState.CAPTURING


def test_a_declined_card_makes_room_for_another_try(
    client: Client, tape: PayPalTape
) -> None:
    link, checkout = agreed(client, tape)
    tape.declines = True

    settle_checkout(checkout.pk)

    assert state_of(checkout) == CheckoutState.FAILED
    assert "INSTRUMENT_DECLINED" in checkout.last_error
    token = pages.token_of(link)
    page = client.get(f"/p/{token}/return/{checkout.public_id}/").content.decode()
    assert "did not go through" in page
    assert client.post(f"/p/{token}/pay/paypal/").status_code == 303


def test_an_order_that_is_gone_is_not_asked_for_again(
    client: Client, tape: PayPalTape
) -> None:
    _link, checkout = clicked(client)
    tape.next_replies = [(404, error("RESOURCE_NOT_FOUND"))]

    settle_checkout(checkout.pk)

    assert state_of(checkout) == CheckoutState.FAILED
    assert checkout.next_check_at is None


def test_a_second_click_after_three_hours_is_a_new_order(
    client: Client, tape: PayPalTape
) -> None:
    link, checkout = clicked(client)
    assert checkout.expires_at is not None
    with clock.frozen(checkout.expires_at - timedelta(seconds=200)):
        assert checkouts.start(link.pk, "paypal") == checkout.url
    with clock.frozen(checkout.expires_at - timedelta(seconds=60)):
        assert checkouts.start(link.pk, "paypal") != checkout.url

    assert len(tape.orders) == 2


def test_silence_while_capturing_is_reported_and_looked_at_again(
    client: Client, tape: PayPalTape
) -> None:
    _link, checkout = agreed(client, tape)
    order = tape.orders[checkout.provider_session_id]
    tape.next_replies = [(200, dict(order)), (503, "busy")]

    with pytest.raises(ProviderUnavailable):
        checkouts.settle(checkout.pk)

    checkout.refresh_from_db()
    assert checkout.next_check_at is not None
