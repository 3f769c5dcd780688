"""Programs that visit before the customer does change nothing and pass for nobody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from links.models import PaymentLink
from links.pay import responses
from links.services import pages, sending, timeline, verifying
from links.tests.factories import make_customer, make_link
from merchant_portal.lib import machines
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message
from notifications.services import unsubscribing

pytestmark = pytest.mark.django_db
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Visitor:
    """How a kind of program asks; `says_so`: whether its headers give it away."""

    name: str
    headers: dict[str, str]
    method: str = "get"
    says_so: bool = True


VISITORS = (
    Visitor("SafeLinks", {"User-Agent": f"{CHROME} SafeLinks"}),
    Visitor("Outlook", {"User-Agent": "Microsoft Office Existence Discovery"}),
    Visitor("Barracuda", {"User-Agent": "Barracuda Sentinel (EE)"}),
    Visitor("Proofpoint", {"User-Agent": "Mozilla/5.0 (compatible; Proofpoint URLD)"}),
    Visitor("Slack", {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://x.y)"}),
    Visitor("Facebook", {"User-Agent": "facebookexternalhit/1.1"}),
    Visitor("WhatsApp", {"User-Agent": "WhatsApp/2.23.20.0 A"}),
    Visitor("Telegram", {"User-Agent": "TelegramBot (like TwitterBot)"}),
    Visitor("X", {"User-Agent": "Twitterbot/1.0"}),
    Visitor("Google", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}),
    Visitor(
        "iMessage",
        {
            "User-Agent": "Mozilla/5.0 (Macintosh) AppleWebKit/601.2.4 (KHTML, like"
            " Gecko) facebookexternalhit/1.1 Facebot Twitterbot/1.0"
        },
    ),
    Visitor("Apple Mail privacy", {"User-Agent": "Mozilla/5.0"}, says_so=False),
    Visitor("prefetch", {"User-Agent": CHROME, "Sec-Purpose": "prefetch;prerender"}),
    Visitor("old prefetch", {"User-Agent": CHROME, "Purpose": "prefetch"}),
    Visitor("HEAD", {"User-Agent": CHROME}, "head", says_so=False),
    Visitor("curl", {"User-Agent": "curl/8.5.0"}, says_so=False),
    Visitor("no name", {}, says_so=False),
    Visitor(
        "a form on another site",
        {"User-Agent": CHROME, "Sec-Fetch-Site": "cross-site"},
    ),
)
EACH = pytest.mark.parametrize("visitor", VISITORS, ids=lambda v: v.name)
TELLING = [visitor for visitor in VISITORS if visitor.says_so]


@pytest.fixture(autouse=True)
def _limits() -> None:
    responses.reads.clear()


@pytest.fixture
def link() -> PaymentLink:
    link = make_link(make_customer())
    sending.send(link, ["email"], actor=SYSTEM)
    return link


def everything() -> Rows:
    """Every row of the database."""
    with connection.cursor() as cursor:
        rows: Rows = {}
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            rows[table] = sorted(cursor.fetchall(), key=repr)
        return rows


def addresses(link: PaymentLink) -> list[str]:
    """All that a customer is given, and what their page leads to."""
    path = f"/p/{pages.token_of(link)}/"
    message = Message.objects.filter(reference=link.public_id).latest("pk")
    stop = unsubscribing.url_of(message).removeprefix(settings.PUBLIC_URL)
    inner = ("", "pay/training/", "invoice.pdf", "qr.svg", "reply/")
    return [*(f"{path}{name}" for name in inner), "/verify/", stop, "/embed.js"]


def told(link: PaymentLink) -> list[tuple[str, str]]:
    return [(entry.kind, entry.actor) for entry in timeline.entries(link)]


@EACH
def test_looking_changes_no_row_and_is_nobody(
    client: Client, link: PaymentLink, visitor: Visitor
) -> None:
    before, was_told = everything(), told(link)
    ask: Callable[..., Any] = getattr(client, visitor.method)

    for address in addresses(link):
        assert ask(address, headers=visitor.headers).status_code in (200, 303)

    assert everything() == before
    assert client.cookies == {}
    assert told(link) == was_told
    assert not [kind for kind, _actor in told(link) if "opened" in kind]


def forms(link: PaymentLink) -> dict[str, dict[str, str]]:
    """Each form with all that its page puts in it."""
    path = f"/p/{pages.token_of(link)}/"
    stop = addresses(link)[-2]
    return {
        f"{path}pay/training/": {"from": "page"},
        f"{path}reply/": {"website": "", "kind": "question", "text": "Hello"},
        "/verify/": {"code": verifying.code_of(link)},
        stop: {"stop": "yes"},
    }


@pytest.mark.parametrize("visitor", TELLING, ids=lambda v: v.name)
def test_a_program_that_says_so_sends_forms_in_vain(
    client: Client, link: PaymentLink, visitor: Visitor
) -> None:
    before = everything()

    for address, fields in forms(link).items():
        if "Sec-Fetch-Site" in visitor.headers and "unsubscribe" in address:
            continue  # whoever has that address may, from wherever they like
        answer = client.post(address, fields, headers=visitor.headers)
        assert answer.status_code in (200, 303)
        assert "/training/" not in answer.get("Location", "")

    assert everything() == before


@pytest.mark.parametrize("agent", ["python-requests/2.32", "curl/8.5.0", CHROME])
def test_a_script_without_the_pages_own_fields_is_not_the_customer(
    client: Client, link: PaymentLink, agent: str
) -> None:
    path = f"/p/{pages.token_of(link)}/"
    before = everything()
    said = {"kind": "question", "text": "Cheap watches"}

    replied = client.post(f"{path}reply/", said, headers={"User-Agent": agent})
    emptied = client.post(addresses(link)[-2], headers={"User-Agent": agent})

    assert replied.status_code == 422
    assert "Cheap watches" in replied.content.decode()  # a person would lose nothing
    assert emptied.status_code == 200
    assert everything() == before
    # The address alone opens the provider's page, which is promised to programs, but
    # nobody is told that it was the customer.
    opened = client.post(f"{path}pay/training/", headers={"User-Agent": agent})
    assert opened.status_code == 303
    assert [actor for kind, actor in told(link) if kind == "checkout.started"] == [
        "system"
    ]
    assert "payer" not in {actor for _kind, actor in told(link)}


def test_people_are_heard(client: Client, link: PaymentLink) -> None:
    """The control: the same forms from a browser do what they say."""
    browser = {"User-Agent": CHROME, "Sec-Fetch-Site": "same-origin"}
    before = everything()

    for address, fields in forms(link).items():
        client.post(address, fields, headers=browser)

    changed = {table for table, rows in everything().items() if rows != before[table]}
    assert {
        "links_checkout",
        "links_payerreply",
        "notifications_optout",
        "staff_tries",
    } <= changed
    assert ("checkout.started", "payer") in told(link)


def test_one_click_in_a_mail_program_is_heard_whoever_posts_it(
    client: Client, link: PaymentLink
) -> None:
    stop = addresses(link)[-2]
    before = everything()

    client.post(
        stop,
        {"List-Unsubscribe": "One-Click"},
        headers={"User-Agent": "Googlebot/2.1"},
    )

    assert everything()["notifications_optout"] != before["notifications_optout"]


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        "Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 Chrome/120",
        "Mozilla/5.0 (iPhone) AppleWebKit/605 [FBAN/FBIOS;FBAV/450.0]",
        "Mozilla/5.0 (Linux; Android 14) Telegram-Android/11.0",
        "",
    ],
)
def test_phones_and_apps_of_people_are_no_machines(agent: str) -> None:
    assert not machines.is_machine({"User-Agent": agent})
