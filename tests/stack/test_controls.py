"""Money, two at once: each guard, and what comes of the same race without it.

In every control the guard is taken away and nothing else is changed; where a second
belt holds then, that is asserted, and the next control takes that one away as well.
"""

from functools import partial

import pytest
from django.conf import LazySettings
from django.db import IntegrityError
from django.db.models import F, Sum

from links.models import (
    Checkout,
    LinkStatus,
    Payment,
    PaymentLink,
    TrainingSession,
    WebhookEvent,
)
from links.models.links import PaymentLinkQuerySet
from links.providers import training
from links.providers.base import Provider
from links.providers.registry import get_provider
from links.providers.stripe import StripeProvider
from links.providers.training import TrainingProvider
from links.services import accounts, checkouts, inbox, links, manual, payments, requests
from links.services.checkouts import CheckoutRefused
from links.services.errors import LinkConflict
from links.tests.factories import make_customer, make_link, make_seen
from links.tests.stripe_tape import SECRET_KEY, StripeTape
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock, crash
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message

from .gaps import Gap, without_constraint

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]


@pytest.fixture
def unlocked_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are read without their row lock."""
    monkeypatch.setattr(PaymentLinkQuerySet, "locked", lambda rows, pk: rows.get(pk=pk))
    monkeypatch.setattr(
        PaymentLinkQuerySet, "locked_all", lambda rows, pks: rows.in_bulk(list(pks))
    )


# Money of one link, in two parts at once.


@pytest.fixture
def before_commit(monkeypatch: pytest.MonkeyPatch) -> Gap:
    """A payment is all written but not committed."""
    gap = Gap()
    monkeypatch.setattr(crash, "crash_at", gap.at("payment.before_commit"))
    return gap


def pay_in_two_halves(gap: Gap) -> PaymentLink:
    link = make_link(amount_minor=1250)
    halves = [
        make_seen(link, payment_id=f"tpy_{half}", amount_minor=625) for half in (1, 2)
    ]
    gap.run_well(*[partial(payments.record, half) for half in halves])
    assert link.payments.aggregate(all=Sum("amount_minor")) == {"all": 1250}
    link.refresh_from_db()
    return link


def test_two_halves_at_once_pay_the_link(before_commit: Gap) -> None:
    link = pay_in_two_halves(before_commit)

    assert (link.amount_paid_minor, link.status) == (1250, LinkStatus.PAID)


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_the_lock_of_the_link_half_the_money_is_not_counted(
    before_commit: Gap,
) -> None:
    link = pay_in_two_halves(before_commit)

    assert (link.amount_paid_minor, link.status) == (625, LinkStatus.ACTIVE)


# Clicks on two ways to pay at once.


@pytest.fixture
def between_look_and_insert(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> Gap:
    """Live sessions were looked for, the new one is not stored. Stripe is a tape."""
    gap = Gap()
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_API_BASE = ""
    settings.TRAINING_ENABLED = True
    tape = StripeProvider(http_client=StripeTape())

    def provider_of(slug: str) -> Provider:
        return tape if slug == "stripe" else get_provider(slug)

    monkeypatch.setattr(checkouts, "get_provider", provider_of)
    monkeypatch.setattr(requests, "parameters", gap.before(requests.parameters))
    return gap


def click_both(gap: Gap) -> tuple[list[str | Exception], list[Checkout]]:
    """What the clicks gave, and the sessions to which no end was ordered."""
    link = make_link()
    results = gap.run(
        partial(checkouts.start, link.pk, "training"),
        partial(checkouts.start, link.pk, "stripe"),
    )
    live = Checkout.objects.filter(
        link=link, state__in=["creating", "open"], close_ordered_at=None
    )
    return results, list(live)


def test_of_two_clicks_at_once_one_session_stays(between_look_and_insert: Gap) -> None:
    results, live = click_both(between_look_and_insert)

    assert len(live) == 1
    assert Checkout.objects.exclude(close_ordered_at=None).count() == 1
    assert live[0].url in results
    # The earlier one leads to a page that closes, or is refused on its way there.
    (other,) = [result for result in results if result != live[0].url]
    assert isinstance(other, str | CheckoutRefused)


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_the_lock_of_the_link_the_constraint_stops_the_second_click(
    between_look_and_insert: Gap,
) -> None:
    results, live = click_both(between_look_and_insert)

    (stopped,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(stopped, IntegrityError)
    assert "checkout_one_live_a_link" in str(stopped)
    assert len(live) == 1
    assert Checkout.objects.count() == 1


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_lock_and_constraint_two_sessions_wait_for_money(
    between_look_and_insert: Gap,
) -> None:
    with without_constraint(Checkout, "checkout_one_live_a_link"):
        results, live = click_both(between_look_and_insert)

        assert {checkout.account.slug for checkout in live} == {"training", "stripe"}
        assert {checkout.url for checkout in live} == set(results)


# One webhook, two workers.


@pytest.fixture
def gap() -> Gap:
    return Gap()


@pytest.fixture
def asked(gap: Gap, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sessions that the provider was asked about; the gap is behind its answer."""
    calls: list[str] = []
    fetch = gap.after(TrainingProvider.fetch_checkout)

    def note_and_fetch(provider: TrainingProvider, session_id: str) -> object:
        calls.append(session_id)
        return fetch(provider, session_id)

    monkeypatch.setattr(TrainingProvider, "fetch_checkout", note_and_fetch)
    return calls


