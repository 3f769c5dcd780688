"""Two people at one link: the second is told what changed and loses nothing typed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from links.models import LinkStatus, Payment, PaymentLink
from links.services import links, manual
from merchant_portal.lib import ids
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db
FORMS: dict[str, dict[str, str]] = {
    "edit": {"due_on": "2027-01-31", "expires_at": "", "note": "Collect at the back"},
    "cancel": {"reason": "Ordered twice", "tell": ""},
    "record": {"amount": "12.50", "method": "cash", "paid_on": "", "note": "Till 2"},
}


@pytest.fixture
def bob() -> User:
    return make_user(Role.OWNER, "bob@shop.example")


@pytest.fixture
def client(settings: Any) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(make_user(Role.OWNER, "ada@shop.example"))
    return client


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer(), amount_minor=1250)


def take_half_in_cash(link: PaymentLink, bob: User) -> None:
    manual.record_payment(link, amount_minor=500, method="cash", actor=bob.actor())


def write_a_note(link: PaymentLink, bob: User) -> None:
    links.edit(
        link,
        due_on=None,
        note_text="No nuts",
        expires_at=None,
        version=link.version,
        actor=bob.actor(),
    )


def form_of(client: Client, link: PaymentLink, name: str) -> dict[str, str]:
    """What the open page would send: its hidden fields, and what is typed."""
    page = client.get(reverse("admin:links_paymentlink_change", args=[link.pk]))
    hidden: dict[str, str] = page.context["panels"][name].values
    return {**hidden, **FORMS[name]}


def submit(
    client: Client, link: PaymentLink, name: str, form: dict[str, str]
) -> HttpResponse:
    return client.post(reverse(f"admin:links_paymentlink_{name}", args=[link.pk]), form)  # type: ignore[return-value]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("meanwhile", [take_half_in_cash, write_a_note])
def test_the_second_is_refused_and_told_who_did_what(
    client: Client,
    link: PaymentLink,
    bob: User,
    name: str,
    meanwhile: Callable[[PaymentLink, User], None],
) -> None:
    form = form_of(client, link, name)
    meanwhile(link, bob)
    before = facts(link)

    answer: Any = submit(client, link, name, form)

    assert answer.status_code == 409
    assert facts(link) == before
    panel = answer.context["panels"][name]
    assert panel.is_open
    assert {key: panel.values[key] for key in FORMS[name]} == FORMS[name]
    did = {"take_half_in_cash": "Payment received", "write_a_note": "Details changed"}
    assert panel.news[0].text == did[meanwhile.__name__]
    page = answer.content.decode()
    assert panel.news[0].text in page
    assert str(bob) in page


@pytest.mark.parametrize("name", FORMS)
def test_doing_it_once_more_is_a_decision(
    client: Client, link: PaymentLink, bob: User, name: str
) -> None:
    form = form_of(client, link, name)
    write_a_note(link, bob)
    refused: Any = submit(client, link, name, form)

    again = submit(client, link, name, refused.context["panels"][name].values)

    assert again.status_code == 302
    link.refresh_from_db()
    done = {
        "edit": link.note == "Collect at the back",
        "cancel": link.cancel_reason == "Ordered twice",
        "record": link.amount_paid_minor == 1250,
    }
    assert done[name]


@pytest.mark.parametrize("name", FORMS)
def test_without_a_version_nothing_is_done(
    client: Client, link: PaymentLink, name: str
) -> None:
    form = form_of(client, link, name)
    del form["version"]
    before = facts(link)

    assert submit(client, link, name, form).status_code == 409

    assert facts(link) == before


def test_the_same_form_twice_is_one_payment_and_no_conflict(
    client: Client, link: PaymentLink
) -> None:
    form = form_of(client, link, "record")

    answers = [submit(client, link, "record", form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert link.payments.count() == 1


def test_control_without_the_version_the_same_cash_is_booked_by_both(
    client: Client, link: PaymentLink, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "refuse_stale", lambda locked, version: None)
    form = form_of(client, link, "record") | {"more": "yes"}
    take_all_in_cash(link, bob)

    assert submit(client, link, "record", form).status_code == 302

    amounts = link.payments.values_list("amount_minor", "surplus_minor")
    assert sorted(amounts) == [(1250, 0), (1250, 1250)]


def test_control_without_the_version_a_colleagues_note_is_overwritten(
    client: Client, link: PaymentLink, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "refuse_stale", lambda locked, version: None)
    form = form_of(client, link, "edit")
    write_a_note(link, bob)

    assert submit(client, link, "edit", form).status_code == 302

    link.refresh_from_db()
    assert link.note == "Collect at the back"


def test_control_without_the_version_a_half_paid_link_is_canceled_unseen(
    client: Client, link: PaymentLink, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "refuse_stale", lambda locked, version: None)
    form = form_of(client, link, "cancel")
    take_half_in_cash(link, bob)

    assert submit(client, link, "cancel", form).status_code == 302

    link.refresh_from_db()
    assert (link.status, link.amount_paid_minor) == (LinkStatus.CANCELED, 500)


def take_all_in_cash(link: PaymentLink, bob: User) -> None:
    manual.record_payment(
        link, amount_minor=1250, method="cash", actor=bob.actor(), key=ids.new("frm")
    )


def facts(link: PaymentLink) -> tuple[object, ...]:
    link.refresh_from_db()
    money = Payment.objects.filter(link=link).count()
    return (link.status, link.version, link.note, link.due_on, money)
