"""The form on which customers answer: what it offers, takes, keeps and refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from links.models import PayerReply, PaymentLink
from links.pay import responses
from links.services import links, pages, payments, replies
from links.services.replies import Said
from links.services.terms import Terms
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM

from .factories import make_customer, make_link, make_seen, make_user
from .test_pay_page import everything

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 20


@pytest.fixture(autouse=True)
def _limits() -> None:
    responses.reads.clear()


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer())


def path_of(link: PaymentLink) -> str:
    return f"/p/{pages.token_of(link)}/reply/"


def post(client: Client, link: PaymentLink, **form: Any) -> Any:
    return client.post(path_of(link), {"website": "", **form})


def test_the_page_of_the_link_leads_to_it(client: Client, link: PaymentLink) -> None:
    page = client.get(f"/p/{pages.token_of(link)}/").content.decode()

    assert f'href="{path_of(link)}"' in page


def test_is_kept_and_answered_by_a_page_that_can_be_loaded_again(
    client: Client, link: PaymentLink
) -> None:
    answer = post(client, link, kind="paid", text="By bank", promised_on="")

    assert answer.status_code == 303
    assert answer["Location"] == f"{path_of(link)}?sent"
    reply = PayerReply.objects.get()
    assert (reply.kind, reply.text, reply.link_id) == ("paid", "By bank", link.pk)
    page = client.get(answer["Location"]).content.decode()
    assert "we have got your message" in page
    assert "By bank" in page


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(
    client: Client, link: PaymentLink, method: str
) -> None:
    before = everything()

    answer = getattr(client, method)(path_of(link))

    assert answer.status_code == 200
    assert not answer.cookies
    assert everything() == before


def test_looking_costs_four_queries_at_most(
    client: Client,
    link: PaymentLink,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(4):
        post(client, link, kind="question", text=f"Hm? {number}")

    with django_assert_max_num_queries(4):
        client.get(path_of(link))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Please choose what you want to tell us."),
        ({"kind": "promise", "promised_on": "soon"}, "like 2030-01-31"),
        ({"kind": "promise", "promised_on": "2020-01-01"}, "from today until"),
        ({"kind": "amount", "text": "4242424242424242"}, "card number"),
    ],
)
def test_what_is_missing_is_said_and_nothing_typed_is_lost(
    client: Client, link: PaymentLink, form: dict[str, str], said: str
) -> None:
    typed = {"text": "Some words", **form}

    answer = post(client, link, **typed)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    assert typed["text"] in page
    assert typed.get("promised_on", "") in page
    assert PayerReply.objects.count() == 0


def test_a_question_without_words_is_asked_for_them(
    client: Client, link: PaymentLink
) -> None:
    answer = post(client, link, kind="question", text="")

    assert answer.status_code == 422
    page = answer.content.decode()
    assert "write a few words" in page
    assert 'value="question" required checked' in page


def test_speaks_the_customers_language(client: Client) -> None:
    link = make_link(make_customer(language="de"))

    page = post(client, link, kind="question", text="").content.decode()

    assert "Schreiben Sie uns" in page
    assert "ein paar Worte" in page


def test_a_file_is_known_by_what_is_in_it(client: Client, link: PaymentLink) -> None:
    good = SimpleUploadedFile("proof.exe", PNG)
    bad = SimpleUploadedFile("proof.png", b"<html>")

    assert post(client, link, kind="paid", proof=bad).status_code == 422
    assert post(client, link, kind="paid", proof=good).status_code == 303

    reply = PayerReply.objects.get()
    assert (reply.proof_type, bytes(reply.proof or b"")) == ("png", PNG)


def test_a_file_too_large_is_not_even_read(client: Client, link: PaymentLink) -> None:
    large = SimpleUploadedFile("proof.png", PNG + b"0" * 2_200_000)

    answer = post(client, link, kind="paid", proof=large)

    assert answer.status_code == 413
    assert "too large" in answer.content.decode()
    assert PayerReply.objects.count() == 0


def test_a_program_that_fills_in_everything_is_not_heard(
    client: Client, link: PaymentLink
) -> None:
    before = everything()

    answer = post(client, link, kind="question", text="Buy now", website="http://x")

    assert answer.status_code == 303
    assert everything() == before


def test_more_than_ten_a_day_are_refused_politely(
    client: Client, link: PaymentLink
) -> None:
    for number in range(10):
        post(client, link, kind="question", text=f"{number}?")

    answer = post(client, link, kind="question", text="Still there?")

    assert answer.status_code == 429
    assert "Still there?" in answer.content.decode()
    assert PayerReply.objects.count() == 10


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_address_gets_the_one_404(client: Client, method: str) -> None:
    draft = pages.token_of(make_link(draft=True))
    nobody = client.get("/p/nobody/")

    for token in (draft, "Example" * 3):
        answer = getattr(client, method)(f"/p/{token}/reply/")
        assert (answer.status_code, answer.content) == (404, nobody.content)


def test_other_methods_are_refused(client: Client, link: PaymentLink) -> None:
    answer = client.put(path_of(link))

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, POST")


def test_a_link_for_many_has_no_such_form(client: Client) -> None:
    """Nobody would know who wrote, and the answer would go to somebody else."""
    link = make_link(make_customer(), terms=Terms(is_reusable=True))

    assert client.get(path_of(link)).status_code == 404
    assert post(client, link, kind="question", text="Who?").status_code == 404
    page = client.get(f"/p/{pages.token_of(link)}/").content.decode()
    assert path_of(link) not in page


def test_a_paid_or_canceled_link_takes_questions_only(
    client: Client, link: PaymentLink
) -> None:
    other = make_link(make_customer())
    payments.record(make_seen(link))
    links.cancel(other, actor=SYSTEM)

    for one in (link, other):
        page = client.get(path_of(one)).content.decode()
        assert 'value="question"' in page
        assert 'value="promise"' not in page
        day = (clock.now() + timedelta(days=2)).date().isoformat()
        refused = post(client, one, kind="promise", promised_on=day)
        assert refused.status_code == 422
        assert post(client, one, kind="question", text="Why?").status_code == 303


def test_the_answer_stands_beside_the_question(
    client: Client, link: PaymentLink
) -> None:
    reply = replies.give(link, Said("question", "Do you deliver?"), is_payable=True)
    replies.answer(reply, "Yes & gladly.", by=make_user())

    page = client.get(path_of(link)).content.decode()

    assert "Do you deliver?" in page
    assert "Yes &amp; gladly." in page


def test_no_markup_of_theirs_is_ours(client: Client, link: PaymentLink) -> None:
    post(client, link, kind="question", text="<script>alert(1)</script>")

    page = client.get(path_of(link)).content.decode()

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_no_session_and_no_cookie(client: Client, link: PaymentLink) -> None:
    answer = post(client, link, kind="paid")

    assert not answer.cookies
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM django_session")
        assert cursor.fetchone() == (0,)
