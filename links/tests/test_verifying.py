"""The page for whoever doubts a message: what it tells, and what it never does."""

import re
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from links.models import PaymentLink
from links.pay import responses
from links.services import links, message_values, pages, papers, payments, verifying
from links.services.terms import Terms
from merchant_portal.business.models import Business
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import Tries

from .factories import make_customer, make_link, make_seen
from .pdf_reader import words

pytestmark = pytest.mark.django_db
VERIFY = "/verify/"


@pytest.fixture(autouse=True)
def _limits() -> None:
    responses.reads.clear()


@pytest.fixture
def shop() -> Business:
    shop = Business.objects.current()
    shop.name, shop.email = "Tarts & Co", "hello@tarts.example"
    shop.phone = "+14155550111"
    shop.save()
    return shop


def said(client: Client, code: str, **more: Any) -> tuple[int, str]:
    answer = client.post(VERIFY, {"code": code}, **more)
    words = re.sub(r"<[^>]+>|\s+", " ", answer.content.decode())
    return answer.status_code, re.sub(r" +", " ", words)


def test_a_code_is_ten_signs_that_nobody_misreads() -> None:
    codes = {verifying.code_of(make_link()) for _n in range(20)}

    assert len(codes) == 20
    for code in codes:
        assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code)
    assert verifying.code_of(PaymentLink()) == verifying.SAMPLE
    assert verifying.BITS >= 40


def test_says_whose_it_is_what_it_is_about_and_no_more(
    client: Client, shop: Business
) -> None:
    link = make_link(make_customer())

    status, text = said(client, verifying.code_of(link))

    assert status == 200
    assert "Yes, this is from us." in text
    for told in ("Tarts &amp; Co", "hello@tarts.example", "+14155550111", "€12.50"):
        assert told in text
    assert f"ends in {str(link.number)[-4:]}" in text
    assert "Waiting for payment" in text
    page = client.post(VERIFY, {"code": verifying.code_of(link)}).content.decode()
    hidden = ("Ada", "ada@example.com", "Birthday", str(link.number), link.public_id)
    for secret in (*hidden, pages.token_of(link), "/p/"):
        assert secret not in page


@pytest.mark.parametrize("change", [str.lower, " {} ".format, lambda c: c[:5] + c[6:]])
def test_a_code_is_read_however_it_is_typed(client: Client, change: Any) -> None:
    link = make_link()
    assert said(client, change(verifying.code_of(link)))[0] == 200


def test_look_alikes_and_wide_letters_count_as_what_they_look_like() -> None:
    link = make_link()
    hard = "0123456789" + "0" * 54
    PaymentLink.objects.filter(pk=link.pk).update(token_sha256=hard)
    link.refresh_from_db()
    code = verifying.code_of(link)
    wide = "".join(chr(ord(c) + 0xFEE0) if c != "-" else c for c in code)

    assert {"0", "1"} & set(code)
    for typed in (code.replace("0", "o").replace("1", "l"), wide):
        found = verifying.find(typed)
        assert found is not None
        assert found.link == link


def test_the_address_of_the_page_works_as_well_and_only_our_own(client: Client) -> None:
    link = make_link()
    ours = pages.url_of(link)
    forged = ours.replace(configured.PUBLIC_URL, "https://pay.example.evil")

    assert said(client, ours)[0] == 200
    assert said(client, f"{ours}.")[0] == 200
    assert said(client, forged)[0] == 404
    assert said(client, ours.rpartition("/p/")[0] + "/p/x/")[0] == 404


