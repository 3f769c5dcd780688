"""R1-R11: addresses of links, and ways back."""

import random
from collections.abc import Callable
from datetime import timedelta
from string import ascii_letters, digits
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from links.models import Activity, Checkout, LinkStatus, PaymentLink, TrainingPayment
from links.pay import responses
from links.services import links, pages, payments
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.limits import RateLimit
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import PASSWORD, make_user

from .doors import path_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db
UNKNOWN = "0123456789ABCDEFGHIJKL"


def draft() -> str:
    return pages.token_of(make_link(draft=True))


def seen_as(token: str, tail: str = "") -> tuple[int, bytes, dict[str, str], int]:
    """Status, body, headers and number of queries of a look."""
    with CaptureQueriesContext(connection) as queries:
        answer = Client().get(f"/p/{token}/{tail}")
    return answer.status_code, answer.content, dict(answer.headers), len(queries)


MALFORMED = {
    "R1-21-characters": UNKNOWN[:21],
    "R1-23-characters": UNKNOWN + "M",
    "R1-one": "x",
    "R1-endless": "x" * 4000,
    "R2-nul": UNKNOWN[:21] + "%00",
    "R2-line-feed": UNKNOWN + "%0a",
    "R2-broken-utf-8": UNKNOWN[:21] + "%ff",
    "R2-half-a-pair": UNKNOWN[:21] + "%ed%a0%80",
    "R2-full-width-digit": UNKNOWN[:21] + "%ef%bc%91",
    "R2-slash": UNKNOWN[:10] + "%2f" + UNKNOWN[11:],
    "R2-percent": UNKNOWN[:21] + "%25",
    "R3-two-marks": UNKNOWN + "..",
    "R3-mark-before": "." + UNKNOWN,
}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED)
def test_malformed_is_answered_like_unknown(token: str) -> None:
    seen_as(UNKNOWN)  # what the first look of a process costs more

    assert seen_as(token) == seen_as(UNKNOWN)


@pytest.mark.parametrize("tail", ["", "pay/training/", "return/chk_1/"])
def test_draft_is_answered_like_unknown(tail: str) -> None:
    """R1: nobody learns that there is a draft."""
    token = draft()
    expected = seen_as(UNKNOWN, tail)

    assert expected[0] == 404
    assert seen_as(token, tail) == expected
    assert seen_as(UNKNOWN[:21], tail) == expected


def test_posts_are_answered_alike_too() -> None:
    def answer(token: str, provider: str = "training") -> tuple[int, bytes]:
        found = Client().post(f"/p/{token}/pay/{provider}/")
        return found.status_code, found.content

    known = pages.token_of(make_link())

    assert answer(UNKNOWN)[0] == 404
    assert answer(draft()) == answer(UNKNOWN[:21]) == answer(UNKNOWN)
    assert answer(known, "nobody") == answer(UNKNOWN)
    assert not Checkout.objects.exists()


def test_other_case_is_another_token() -> None:
    token = pages.token_of(make_link())

    assert seen_as(token)[0] == 200
    assert seen_as(token.swapcase())[0] == 404


@pytest.mark.parametrize("mark", [".", ">", ",", ")", ";", "%3e", "%22", "'"])
@pytest.mark.parametrize("after_slash", [True, False])
def test_one_mark_of_a_mail_program_is_trimmed(mark: str, after_slash: bool) -> None:
    """R3"""
    token = pages.token_of(make_link())
    path = f"/p/{token}/{mark}" if after_slash else f"/p/{token}{mark}"

    first = Client().get(path)
    answer = Client().get(path, follow=True)
    twice = Client().get(path + mark, follow=True)

    assert first.status_code in (200, 301)
    assert answer.status_code == 200
    assert "12.50" in answer.content.decode()
    assert twice.status_code == 404


