"""What customers wrote, in the back-office: who sees it, answers it, saves its file."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from links.models import PayerReply, PaymentLink
from links.services import replies
from links.services.replies import Said
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/links/payerreply/"
PDF = b"%PDF-1.7 proof"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def link(owner: User) -> PaymentLink:
    return make_link(make_customer(), actor=owner.actor())


@pytest.fixture
def reply(link: PaymentLink) -> PayerReply:
    return wrote(link, "Do you <b>deliver</b>?")


def wrote(link: PaymentLink, text: str, **more: Any) -> PayerReply:
    return replies.give(link, Said("question", text, **more), is_payable=True)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(link: PaymentLink) -> str:
    return reverse("admin:links_paymentlink_change", args=[link.pk])


def address(name: str, reply: PayerReply) -> str:
    return reverse(f"admin:links_paymentlink_{name}", args=[reply.link_id, reply.pk])


def act(user: User, reply: PayerReply, act: str, answer: str = "") -> Any:
    form = {"act": act, "answer": answer}
    return signed_in(user).post(address("answer", reply), form)


@pytest.mark.parametrize("role", list(Role))
def test_who_sees_and_who_answers(role: Role, reply: PayerReply) -> None:
    user = make_user(role)
    sees = role != Role.AGENT  # of a colleague's link
    answers = role in (Role.OWNER, Role.MANAGER)

    assert (
        "Do you &lt;b&gt;deliver" in signed_in(user).get(LIST).content.decode()
    ) is sees
    page = signed_in(user).get(page_of(reply.link))
    assert (page.status_code == 200) is sees
    assert (b"Send the answer" in page.content) is answers
    done = act(user, reply, "answer", "Yes.")
    assert done.status_code == (302 if answers else 404 if not sees else 403)
    reply.refresh_from_db()
    assert reply.is_open is not answers


def test_an_agent_answers_what_is_theirs() -> None:
    agent = make_user(Role.AGENT)
    reply = wrote(make_link(make_customer(), actor=agent.actor()), "Hm?")

    assert "Hm?" in signed_in(agent).get(LIST).content.decode()
    assert act(agent, reply, "close").status_code == 302


def test_the_front_page_says_that_somebody_waits(
    owner: User, reply: PayerReply
) -> None:
    page = signed_in(owner).get("/admin/").content.decode()
    assert "1 message of a customer waits for an answer" in page
    assert f"{LIST}?needs=person" in page

    act(owner, reply, "close")

    page = signed_in(owner).get("/admin/").content.decode()
    assert "waits for an answer" not in page


def test_the_links_page_shows_what_was_written_and_takes_the_answer(
    owner: User, reply: PayerReply
) -> None:
    page = signed_in(owner).get(page_of(reply.link)).content.decode()
    assert "Do you &lt;b&gt;deliver&lt;/b&gt;?" in page
    assert "Customer wrote" in page

    act(owner, reply, "answer", "Yes, on Saturdays.")

    page = signed_in(owner).get(page_of(reply.link)).content.decode()
    assert "Yes, on Saturdays." in page
    assert "Send the answer" not in page
    assert Message.objects.filter(kind="answer").count() == 1


def test_an_empty_answer_is_refused_beside_its_field(
    owner: User, reply: PayerReply
) -> None:
    other = wrote(reply.link, "And another?")

    answer = act(owner, reply, "answer", "  ")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="answer-{reply.pk}-error"' in page
    assert f'id="answer-{other.pk}-error"' not in page


def test_what_a_colleague_answered_meanwhile_is_told_and_the_words_are_kept(
    owner: User, reply: PayerReply
) -> None:
    act(make_user(Role.MANAGER), reply, "answer", "Yes.")

    answer = act(owner, reply, "answer", "No, sorry.")

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "in the meantime" in page
    assert "No, sorry." in page


def test_a_file_is_saved_and_never_shown(owner: User, link: PaymentLink) -> None:
    reply = wrote(link, "See the file", proof=PDF)

    answer = signed_in(owner).get(address("proof", reply))

    assert answer.content == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith(f'attachment; filename="{link}-')
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_file_of_another_link_is_not_there(owner: User, reply: PayerReply) -> None:
    stranger = wrote(make_link(make_customer()), "File", proof=PDF)
    mixed = reverse("admin:links_paymentlink_proof", args=[reply.link_id, stranger.pk])

    assert signed_in(owner).get(mixed).status_code == 404
    assert signed_in(owner).get(address("proof", reply)).status_code == 404


def test_all_that_wait_can_be_seen_to(owner: User, link: PaymentLink) -> None:
    waiting = wrote(link, "The first of many?")
    for number in range(3):
        with clock.frozen(clock.now() + timedelta(days=number + 2)):
            for each in range(9):
                replies.close(wrote(link, f"{number}-{each}?"), by=owner)

    page = signed_in(owner).get(page_of(link)).content.decode()

    assert address("answer", waiting) in page


def test_looking_answers_nothing(owner: User, reply: PayerReply) -> None:
    assert signed_in(owner).get(address("answer", reply)).status_code == 405


def test_a_row_leads_to_the_page_of_its_link(owner: User, reply: PayerReply) -> None:
    answer = signed_in(owner).get(f"{LIST}{reply.pk}/change/")

    assert answer["Location"] == f"{page_of(reply.link)}#replies"


def test_the_list_costs_the_same_for_any_number(
    owner: User,
    link: PaymentLink,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in(owner)
    for number in range(9):
        wrote(link, f"{number}?", proof=PDF)
    client.get(LIST)

    with django_assert_num_queries(7) as few:
        client.get(LIST)

    assert not any('"proof"' in query["sql"] for query in few.captured_queries)
