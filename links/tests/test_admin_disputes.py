"""Disputes in the admin: who sees which, until when to answer, and saying that one did."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from links.models import Dispute, Payment
from links.providers.base import DisputeState as Told
from links.services import disputes, payments
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_seen, make_user
from .test_disputes import SEEN

pytestmark = pytest.mark.django_db
LIST = "/admin/links/dispute/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def payment(owner: User) -> Payment:
    booked = payments.record(make_seen(make_link(make_customer(), actor=owner.actor())))
    assert booked is not None
    return booked


@pytest.fixture
def dispute(payment: Payment) -> Dispute:
    return opened()


def opened(days: int = 7, **changes: Any) -> Dispute:
    """One to be answered within so many days from now."""
    moment = clock.now() + timedelta(days=days)
    booked = disputes.record(replace(SEEN, respond_by=moment, **changes))
    assert booked is not None
    return booked


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(user: User, path: str) -> str:
    return signed_in(user).get(path).content.decode()


class TestWhoSees:
    @pytest.mark.parametrize("role", list(Role))
    def test_agents_see_those_of_their_own_links(
        self, role: Role, dispute: Dispute
    ) -> None:
        user = make_user(role)

        assert ("product not received" in page_of(user, LIST)) is (role != Role.AGENT)
        of_one = signed_in(user).get(f"{LIST}{dispute.pk}/change/")
        assert (of_one.status_code == 200) is (role != Role.AGENT)

    def test_an_agent_reads_of_their_own(self) -> None:
        agent = make_user(Role.AGENT)
        payments.record(make_seen(make_link(make_customer(), actor=agent.actor())))
        own = opened()

        page = page_of(agent, f"{LIST}{own.pk}/change/")

        assert "Answer at Training before" in page
        assert "I have answered there" not in page  # who books money says so
        assert "1 dispute to answer" in page_of(agent, "/admin/")

    def test_nobody_adds_changes_or_deletes(
        self, dispute: Dispute, owner: User
    ) -> None:
        client = signed_in(owner)

        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(f"{LIST}{dispute.pk}/delete/").status_code == 403
        client.post(f"{LIST}{dispute.pk}/change/", {"state": "won"})
        dispute.refresh_from_db()
        assert dispute.state == "needs_response"

    def test_stands_in_the_navigation(self, dispute: Dispute, owner: User) -> None:
        assert f'href="{LIST}"' in page_of(owner, "/admin/")


class TestPages:
    def test_the_date_is_the_businesss(self, payment: Payment, owner: User) -> None:
        Business.objects.update_or_create(pk=1, defaults={"time_zone": "Asia/Tokyo"})
        noon = clock.now().replace(hour=12, minute=0) + timedelta(days=3)
        booked = disputes.record(replace(SEEN, respond_by=noon))
        assert booked is not None

        page = page_of(owner, f"{LIST}{booked.pk}/change/")

        assert f"{noon:%-d %b %Y}, 21:00" in page
        assert "the shop cannot answer for you here" in page

    def test_the_payments_page_shows_it(
        self, payment: Payment, dispute: Dispute, owner: User
    ) -> None:
        page = page_of(owner, f"/admin/links/payment/{payment.pk}/change/")

        assert f"{LIST}{dispute.pk}/change/" in page
        assert "product not received" in page
        assert "Answer at Training before" in page

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            (Told.UNDER_REVIEW, "There is nothing to do now"),
            (Told.WON, "the money is yours"),
            (Told.LOST, "the money went back to the customer"),
        ],
    )
    def test_says_what_to_do(
        self, state: Told, said: str, payment: Payment, owner: User
    ) -> None:
        booked = opened(state=state)

        page = page_of(owner, f"{LIST}{booked.pk}/change/")

        assert said in page
        assert "I have answered there" not in page
        assert f"&#x27;{state.value}&#x27;" not in page  # a word, not our code for it

    def test_overdue_is_marked(self, payment: Payment, owner: User) -> None:
        late = opened(days=-1)

        assert "overdue" in page_of(owner, LIST)
        page = page_of(owner, f"{LIST}{late.pk}/change/")
        assert "It was to be answered at Training before" in page

    def test_the_timeline_tells_of_it(self, dispute: Dispute, owner: User) -> None:
        assert dispute.payment is not None
        link = dispute.payment.link_id

        assert "Payment disputed" in page_of(
            owner, f"/admin/links/paymentlink/{link}/change/"
        )

    def test_one_of_no_known_payment_is_shown(self, owner: User) -> None:
        orphan = opened(provider_payment_id="unknown")

        assert "None that is known here" in page_of(owner, LIST)
        assert "Answer at" in page_of(owner, f"{LIST}{orphan.pk}/change/")

    def test_the_list_costs_the_same_at_one_and_at_thirty(
        self, payment: Payment, owner: User, django_assert_max_num_queries: Any
    ) -> None:
        client = signed_in(owner)
        for number in range(30):
            opened(days=number - 10, provider_dispute_id=f"dp_{number}")

        with django_assert_max_num_queries(11):
            client.get(LIST)


class TestAnswering:
    def test_is_said_once_and_leaves_the_front_page(
        self, dispute: Dispute, owner: User
    ) -> None:
        client = signed_in(owner)
        url = f"{LIST}{dispute.pk}/answered/"

        assert client.get(url).status_code == 405
        answer = client.post(url, follow=True).content.decode()

        assert "Marked as answered." in answer
        assert "A person has answered at the provider" in answer
        assert "dispute to answer" not in page_of(owner, "/admin/")
        again = client.post(url, follow=True).content.decode()
        assert "Marked as answered." not in again

    def test_an_auditor_reads_only(self, dispute: Dispute) -> None:
        client = signed_in(make_user(Role.AUDITOR))

        assert client.post(f"{LIST}{dispute.pk}/answered/").status_code == 403
        dispute.refresh_from_db()
        assert dispute.answered_at is None

    @pytest.mark.parametrize("pk", [0, 2**63 - 1, 2**64])
    def test_others_do_not_exist(self, pk: int, dispute: Dispute) -> None:
        agent = signed_in(make_user(Role.AGENT))

        assert agent.post(f"{LIST}{dispute.pk}/answered/").status_code in {403, 404}
        assert (
            signed_in(make_user(Role.OWNER)).post(f"{LIST}{pk}/answered/").status_code
            == 404
        )


class TestFrontPage:
    def tasks(self, user: User) -> list[Any]:
        return list(signed_in(user).get("/admin/").context["tasks"])

    def test_names_how_many_and_the_nearest_date(
        self, payment: Payment, owner: User
    ) -> None:
        opened(days=9, provider_dispute_id="dp_later")
        first = opened(days=2)
        assert first.respond_by is not None

        task = self.tasks(owner)[0]

        assert task.text.startswith("2 disputes to answer, the next before ")
        assert f"{first.respond_by:%-d %b %Y, %H:%M}" in task.text
        assert not task.is_late
        assert signed_in(owner).get(task.url).status_code == 200

    def test_marks_what_is_overdue(self, payment: Payment, owner: User) -> None:
        opened(days=-1, provider_dispute_id="dp_late")
        opened(days=2)

        task = self.tasks(owner)[0]

        assert task.text.startswith("2 disputes to answer, 1 overdue, the next before")
        assert task.is_late
        assert 'class="mp-late">2 disputes' in page_of(owner, "/admin/")

    def test_tells_agents_of_their_own_only(self, dispute: Dispute) -> None:
        agent = make_user(Role.AGENT)
        make_link(make_customer(), actor=agent.actor())

        assert self.tasks(agent) == []

    @pytest.mark.parametrize("state", [Told.UNDER_REVIEW, Told.WON, Told.LOST])
    def test_keeps_quiet_where_there_is_nothing_to_answer(
        self, state: Told, payment: Payment, owner: User
    ) -> None:
        opened(state=state)

        assert not any("dispute" in task.text for task in self.tasks(owner))


def test_an_agent_reads_no_mail_about_the_disputes_of_others(
    owner: User, dispute: Dispute
) -> None:
    url = "/admin/notifications/message/"

    assert "Notice" in page_of(owner, url) or owner.email in page_of(owner, url)
    assert owner.email not in page_of(make_user(Role.AGENT), url)