def test_a_thousand_guesses_in_a_minute(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """R4: one and the same 404 as often as the limit says, then 429, and one alarm."""
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 60
    # no minute ends in the middle
    monkeypatch.setattr(responses, "reads", RateLimit(0, seconds=1e12))
    monkeypatch.setattr(responses, "alarms", RateLimit(1, seconds=1e12))
    link = make_link()
    guess = random.Random(20261125)  # noqa: S311 - a repeatable test, no secret

    answers = [
        Client().get(f"/p/{''.join(guess.choices(ascii_letters + digits, k=22))}/")
        for _ in range(1000)
    ]

    assert [answer.status_code for answer in answers] == [404] * 60 + [429] * 940
    assert len({answer.content for answer in answers}) == 2
    assert answers[-1]["Retry-After"] == "60"
    assert Client().get(path_of(link)).status_code == 429
    alarms = [line for line in lines if "pay_page_limit_reached" in line]
    assert len(alarms) == 2, "once, by each of two formatters"
    assert Client().get(path_of(link), REMOTE_ADDR="192.0.2.7").status_code == 200


AWAY = {
    "R5-two-slashes": "//evil.example",
    "R6-backslash": "/\\evil.example",
    "R7-scheme-without-slashes": "https:evil.example",
    "R8-scheme": "https://evil.example/",
    "R8-name-before-the-host": "https://testserver@evil.example/",
    "R8-tab-before": "\t//evil.example",
    "R8-tab-inside": "/\t/evil.example",
    "R8-three-slashes": "///evil.example",
    "R8-backslashes": "\\\\evil.example",
    "R8-script": "javascript:alert(1)",
    "R8-line-feed": "/\r\nLocation: https://evil.example",
    "R8-nul": "/\x00/evil.example",
}


@pytest.mark.parametrize("target", AWAY.values(), ids=AWAY)
def test_sign_in_leads_nowhere_else(target: str) -> None:
    owner: User = make_user(Role.OWNER, password=PASSWORD)
    client = Client()
    page = client.get("/accounts/login/", {"next": target})

    answer = client.post(
        "/accounts/login/",
        {"login": owner.email, "password": PASSWORD, "next": target},
    )

    assert page.status_code == 200
    assert answer.status_code in (302, 400)
    leads_to = urljoin("http://testserver/", answer.headers.get("Location", ""))
    assert leads_to.startswith("http://testserver/")
    assert leads_to.isprintable()


@pytest.mark.parametrize("query", ["status=paid", "redirect_status=succeeded", "outcome=paid&paid=1", "n=-1", "n=\u0661"])  # fmt: skip
def test_forged_return_shows_the_stored_truth(query: str) -> None:
    """R9"""
    link = make_link()
    Client().post(f"{path_of(link)}pay/training/")
    back = f"{path_of(link)}return/{Checkout.objects.get().public_id}/"

    answer = Client().get(f"{back}?{query}")

    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Thank you" not in text
    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE


def test_return_of_another_links_checkout_is_not_there() -> None:
    """R9"""
    link, other = make_link(), make_link()
    Client().post(f"{path_of(other)}pay/training/")
    foreign = Checkout.objects.get().public_id

    answer = Client().get(f"{path_of(link)}return/{foreign}/")

    assert answer.status_code == 404


def test_page_is_in_no_frame_and_tells_a_preview_nothing() -> None:
    """R10"""
    link = make_link(make_customer("Ada Lovelace"))

    answer = Client().get(path_of(link), headers={"User-Agent": "Slackbot-LinkExpanding 1.0"})  # fmt: skip

    head = answer.content.decode().partition("</head>")[0]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert "12.50" not in head
    assert "Ada" not in answer.content.decode()
    assert "og:" not in head
    kinds = set(Activity.objects.filter(link=link).values_list("kind", flat=True))
    assert kinds == {"link.created", "link.activated"}, "a look is not an opening"


def expired() -> PaymentLink:
    link = make_link(make_customer("Ada Lovelace"))
    PaymentLink.objects.filter(pk=link.pk).update(
        expires_at=clock.now() - timedelta(days=1)
    )
    return link


def canceled() -> PaymentLink:
    link = make_link(make_customer("Ada Lovelace"))
    links.cancel(link, actor=SYSTEM)
    return link


def paid() -> PaymentLink:
    link = make_link(make_customer("Ada Lovelace"))
    payments.record(make_seen(link))
    return link


@pytest.mark.parametrize(
    ("make", "status"), [(expired, 410), (canceled, 410), (paid, 200)]
)
def test_closed_link_is_clear_and_opens_no_session(
    make: Callable[[], PaymentLink], status: int
) -> None:
    """R11"""
    link = make()

    looked: Response = Client().get(path_of(link))
    posted: Response = Client().post(f"{path_of(link)}pay/training/")

    assert (looked.status_code, posted.status_code) == (status, status)
    assert not Checkout.objects.exists()
    for answer in (looked, posted):
        text = answer.content.decode()
        assert "Ada" not in text
        assert "ada@example.com" not in text
        assert "<form" not in text


def test_rehearsal_page_of_a_closed_link_books_nothing() -> None:
    """R11 at the provider: what was canceled meanwhile is late, never silently paid."""
    link = make_link()
    Client().post(f"{path_of(link)}pay/training/")
    hosted = f"/training/{Checkout.objects.get().public_id}/"
    TrainingPayment.objects.all().delete()

    assert Client().post(hosted, {"outcome": "free"}).status_code == 400
    assert Client().post("/training/chk_nobody/", {"outcome": "approve"}).status_code == 404  # fmt: skip
    assert not TrainingPayment.objects.exists()
