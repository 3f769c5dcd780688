"""Coming back from the provider's page, and the rehearsal page itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from customers.models import Customer
from links.models import (
    Checkout,
    CheckoutState,
    LinkStatus,
    Payment,
    PaymentLink,
    Refund,
    TrainingPayment,
)
from links.pay import responses, views
from links.providers.base import SeenState
from links.services import checkouts, pages, payments, refunding, training
from merchant_portal.lib import clock, queue
from merchant_portal.lib.money import Money

from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    responses.reads.clear()
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(queue, "nudge", lambda name, *args: sent.append((name, *args)))
    return sent


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer())


@pytest.fixture
def checkout(link: PaymentLink, client: Client) -> Checkout:
    client.post(f"/p/{pages.token_of(link)}/pay/training/")
    return link.checkouts.get()


def return_path(checkout: Checkout) -> str:
    return f"/p/{pages.token_of(checkout.link)}/return/{checkout.public_id}/"


def answer(client: Client, checkout: Checkout, outcome: str) -> Any:
    return client.post(f"/training/{checkout.public_id}/", {"outcome": outcome})


def test_looks_again_by_itself_and_wakes_a_worker(
    client: Client, checkout: Checkout, nudges: list[tuple[str, Any]]
) -> None:
    nudges.clear()

    response = client.get(return_path(checkout))

    assert "Checking your payment" in response.content.decode()
    assert response.headers["Refresh"] == f"3; url={return_path(checkout)}?n=1"
    assert nudges == [("links.tasks.settle_checkout", checkout.pk)]


def test_a_head_wakes_nobody(
    client: Client, checkout: Checkout, nudges: list[tuple[str, Any]]
) -> None:
    nudges.clear()

    client.head(return_path(checkout))

    assert nudges == []


@pytest.mark.parametrize(
    "looks", [str(views.REFRESHES), "999", "-1", "x", "1e9", "9" * 99]
)
def test_stops_looking_and_says_what_to_do(
    client: Client, checkout: Checkout, looks: str
) -> None:
    response = client.get(return_path(checkout), {"n": looks})

    assert "Refresh" not in response.headers
    assert "We have not heard about your payment yet" in response.content.decode()
    assert "Please do not pay a second time" in response.content.decode()


def test_counts_the_looks_up_to_the_last(client: Client, checkout: Checkout) -> None:
    last = views.REFRESHES - 1

    response = client.get(return_path(checkout), {"n": str(last)})

    assert response.headers["Refresh"].endswith(f"?n={views.REFRESHES}")


def test_says_thanks_once_the_money_is_booked(
    client: Client, link: PaymentLink, checkout: Checkout, nudges: list[Any]
) -> None:
    payments.record(make_seen(link, checkout_reference=checkout.public_id))
    nudges.clear()

    response = client.get(return_path(checkout))

    text = response.content.decode()
    assert "Thank you! Your payment has arrived." in text
    assert "We received €12.50." in text
    assert "Refresh" not in response.headers
    assert nudges == []


@pytest.mark.parametrize(
    ("bring_about", "said", "goes_on"),
    [
        (
            lambda c: payments.record(make_seen(c.link, state=SeenState.PROCESSING)),
            "Your payment is on its way",
            True,
        ),
        (
            lambda c: payments.record(
                make_seen(c.link, amount_minor=1000, checkout_reference=c.public_id)
            ),
            "€2.50 is still open",
            False,
        ),
        (
            lambda c: c.move_to(CheckoutState.EXPIRED),
            "This payment was not finished",
            False,
        ),
    ],
)
def test_says_how_it_stands(
    client: Client,
    checkout: Checkout,
    bring_about: Callable[[Checkout], Any],
    said: str,
    goes_on: bool,
) -> None:
    bring_about(checkout)

    response = client.get(return_path(checkout))

    assert response.status_code == 200
    assert said in response.content.decode()
    assert ("Refresh" in response.headers) is goes_on


def work(nudges: list[tuple[str, Any]]) -> None:
    """Do what a worker does that was woken to ask how checkouts stand."""
    for name, *args in list(nudges):  # doing it may wake others
        if name == "links.tasks.settle_checkout":
            checkouts.settle(*args)


def look_until_it_rests(
    client: Client, checkout: Checkout, nudges: list[tuple[str, Any]]
) -> tuple[str, int]:
    """Follow the page's own refreshes, with a worker that does what it is woken for.

    Returns the last page and how many refreshes led to it.
    """
    path = return_path(checkout)
    for refreshes in range(views.REFRESHES + 1):
        nudges.clear()
        response = client.get(path)
        work(nudges)
        if "Refresh" not in response.headers:
            return response.content.decode(), refreshes
        path = response.headers["Refresh"].partition("url=")[2]
    raise AssertionError("The page never stops looking.")


def test_says_declined_after_two_looks(
    client: Client, checkout: Checkout, nudges: list[tuple[str, Any]]
) -> None:
    answer(client, checkout, "decline")

    text, refreshes = look_until_it_rests(client, checkout, nudges)

    assert "The payment did not go through" in text
    assert f'href="/p/{pages.token_of(checkout.link)}/"' in text
    assert refreshes == 2


def test_an_older_decline_does_not_hide_the_money(
    client: Client, checkout: Checkout, nudges: list[tuple[str, Any]]
) -> None:
    answer(client, checkout, "decline")
    assert "did not go through" in look_until_it_rests(client, checkout, nudges)[0]
    answer(client, checkout, "approve")

    first = client.get(return_path(checkout)).content.decode()
    text, refreshes = look_until_it_rests(client, checkout, nudges)

    assert "Checking your payment" in first
    assert "did not go through" not in first
    assert "Thank you! Your payment has arrived." in text
    assert refreshes == 1


def test_a_decline_on_the_screen_still_asks_when_it_is_reloaded(
    client: Client, checkout: Checkout, nudges: list[tuple[str, Any]]
) -> None:
    answer(client, checkout, "decline")
    look_until_it_rests(client, checkout, nudges)
    answer(client, checkout, "approve")
    nudges.clear()

    declined = client.get(return_path(checkout), {"n": "2"}).content.decode()
    work(nudges)
    reloaded = client.get(return_path(checkout), {"n": "2"}).content.decode()

    assert "The payment did not go through" in declined
    assert "Thank you! Your payment has arrived." in reloaded


def test_believes_no_claim_in_the_address(client: Client, checkout: Checkout) -> None:
    response = client.get(
        return_path(checkout), {"status": "paid", "redirect_status": "succeeded"}
    )

    assert "Checking your payment" in response.content.decode()


def test_another_links_checkout_is_not_shown(
    client: Client, checkout: Checkout
) -> None:
    other = make_link(make_customer(email="eve@example.com"))

    response = client.get(f"/p/{pages.token_of(other)}/return/{checkout.public_id}/")

    assert response.status_code == 404


def test_training_shows_every_outcome_and_that_no_money_moves(
    client: Client, checkout: Checkout
) -> None:
    response = client.get(f"/training/{checkout.public_id}/")

    text = response.content.decode()
    assert response.status_code == 200
    assert "Training: no money moves" in text
    assert "€12.50" in text
    for outcome in ("approve", "decline", "later", "late", "lost", "duplicate"):
        assert f'name="outcome" value="{outcome}"' in text


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("approve", LinkStatus.PAID),
        ("decline", LinkStatus.ACTIVE),
        ("later", LinkStatus.ACTIVE),
        ("late", LinkStatus.PAID),
        ("lost", LinkStatus.PAID),
        ("duplicate", LinkStatus.PAID),
    ],
)
def test_training_answers_and_leads_back(
    client: Client, link: PaymentLink, checkout: Checkout, outcome: str, status: str
) -> None:
    response = answer(client, checkout, outcome)
    checkouts.settle(checkout.pk)

    assert response.status_code == 303
    assert response.headers["Location"] == return_path(checkout)
    link.refresh_from_db()
    assert link.status == status


def test_later_is_paid_after_twenty_seconds(
    client: Client, link: PaymentLink, checkout: Checkout
) -> None:
    answer(client, checkout, "later")
    checkouts.settle(checkout.pk)
    assert "on its way" in client.get(return_path(checkout)).content.decode()

    with clock.frozen(clock.now() + timedelta(seconds=21)):
        training.deliver_webhooks()
        checkouts.settle(checkout.pk)

    assert "Thank you!" in client.get(return_path(checkout)).content.decode()


def test_training_takes_one_answer(client: Client, checkout: Checkout) -> None:
    answer(client, checkout, "approve")

    again = answer(client, checkout, "approve")
    looked = client.get(f"/training/{checkout.public_id}/")

    assert again.status_code == 303
    assert TrainingPayment.objects.count() == 1
    assert looked.status_code == 410
    assert "takes no answer any more" in looked.content.decode()


@pytest.mark.parametrize("outcome", ["", "refund", "APPROVE", "a" * 10_000])
def test_training_refuses_an_outcome_it_does_not_know(
    client: Client, checkout: Checkout, outcome: str
) -> None:
    response = answer(client, checkout, outcome)

    assert response.status_code == 400
    assert not TrainingPayment.objects.exists()


def test_training_is_gone_when_it_is_switched_off(
    client: Client, checkout: Checkout, settings: Any
) -> None:
    settings.TRAINING_ENABLED = False

    assert client.get(f"/training/{checkout.public_id}/").status_code == 404
    assert answer(client, checkout, "approve").status_code == 404
    assert not TrainingPayment.objects.exists()


@pytest.fixture
def surplus(client: Client, link: PaymentLink, checkout: Checkout) -> Payment:
    """The link was paid elsewhere for €10.00 when its checkout brought €12.50."""
    payments.record(make_seen(link, payment_id="other", amount_minor=1000))
    answer(client, checkout, "approve")
    checkouts.settle(checkout.pk)
    payment = checkout.payments.get()
    assert payment.surplus_minor == 1000
    return payment


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "You have paid more than this link asked for. The shop has been told"),
        ("de", "Sie haben mehr bezahlt, als über diesen Link verlangt war."),
        ("fr", "Vous avez payé plus que ce lien ne demandait."),
    ],
)
@pytest.mark.parametrize("status", [LinkStatus.PAID, LinkStatus.EXHAUSTED])
def test_says_that_too_much_came_and_goes_back(
    client: Client, surplus: Payment, status: str, language: str, words: str
) -> None:
    assert surplus.link is not None
    assert surplus.checkout is not None
    PaymentLink.objects.update(status=status)
    Customer.objects.update(language=language)

    page = client.get(return_path(surplus.checkout)).content.decode()

    assert words in page
    assert f"{Money(1000, 'EUR').format(language)}.</p>" in page


def test_promises_nothing_that_was_done(client: Client, surplus: Payment) -> None:
    assert surplus.checkout is not None
    Payment.objects.filter(pk=surplus.pk).update(refunded_minor=1000)

    page = client.get(return_path(surplus.checkout)).content.decode()

    assert "Thank you! Your payment has arrived." in page
    assert "more than this link asked for" not in page


def test_promises_nothing_that_staff_declined(client: Client, surplus: Payment) -> None:
    assert surplus.checkout is not None
    path = return_path(surplus.checkout)
    assert "will give back" in client.get(path).content.decode()
    refunding.decline(Refund.objects.get(payment=surplus), user=make_user())
    assert "will give back" not in client.get(path).content.decode()


def test_another_payments_surplus_is_not_this_ones(
    client: Client, link: PaymentLink, checkout: Checkout
) -> None:
    answer(client, checkout, "approve")
    checkouts.settle(checkout.pk)
    later = clock.now() + timedelta(days=1)
    payments.record(make_seen(link, payment_id="other", occurred_at=later))

    page = client.get(return_path(checkout)).content.decode()

    assert link.payments.filter(surplus_minor=1250).exists()
    assert "more than this link asked for" not in page


def test_reads_three_times_whatever_came(
    client: Client, surplus: Payment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert surplus.checkout is not None
    path = return_path(surplus.checkout)
    client.get(path)

    for too_much in (1000, 0):
        Payment.objects.filter(pk=surplus.pk).update(surplus_minor=too_much)
        with django_assert_num_queries(3):  # link, checkout, business
            client.get(path)