def test_every_wrong_code_gets_the_same_answer_for_the_same_work(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    link, draft = make_link(), make_link(draft=True)
    right = verifying.code_of(link)
    mistyped = right[:-1] + ("Z" if right[-1] != "Z" else "Y")
    wrong = (mistyped, verifying.code_of(draft), "", "x" * 900, "💥", "U" * 10)
    answers = set()

    for code in wrong:
        answer = client.post(VERIFY, {"code": code})
        shown = re.sub(r'name="code"[^>]*', "", answer.content.decode())
        del answer["Content-Length"]  # what was typed stands there again
        answers.add((answer.status_code, shown, str(sorted(answer.headers.items()))))
        with django_assert_num_queries(1):
            assert verifying.find(code) is None

    assert [status for status, *_ in answers] == [404]
    for name in ("next", "customer", "amount"):
        assert f'name="{name}"' not in next(iter(answers))[1]


def test_what_was_typed_stands_there_again(client: Client) -> None:
    answer = client.post(VERIFY, {"code": '"><b>7KQF2'})

    assert answer.status_code == 404
    assert 'value="&quot;&gt;&lt;b&gt;7KQF2"' in answer.content.decode()


def test_says_how_it_stands(client: Client, shop: Business) -> None:
    part, paid, gone = make_link(), make_link(), make_link()
    free = make_link(amount_minor=0, terms=Terms(kind="chosen", is_reusable=True))
    payments.record(make_seen(part, payment_id="a", amount_minor=100))
    payments.record(make_seen(paid, payment_id="b"))
    links.cancel(gone, actor=SYSTEM, reason="A mistake of ours")

    assert "Paid in part" in said(client, verifying.code_of(part))[1]
    assert "Paid. Thank you!" in said(client, verifying.code_of(paid))[1]
    withdrawn = said(client, verifying.code_of(gone))[1]
    assert "withdrawn" in withdrawn
    assert "A mistake of ours" not in withdrawn
    assert "an amount of your choice" in said(client, verifying.code_of(free))[1]


def test_one_network_tries_only_so_many_and_all_count(client: Client) -> None:
    link = make_link()
    most = verifying.LIMIT.most

    statuses = [said(client, verifying.code_of(link))[0] for _n in range(most // 2)]
    statuses += [said(client, "wrong")[0] for _n in range(most - most // 2)]
    refused = client.post(VERIFY, {"code": verifying.code_of(link)})

    assert set(statuses) == {200, 404}
    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    assert "Yes, this is from us" not in refused.content.decode()
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert said(client, verifying.code_of(link), **elsewhere)[0] == 200


def test_looking_changes_nothing_and_asking_keeps_only_how_often(
    client: Client,
) -> None:
    link = make_link()
    code = verifying.code_of(link)

    for method in (client.get, client.head, client.put):
        method(VERIFY, {"code": code})
    assert not Tries.objects.exists()
    client.post(VERIFY, {"code": code})

    kept = Tries.objects.get()
    assert kept.kind == "verify"
    assert "127.0.0.1" not in kept.who
    assert not link.activities.exclude(kind__in=("link.created", "link.activated"))
    assert client.cookies == {}


def test_tells_how_a_forged_message_is_known(client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://pay.tarts.example"

    page = client.get(VERIFY)
    text = page.content.decode()

    assert "Our payment pages are only at pay.tarts.example." in text
    assert "We never ask for a card number" in text
    assert "<script" not in text
    assert page["Referrer-Policy"] == "no-referrer"
    assert (
        "form-action 'self' https://pay.tarts.example"
        in (page["Content-Security-Policy"])
    )


def test_the_code_is_in_every_mail_on_the_paper_and_a_replaced_address_ends_it(
    client: Client, shop: Business
) -> None:
    link = make_link(make_customer())
    code = verifying.code_of(link)
    values = message_values.values_of(link, "", "en")

    paper = papers.invoice(link, list(link.lines.all()), shop, "en", is_payable=True)

    assert (values["short_code"], values["verify_url"]) == (code, verifying.page_url())
    assert code in words(paper)
    assert (
        'href="/verify/"' in client.get(f"/p/{pages.token_of(link)}/").content.decode()
    )
    PaymentLink.objects.filter(pk=link.pk).update(token_sha256="f" * 64, generation=2)
    assert said(client, code)[0] == 404
