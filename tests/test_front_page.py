"""The front page: right figures for who may see them, in few queries."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from links.models import EventState, PaymentLink, ProviderAccount, WebhookEvent
from links.providers.base import RefundSnapshot, RefundState
from links.services import links, payments, sending
from links.tests.factories import make_customer, make_link, make_seen, make_user
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageState
from notifications.services import inbound
from notifications.services.inbound import Heard

pytestmark = pytest.mark.django_db
FRONT = "/admin/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def front_of(user: User) -> Any:
    client = Client()
    client.force_login(user)
    return client.get(FRONT).context


def figures(user: User) -> dict[str, tuple[list[str], str]]:
    return {card.title: (card.sums, card.more) for card in front_of(user)["cards"]}


def make_shop(owner: User) -> PaymentLink:
    """One link paid, one waiting, one overdue in euro, one waiting in yen."""
    ada = make_customer()
    actor = owner.actor()
    paid = make_link(ada, amount_minor=1250, actor=actor)
    now = clock.now()
    payments.record(make_seen(paid, occurred_at=now))
    waiting = make_link(ada, amount_minor=700, actor=actor)
    sending.send(waiting, ["email"], actor=actor)
    late = now.date() - timedelta(days=3)
    make_link(ada, amount_minor=300, actor=actor, due_on=late)
    make_link(ada, amount_minor=5000, currency="JPY", actor=actor)
    return paid


@pytest.mark.parametrize("role", [Role.OWNER, Role.AGENT])
def test_what_was_given_back_is_taken_off_what_was_paid(role: Role) -> None:
    user = make_user(role)
    paid = make_shop(user)
    now = clock.now()
    back = RefundSnapshot("tre_1", RefundState.SUCCEEDED, Money(250, "EUR"), now)

    payments.record(replace(make_seen(paid, occurred_at=now), refunds=(back,)))

    said = figures(user)["Paid this month"]
    assert said == (["€10.00"], "1 payment, 1 refund taken off")


def test_a_refund_that_failed_takes_nothing_off(owner: User) -> None:
    paid = make_shop(owner)
    now = clock.now()
    back = RefundSnapshot("tre_1", RefundState.FAILED, Money(250, "EUR"), now)

    payments.record(replace(make_seen(paid, occurred_at=now), refunds=(back,)))

    assert figures(owner)["Paid this month"] == (["€12.50"], "1 payment")


def test_sums_by_currency_and_never_across(owner: User) -> None:
    make_shop(owner)

    shown = figures(owner)

    assert shown["Paid this month"] == (["€12.50"], "1 payment")
    assert shown["Sent this month"] == (["€7.00"], "1 link")
    assert sorted(shown["Waiting"][0]) == ["¥5,000", "€10.00"]
    assert shown["Waiting"][1] == "3 open links"
    assert shown["Overdue"] == (["€3.00"], "1 link past its due date")


def test_an_agent_sees_own_figures_only(owner: User) -> None:
    make_shop(owner)
    agent = make_user(Role.AGENT)
    own = make_link(
        make_customer("Grace", "g@navy.example", ""),
        amount_minor=4200,
        actor=agent.actor(),
    )
    sending.send(own, ["email"], actor=agent.actor())
    payments.record(
        make_seen(own, payment_id="tpy_own", amount_minor=4200, occurred_at=clock.now())
    )

    shown = figures(agent)

    assert shown["Paid this month"] == (["€42.00"], "1 payment")
    assert shown["Sent this month"] == (["€42.00"], "1 link")
    assert shown["Waiting"][1] == "0 open links"
    assert {item["link"] for item in front_of(agent)["recent"]} == {own}


def test_a_stranger_to_all_links_gets_the_first_steps(owner: User) -> None:
    make_shop(owner)

    context = front_of(make_user(Role.AGENT))

    assert len(context["steps"]) == 3
    assert "cards" not in context


def test_what_needs_a_person_is_named_and_linked(owner: User) -> None:
    paid = make_shop(owner)
    links.cancel(make_link(make_customer()), actor=owner.actor())
    payments.record(make_seen(paid, payment_id="tpy_2", occurred_at=clock.now()))
    payments.record(make_seen(None, payment_id="tpy_3", occurred_at=clock.now()))
    Message.objects.update(state=MessageState.FAILED)
    account = ProviderAccount.objects.get(slug="training")
    WebhookEvent.objects.create(
        account=account,
        event_id="evt_1",
        body="{}",
        state=EventState.DEAD,
        received_at=clock.now(),
    )

    tasks = {task.text: task.url for task in front_of(owner)["tasks"]}

    failed = Message.objects.count()
    assert (
        tasks[f"{failed} messages failed"]
        == "/admin/notifications/message/?state__exact=failed"
    )
    assert tasks["1 payment with a surplus"] == "/admin/links/payment/?needs=person"
    assert "1 payment without a link" in tasks
    assert "1 webhook was given up" in tasks
    client = Client()
    client.force_login(owner)
    for url in tasks.values():
        assert client.get(url).status_code == 200, url


def test_texts_of_customers_wait_for_who_sees_all_links(owner: User) -> None:
    agent = make_user(Role.AGENT)
    for person in (owner, agent):
        make_link(make_customer(), actor=person.actor())
    inbound.hear(Heard("SM1", "sms", "+14155550199", "Which bus goes to you?"))
    inbound.hear(Heard("SM2", "sms", "+14155550199", "STOP"))

    told = [task.text for task in front_of(owner)["tasks"]]

    assert "1 text of a customer waits for somebody" in told
    assert not [task for task in front_of(agent)["tasks"] if "text" in task.text]


def test_agents_are_not_told_of_money_that_is_not_theirs(owner: User) -> None:
    make_shop(owner)
    payments.record(make_seen(None, payment_id="tpy_3", occurred_at=clock.now()))
    agent = make_user(Role.AGENT)
    make_link(make_customer(), actor=agent.actor())

    assert front_of(agent)["tasks"] == []


@pytest.mark.parametrize("role", list(Role))
def test_needs_few_queries(owner: User, role: Role) -> None:
    user = make_user(role)
    for _round in range(5):
        make_link(make_customer(), actor=user.actor())
    client = Client()
    client.force_login(user)
    client.get(FRONT)

    with CaptureQueriesContext(connection) as seen:
        assert client.get(FRONT).status_code == 200

    # of which three read kept rows, once a second outside of tests
    assert len(seen) <= 31


def test_chart_and_table_say_the_same(owner: User) -> None:
    make_shop(owner)

    days = front_of(owner)["days"]

    assert days["currency"] == "EUR"
    assert '"12.50"' in days["chart"]
    assert days["rows"][0]["paid"] == "€12.50"


def test_looks_for_news_and_gets_nothing_while_there_is_none(owner: User) -> None:
    make_shop(owner)
    client = Client()
    client.force_login(owner)
    seen = client.get(FRONT).context["seen"]

    calm = client.get(f"{FRONT}front/live/", {"seen": seen})
    payments.record(make_seen(None, payment_id="tpy_orphan", occurred_at=clock.now()))
    news = client.get(f"{FRONT}front/live/", {"seen": seen}).content.decode()

    assert calm.status_code == 204
    assert 'id="front-cards"' in news
    assert "1 payment without a link" in news
    assert f"seen={seen}" not in news


def test_a_look_that_finds_nothing_is_cheap(owner: User) -> None:
    make_shop(owner)
    client = Client()
    client.force_login(owner)
    seen = client.get(FRONT).context["seen"]

    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"{FRONT}front/live/", {"seen": seen}).status_code == 204

    assert len(asked) <= 6


def test_an_agent_hears_no_news_of_others(owner: User) -> None:
    agent = make_user(Role.AGENT)
    make_link(make_customer(), actor=agent.actor())
    client = Client()
    client.force_login(agent)
    seen = client.get(FRONT).context["seen"]

    make_shop(owner)

    assert client.get(f"{FRONT}front/live/", {"seen": seen}).status_code == 204
    client.logout()
    assert client.get(f"{FRONT}front/live/").status_code == 302
