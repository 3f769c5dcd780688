"""What a browser asks for that is no screen: the bare address, the icon, what is not there."""

import pytest
from django.test import Client
from pytest_django import Settings

from links.tests.factories import make_customer, make_link, make_user
from merchant_portal.staff.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def test_the_bare_address_leads_to_the_admin(client: Client) -> None:
    answer = client.get("/")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/admin/"


def test_the_icon_that_browsers_ask_for_is_ours(client: Client) -> None:
    answer = client.get("/favicon.ico")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/static/portal/favicon")
    assert answer.headers["Location"].endswith(".svg")


def test_a_colleagues_link_is_a_page_that_says_so(client: Client) -> None:
    link = make_link(make_customer(), actor=make_user(Role.OWNER).actor())
    client.force_login(make_user(Role.AGENT))

    answer = client.get(f"/admin/links/paymentlink/{link.pk}/change/")

    body = answer.content.decode()
    assert answer.status_code == 404
    assert "<h1>This page is not there</h1>" in body
    assert 'href="/admin/"' in body
    assert str(link) not in body


def test_what_a_role_forbids_is_a_page_that_says_so(client: Client) -> None:
    client.force_login(make_user(Role.AUDITOR))

    answer = client.get("/admin/links/paymentlink/add/")

    body = answer.content.decode()
    assert answer.status_code == 403
    assert "<h1>Your role does not open this page</h1>" in body
    assert 'href="/admin/"' in body


def test_a_stranger_gets_the_same_page_of_an_address_that_is_not_there(
    client: Client,
) -> None:
    answer = client.get("/no/such/place/")

    assert answer.status_code == 404
    assert "This page is not there" in answer.content.decode()
    assert "/no/such/place" not in answer.content.decode()
