"""Rows of a spreadsheet in the create screen, and a link made after another."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from links.admin import pasting
from links.models import PaymentLink
from links.services import sending
from links.services.totals import business_day
from merchant_portal.lib import clock
from merchant_portal.staff.roles import Role

from .admin_forms import ADD
from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db
PASTE = f"{ADD}lines/"


@pytest.fixture
def client(settings: Any) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(make_user(Role.AGENT))
    return client


def cells(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in pasting.COLUMNS)


def test_columns_stand_in_the_order_of_the_form() -> None:
    found = pasting.lines("Cake\t2\t12.50\t10\t7\r\nDelivery\t1\t4.99\t\t19\r\n")

    assert [cells(row) for row in found] == [
        ("Cake", "2", "12.50", "10", "7"),
        ("Delivery", "1", "4.99", "", "19"),
    ]


def test_two_columns_are_what_and_how_much() -> None:
    found = pasting.lines("Cake\t42.50\nDelivery\t4,99")

    assert [cells(row) for row in found] == [
        ("Cake", "", "42.50", "", ""),
        ("Delivery", "", "4.99", "", ""),
    ]


def test_headings_and_blank_rows_are_no_lines() -> None:
    found = pasting.lines("Item\tQty\tPrice\n\n\t\t\nCake\t1\t5\n")

    assert [cells(row) for row in found] == [("Cake", "1", "5", "", "")]


def test_a_quoted_cell_may_go_over_rows() -> None:
    found = pasting.lines('"Cake\nwith ""love"""\t5\nTea\t2')

    assert [row["description"] for row in found] == ['Cake with "love"', "Tea"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1.234,50 €", "1234.50"),
        ("$1,234.50", "1234.50"),
        ("1 234,50", "1234.50"),
        ("1,234,567", "1234567"),
        ("CHF 12.5", "12.5"),
        ("19 %", "19"),
        ("12", "12"),
        # what may be one thing or the other stays, and the form asks
        ("1,234", "1,234"),
        ("1.234", "1.234"),
        ("1.234.567,8.9", "1.234.567,8.9"),
        ("-5.00", "-5.00"),
        ("1,234.567.890", "1,234.567.890"),
        ("=1+1", "=1+1"),
        ("", ""),
    ],
)
def test_reads_figures_that_can_mean_one_thing_alone(cell: str, expected: str) -> None:
    assert pasting.figure(cell) == expected


def test_answers_with_at_most_as_many_as_a_link_takes(client: Client) -> None:
    answer = client.post(PASTE, {"text": "Cake\t1.00\n" * 130})

    assert len(answer.json()["lines"]) == 100
    assert answer.json()["said"] == (
        "100 lines were pasted. A link has at most 100 lines."
    )


def test_only_who_makes_links_may_ask(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(make_user(Role.AUDITOR))

    assert client.post(PASTE, {"text": "Cake\t1"}).status_code == 403


def test_another_like_it_asks_the_same_with_as_many_days(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    owner = make_user(Role.OWNER)
    today = business_day(clock.now())
    ada = make_customer()
    link = make_link(
        ada, actor=owner.actor(), amount_minor=4200, due_on=today + timedelta(days=14)
    )
    sending.send(link, ["sms"], actor=owner.actor())
    past = timedelta(days=100)
    PaymentLink.objects.update(
        due_on=today + timedelta(days=14) - past,
        activated_at=clock.now() - past,
        created_at=clock.now() - past,
    )
    client = Client()
    client.force_login(owner)

    page = client.get(f"/admin/links/paymentlink/{link.pk}/change/").content.decode()
    form = client.get(ADD, {"again": str(link.pk)}).context["form"]

    assert f'href="{ADD}?again={link.pk}"' in page
    assert form.customer == ada
    assert form.channels == ("sms",)
    assert form.lines[0].values["unit_amount"] == "42.00"
    assert form.values["due_on"] == (today + timedelta(days=14)).isoformat()
    assert PaymentLink.objects.count() == 1


@pytest.mark.parametrize("again", ["0", "x", "9" * 40, "-1", "²"])
def test_there_is_no_other_like_what_is_not_there(client: Client, again: str) -> None:
    assert client.get(ADD, {"again": again}).status_code == 404


def test_a_colleagues_link_cannot_be_copied(client: Client) -> None:
    link = make_link(make_customer(), actor=make_user(Role.OWNER).actor())

    assert client.get(ADD, {"again": str(link.pk)}).status_code == 404
