"""Counting the drawer on its page: blind, by notes and coins, with a reason."""

from typing import Any

import pytest
from django.test import Client

from links.models import Payment, Shift
from links.services import manual, till
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
LIST = "/admin/links/shift/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def cashier() -> User:
    return make_user(Role.FINANCE)


@pytest.fixture
def shift(cashier: User) -> Shift:
    return till.begin(register="Counter", floats={"EUR": 10_000}, user=cashier)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(shift: Shift, what: str) -> str:
    return f"/admin/links/shift/{shift.pk}/{what}"


@pytest.fixture
def sold(shift: Shift) -> Shift:
    manual.record_sale(
        shift,
        amount_minor=2_345,
        currency="EUR",
        method="cash",
        what="Bread",
        actor=shift.opened_by.actor(),
    )
    return shift


def test_who_counts_does_not_see_what_is_expected(sold: Shift, cashier: User) -> None:
    client = signed_in(cashier)

    for page in ("change/", "count/"):
        assert "123.45" not in client.get(at(sold, page)).content.decode()
    # Whoever else reads reports does.
    theirs = signed_in(make_user(Role.AUDITOR)).get(at(sold, "change/"))
    assert "123.45" in theirs.content.decode()


def test_what_agrees_is_closed_at_once(sold: Shift, cashier: User) -> None:
    client = signed_in(cashier)

    answer = client.post(at(sold, "count/"), {"counted_EUR": "123.45"})

    assert answer["Location"] == at(sold, "change/")
    page = client.get(at(sold, "change/")).content.decode()
    assert "Z-000001" in page
    assert "the signature is good" in page
    paper = client.get(at(sold, "report.pdf"))
    assert paper["Content-Type"] == "application/pdf"
    assert bytes(paper.content).startswith(b"%PDF")


def test_what_does_not_is_told_and_explained(sold: Shift, cashier: User) -> None:
    client = signed_in(cashier)

    answer = client.post(at(sold, "count/"), {"counted_EUR": "120"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "€3.45 short" in page
    assert 'name="seen_EUR" value="-345"' in page
    assert 'value="120"' in page

    given = {"counted_EUR": "120", "seen_EUR": "-345", "note": "Lost"}
    client.post(at(sold, "count/"), given)
    sold.refresh_from_db()
    assert (sold.number, sold.note, sold.counts) == ("Z-000001", "Lost", 2)
    assert "€3.45 short" in client.get(LIST).content.decode()


def test_by_notes_and_coins(sold: Shift, cashier: User) -> None:
    pieces = {
        "pieces_EUR_10000": "1",
        "pieces_EUR_2000": "1",
        "pieces_EUR_200": "1",
        "pieces_EUR_100": "1",
        "pieces_EUR_20": "2",
        "pieces_EUR_5": "1",
    }

    signed_in(cashier).post(at(sold, "count/"), pieces)

    sold.refresh_from_db()
    assert not sold.is_open


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Write what you counted"),
        ({"counted_EUR": "12,5"}, "digits and a point"),
        ({"counted_EUR": "-1"}, "digits and a point"),
        ({"pieces_EUR_100": "x"}, "Write how many of €1.00"),
        ({"counted_EUR": "5", "pieces_EUR_100": "3"}, "come to €3.00"),
        ({"counted_EUR": "1", "note": "4111111111111111"}, "card number"),
    ],
)
def test_a_slip_is_said_and_keeps_what_was_typed(
    sold: Shift, cashier: User, given: dict[str, str], said: str
) -> None:
    answer = signed_in(cashier).post(at(sold, "count/"), given)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    for value in given.values():
        assert f'value="{value}"' in page
    sold.refresh_from_db()
    assert (sold.is_open, sold.counts) == (True, 0)


def test_an_owner_counts_for_who_has_gone(sold: Shift) -> None:
    owner = make_user()

    signed_in(owner).post(at(sold, "count/"), {"counted_EUR": "123.45"})

    sold.refresh_from_db()
    assert sold.closed_by == owner


def test_a_changed_book_is_said_on_its_page(sold: Shift, cashier: User) -> None:
    client = signed_in(cashier)
    client.post(at(sold, "count/"), {"counted_EUR": "123.45"})
    Payment.objects.update(amount_minor=1)

    page = client.get(at(sold, "change/")).content.decode()

    assert "not what this report says" in page
    assert "the signature is good" not in page