def process_twice(gap: Gap) -> tuple[WebhookEvent, list[bool]]:
    link = make_link(make_customer())
    checkouts.start(link.pk, "training")
    session = TrainingSession.objects.get(link_reference=link.public_id)
    payment = training.answer(session, "approve")
    assert payment is not None
    inbox.receive("training", *training.webhook(payment, 1))
    event = WebhookEvent.objects.get()
    worker = partial(inbox.process, event.pk)
    results = gap.run_well(worker, worker)
    event.refresh_from_db()
    return event, results


def test_of_two_workers_one_takes_the_webhook(gap: Gap, asked: list[str]) -> None:
    event, results = process_twice(gap)

    assert sorted(results) == [False, True]
    assert len(asked) == 1
    assert (event.state, event.tries) == ("done", 1)


def test_control_without_the_claim_both_workers_ask_and_book(
    gap: Gap, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def claim_whatever_it_is(pk: int) -> WebhookEvent:
        rows = WebhookEvent.objects.filter(pk=pk)
        rows.update(
            next_try_at=clock.database_now() + inbox.LEASE, tries=F("tries") + 1
        )
        return rows.select_related("account").get()

    monkeypatch.setattr(inbox, "_claim", claim_whatever_it_is)

    event, results = process_twice(gap)

    assert results == [True, True]
    assert len(asked) == 2
    assert (event.state, event.tries) == ("done", 2)
    # The second belt: what both book is merged under the link's lock.
    assert Payment.objects.count() == 1
    assert Message.objects.filter(kind="receipt", channel="email").count() == 1


# One form about cash, submitted twice.


def submit_twice(gap: Gap) -> tuple[PaymentLink, list[Payment]]:
    link = make_link(make_customer())
    accounts.get("manual")  # made on first use, which is another race

    def submit() -> Payment:
        return manual.record_payment(
            PaymentLink.objects.get(pk=link.pk),
            amount_minor=1250,
            method="cash",
            actor=SYSTEM,
            key="form-7",
        )

    return link, gap.run_well(submit, submit)


def test_one_form_submitted_twice_at_once_books_once(before_commit: Gap) -> None:
    link, answers = submit_twice(before_commit)

    assert {payment.pk for payment in answers} == {link.payments.get().pk}
    assert AuditEntry.objects.filter(action="payment.recorded").count() == 1


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_the_lock_of_the_link_the_constraint_books_once(
    before_commit: Gap,
) -> None:
    link, answers = submit_twice(before_commit)

    # Here payment_part_once is the belt that holds: the second insert waited for the first.
    assert {payment.pk for payment in answers} == {link.payments.get().pk}
    assert AuditEntry.objects.filter(action="payment.recorded").count() == 1


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_lock_and_constraint_the_cash_is_booked_twice(
    before_commit: Gap,
) -> None:
    with without_constraint(Payment, "payment_part_once"):
        link, answers = submit_twice(before_commit)

        assert len({payment.pk for payment in answers}) == 2
        assert link.payments.aggregate(all=Sum("amount_minor")) == {"all": 2500}
        # Not even called a surplus: neither saw the other's.
        assert {payment.surplus_minor for payment in link.payments.all()} == {0}


# Two people at one link, the same cash in both their forms.


def book_by_two(gap: Gap) -> tuple[PaymentLink, list[Payment | Exception]]:
    link = make_link(make_customer())
    accounts.get("manual")  # made on first use, which is another race

    def submit(key: str) -> Payment:
        return manual.record_payment(
            PaymentLink.objects.get(pk=link.pk),
            amount_minor=1250,
            method="cash",
            actor=SYSTEM,
            key=key,
            version=link.version,
        )

    results = gap.run(partial(submit, "form-ada"), partial(submit, "form-bob"))
    return link, results


def test_of_two_people_at_once_one_books_the_cash(before_commit: Gap) -> None:
    link, results = book_by_two(before_commit)

    (refused,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(refused, LinkConflict)
    assert link.payments.get().amount_minor == 1250


def test_control_without_the_version_both_book_the_cash(
    before_commit: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "refuse_stale", lambda locked, version: None)

    link, results = book_by_two(before_commit)

    assert not [result for result in results if isinstance(result, Exception)]
    rows = link.payments.values_list("amount_minor", "surplus_minor")
    assert sorted(rows) == [(1250, 0), (1250, 1250)]


@pytest.mark.usefixtures("unlocked_links")
def test_control_without_the_lock_the_version_alone_lets_both_book(
    before_commit: Gap,
) -> None:
    link, results = book_by_two(before_commit)

    assert not [result for result in results if isinstance(result, Exception)]
    assert link.payments.count() == 2
