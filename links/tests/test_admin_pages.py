"""The list and the page of links: who sees what, and that looking changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from links.models import LinkStatus, PaymentLink
from links.services import links, manual, payments, sending
from links.services.amounts import LineData
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageState

from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db


def page_of(link: PaymentLink, name: str = "change") -> str:
    return reverse(f"admin:links_paymentlink_{name}", args=[link.pk])


LIST = "/admin/links/paymentlink/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def agent() -> User:
    return make_user(Role.AGENT)


@pytest.fixture
def stranger() -> User:
    return make_user(Role.AGENT)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def books() -> tuple[Any, ...]:
    """Everything a look must leave as it is."""
    return tuple(PaymentLink.objects.order_by("pk").values_list())


def test_list_shows_what_each_may_see(owner: User, agent: User, stranger: User) -> None:
    own = make_link(make_customer("Agent's Customer"), actor=agent.actor())
    others = make_link(make_customer("Owner's Customer"), actor=owner.actor())

    to_owner = signed_in(owner).get(LIST).content.decode()
    to_agent = signed_in(agent).get(LIST).content.decode()
    to_stranger = signed_in(stranger).get(LIST).content.decode()

    assert str(own) in to_owner
    assert str(others) in to_owner
    assert str(own) in to_agent
    assert str(others) not in to_agent
    assert "No payment links yet" in to_stranger


def test_page_of_a_colleagues_link_is_not_there(owner: User, stranger: User) -> None:
    link = make_link(make_customer(), actor=owner.actor())
    client = signed_in(stranger)

    for name in ("change", "live", "preview_of", "mail", "correct"):
        assert client.get(page_of(link, name)).status_code == 404, name
    for name in ("activate", "send", "edit", "cancel", "extend"):
        assert client.post(page_of(link, name)).status_code == 404, name
    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE


@pytest.mark.parametrize("role", [Role.FINANCE, Role.AUDITOR])
def test_who_only_reads_changes_nothing(role: Role) -> None:
    link = make_link(make_customer())
    client = signed_in(make_user(role))
    before = books()

    assert client.get(page_of(link)).status_code == 200
    for name in ("activate", "send", "edit", "cancel", "extend"):
        assert client.post(page_of(link, name)).status_code == 403, name
    assert client.get(f"{LIST}add/").status_code == 403
    assert books() == before


def test_auditor_cannot_record_money() -> None:
    link = make_link(make_customer())

    answer = signed_in(make_user(Role.AUDITOR)).post(page_of(link, "record"))

    assert answer.status_code == 403
    assert not link.payments.exists()


def test_looking_changes_nothing(owner: User) -> None:
    link = make_link(make_customer(), draft=True)
    client = signed_in(owner)
    before = books()

    for name in ("change", "live", "preview_of", "mail", "correct"):
        assert client.get(page_of(link, name)).status_code == 200, name
    for name in ("activate", "send", "edit", "cancel", "extend", "record"):
        assert client.get(page_of(link, name)).status_code == 405, name
    assert client.post(page_of(link)).status_code == 405
    assert books() == before


def test_posts_need_the_forms_token(owner: User) -> None:
    link = make_link(make_customer())
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    assert client.post(page_of(link, "cancel")).status_code == 403
    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE


def test_list_of_a_hundred_links_needs_few_queries_and_counts_nothing(
    owner: User,
) -> None:
    customer = make_customer()
    for number in range(100):
        make_link(customer, amount_minor=100 + number)
    client = signed_in(owner)
    client.get(LIST)

    with CaptureQueriesContext(
        connection,
    ) as seen:
        answer = client.get(f"{LIST}?status__exact=active&due=none&currency=EUR")

    assert answer.content.decode().count('class="data-row') == 100
    # of which two say whether there is news
    assert len(seen) <= 13
    said = " ".join(query["sql"] for query in seen)
    assert "COUNT(" not in said
    assert "DISTINCT" not in said


@pytest.mark.parametrize(
    "term", ["ada@example.com", "Lovelace", "12.50", "12,50", "PL-20", "ada@exam"]
)
def test_search_finds_by_customer_number_and_amount(owner: User, term: str) -> None:
    wanted = make_link(make_customer(), amount_minor=1250)
    other = make_link(
        make_customer("Grace Hopper", "grace@navy.example", ""),
        amount_minor=99,
        draft=True,
    )

    page = signed_in(owner).get(LIST, {"q": term}).content.decode()

    assert page_of(wanted) in page
    assert page_of(other) not in page


@pytest.mark.parametrize("term", ["'; DROP TABLE links;--", "%27", "%", "_"])
def test_search_takes_hostile_terms_as_text(owner: User, term: str) -> None:
    make_link(make_customer())

    assert signed_in(owner).get(LIST, {"q": term}).status_code == 200
    assert PaymentLink.objects.count() == 1


@pytest.mark.parametrize(
    "query",
    ["_connector=OR", "customer__email=x", "o=1%27", "status__exact=%27", "p=-1"],
)
def test_list_survives_made_up_filters(owner: User, query: str) -> None:
    make_link(make_customer())

    assert signed_in(owner).get(f"{LIST}?{query}").status_code in (200, 302)


@pytest.mark.parametrize("path", [LIST, "/admin/customers/customer/"])
@pytest.mark.parametrize("query", ["status__exact=%00", "q=a%00b"])
def test_list_refuses_nul(owner: User, path: str, query: str) -> None:
    assert signed_in(owner).get(f"{path}?{query}").status_code == 400


def test_filters_by_due_date(owner: User) -> None:
    today = clock.now().date()
    late = make_link(make_customer(), due_on=today - timedelta(days=3))
    soon = make_link(make_customer(), due_on=today + timedelta(days=3))
    client = signed_in(owner)

    overdue = client.get(f"{LIST}?due=overdue").content.decode()
    week = client.get(f"{LIST}?due=week").content.decode()
    between = client.get(
        f"{LIST}?due_on_from={today}&due_on_to={today + timedelta(days=9)}"
    ).content.decode()

    assert page_of(late) in overdue
    assert page_of(soon) not in overdue
    assert page_of(soon) in week
    assert page_of(late) not in week
    assert page_of(soon) in between
    assert page_of(late) not in between


def test_page_escapes_what_people_wrote(owner: User) -> None:
    link = make_link(
        make_customer('"><img src=x onerror=alert(1)>'),
        lines=(LineData("<script>alert(1)</script> {{ 7*7 }}", 100),),
    )

    page = signed_in(owner).get(page_of(link)).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "{{ 7*7 }}" in page


def test_live_part_answers_only_when_something_is_new(owner: User) -> None:
    link = make_link(make_customer())
    client = signed_in(owner)
    digest = client.get(page_of(link)).context["digest"]

    calm = client.get(page_of(link, "live"), {"seen": digest})
    payments.record(make_seen(link))
    news = client.get(page_of(link, "live"), {"seen": digest})

    assert calm.status_code == 204
    assert news.status_code == 200
    assert "Paid in full" in news.content.decode()
    assert 'id="link-state"' in news.content.decode()


def test_timeline_names_people_in_one_query(owner: User) -> None:
    owner.name = "Olga Owner"
    owner.save()
    link = make_link(make_customer(), actor=owner.actor())
    links.cancel(link, actor=owner.actor(), reason="Out of stock")

    page = signed_in(owner).get(page_of(link)).content.decode()

    assert "Olga Owner" in page
    assert "Out of stock" in page
    assert "usr_" not in page


def test_page_needs_a_bounded_number_of_queries(owner: User) -> None:
    link = make_link(make_customer(), amount_minor=5000)
    for number in range(8):
        manual.record_payment(
            link, amount_minor=100 + number, method="cash", actor=owner.actor()
        )
    client = signed_in(owner)
    client.get(page_of(link))

    with CaptureQueriesContext(connection) as seen:
        client.get(page_of(link))

    # of which a dozen read kept rows, once a second outside of tests
    assert len(seen) <= 44


def test_a_message_that_went_is_told_once(owner: User) -> None:
    link = make_link(make_customer(), actor=owner.actor())
    sending.send(link, ["email", "sms"], actor=owner.actor())
    Message.objects.filter(channel="email").update(state=MessageState.DELIVERED)

    page = signed_in(owner).get(page_of(link)).content.decode()

    assert "Payment link by e-mail delivered" in page
    assert "Payment link by e-mail queued" not in page
    assert "Payment link by SMS queued" in page


def test_the_list_answers_a_look_only_when_something_is_new(owner: User) -> None:
    link = make_link(make_customer())
    client = signed_in(owner)
    seen = client.get(LIST).context["seen"]
    look = {"HX-Request": "true", "X-Seen": seen}

    calm = client.get(LIST, headers=look)
    payments.record(make_seen(link))
    news = client.get(LIST, headers=look)

    assert calm.status_code == 204
    assert (news.status_code, seen in news.content.decode()) == (200, False)
    assert client.get(LIST, headers={"X-Seen": seen}).status_code == 200
