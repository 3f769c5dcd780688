"""What an agent sees and may do: own customers, and links that nobody was asked by."""

import json

import pytest
from django.test import Client
from pytest_django import Settings

from customers import visibility
from links.models import LinkStatus, PaymentLink
from links.services import sending
from links.tests.factories import make_customer, make_link
from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from tests.catalogue.doors import ADD_LINK, CUSTOMER_FORM, LINK_FORM

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def agent() -> User:
    return make_user(Role.AGENT, email="ann@shop.example")


@pytest.fixture
def client(client: Client, agent: User) -> Client:
    client.force_login(agent)
    return client


def names(user: User) -> set[str]:
    return {customer.name for customer in visibility.visible_to(user)}


def test_own_customers_are_added_ones_and_those_asked_to_pay(
    client: Client, agent: User
) -> None:
    make_customer("Strange Person")
    make_link(make_customer("Asked Person"), actor=agent.actor())
    client.post(
        "/admin/customers/customer/add/", {**CUSTOMER_FORM, "name": "Added Person"}
    )

    assert names(agent) == {"Asked Person", "Added Person"}
    assert names(make_user(Role.MANAGER)) == {
        *("Strange Person", "Asked Person", "Added Person"),
    }


def test_a_strangers_customer_is_not_offered_and_not_taken_by_id(
    client: Client, agent: User
) -> None:
    stranger = make_customer("Strange Person")
    make_link(make_customer("Asked Person"), actor=agent.actor())

    found = client.get(f"{ADD_LINK}customers/", {"q": "person"})
    form = {
        **LINK_FORM,
        "creation_key": "frm_0123456789abcdefghij",
        "who": "existing",
        "customer": stranger.public_id,
        "customer_query": "Strange Person",
    }
    page = client.post(ADD_LINK, form)

    offered = json.loads(found.content)["customers"]
    assert [each["name"] for each in offered] == ["Asked Person"]
    assert "Nobody is found by that" in page.content.decode()
    assert not PaymentLink.objects.filter(customer=stranger).exists()
    assert (
        b"Strange" not in client.get(ADD_LINK, {"customer": stranger.public_id}).content
    )


LIMITED = {
    "within": {"line_unit_amount": "100.00"},
    "above": {"line_unit_amount": "100.01"},
    "another currency": {"line_unit_amount": "1", "currency": "USD"},
    "chosen without end": {"amount_kind": "chosen", "line_unit_amount": ""},
    "chosen up to it": {
        "amount_kind": "chosen",
        "line_unit_amount": "",
        "maximum": "100",
    },
    "many pieces": {
        "amount_kind": "quantity",
        "line_unit_amount": "60",
        "line_least": "1",
        "line_most": "2",
    },
}


@pytest.mark.parametrize("what", list(LIMITED))
@pytest.mark.parametrize("role", [Role.AGENT, Role.MANAGER])
def test_an_agent_asks_for_no_more_than_the_business_allows(
    role: Role, what: str
) -> None:
    Business.objects.current()
    Business.objects.update(currency="EUR", agent_limit_minor=100_00)
    client = Client()
    client.force_login(make_user(role))
    form = {
        **LINK_FORM,
        "creation_key": "frm_0123456789abcdefghij",
        **LIMITED[what],
    }

    page = client.post(ADD_LINK, form)

    is_made = role == Role.MANAGER or what in ("within", "chosen up to it")
    assert PaymentLink.objects.exists() is is_made, page.content.decode()
    if not is_made:
        said = page.content.decode()
        assert "You can ask for up to" in said
        assert LIMITED[what]["line_unit_amount"] in said


@pytest.mark.parametrize(
    ("role", "is_sent", "status"),
    [
        (Role.AGENT, False, LinkStatus.CANCELED),
        (Role.AGENT, True, LinkStatus.ACTIVE),
        (Role.MANAGER, True, LinkStatus.CANCELED),
    ],
)
def test_what_a_customer_has_got_is_canceled_by_a_manager(
    role: Role, is_sent: bool, status: str
) -> None:
    user = make_user(role)
    link = make_link(make_customer(), actor=user.actor())
    if is_sent:
        sending.send(link, ["email"], actor=user.actor())
        link.refresh_from_db()
    client = Client()
    client.force_login(user)
    page = f"/admin/links/paymentlink/{link.pk}/"
    offers = f'action="{page}cancel/"' in client.get(f"{page}change/").content.decode()

    client.post(f"{page}cancel/", {"reason": "typo", "version": link.version})
    correct = client.get(f"{page}correct/")

    link.refresh_from_db()
    assert link.status == status
    assert offers is (status == LinkStatus.CANCELED)
    assert (correct.status_code == 403) is (status == LinkStatus.ACTIVE)
