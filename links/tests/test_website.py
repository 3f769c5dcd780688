"""A link on the merchant's own website: button, script, code, and who may look."""

import html
import re
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from links.documents import buttons, qr
from links.documents.buttons import Button, Label, Size
from links.models import PaymentLink
from links.services import pages
from links.services.terms import Terms
from merchant_portal.business.models import Business
from merchant_portal.lib.colors import ink_on
from merchant_portal.staff.roles import Role

from .admin_forms import ADD
from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db
FREE = Terms(kind="chosen", is_reusable=True)
MANY = Terms(is_reusable=True)


@pytest.fixture
def client(settings: Any) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(make_user(Role.OWNER))
    return client


@pytest.fixture(autouse=True)
def _shop() -> None:
    shop = Business.objects.current()
    shop.brand_color, shop.language = "#ffcc00", "de"
    shop.save()


def to(link: PaymentLink, name: str = "website") -> str:
    return reverse(f"admin:links_paymentlink_{name}", args=[link.pk])


def snippets(page: str) -> list[str]:
    """What the page gives to copy, as it arrives in the clipboard."""
    found = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    return [html.unescape(one) for one in found]


@pytest.mark.parametrize("label", list(Label))
@pytest.mark.parametrize("language", [code for code, _name in configured.LANGUAGES])
def test_a_button_is_a_link_in_every_language(label: Label, language: str) -> None:
    button = Button("https://x/p/t/", "#ffcc00", language, label, '5 <"&')

    text = str(button.plain(Size.MEDIUM))

    direction = "rtl" if language in configured.LANGUAGES_BIDI else "ltr"
    assert text.startswith('<a target="_blank" rel="noopener" href="https://x/p/t/"')
    assert f'lang="{language}" dir="{direction}"' in text
    assert f"background:#ffcc00;color:{ink_on('#ffcc00')}" in text
    assert '<"&' not in text
    assert "<script" not in text
    if language != "en" and label != Label.PAY_AMOUNT:
        assert buttons.words(label, language) != buttons.words(label, "en")


def test_shows_each_size_with_its_html_to_copy(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    link = make_link(terms=MANY)

    with django_assert_max_num_queries(12):
        page = client.get(to(link)).content.decode()

    given = snippets(page)
    assert len(given) == 6
    for text in given:
        assert text.count("<a ") == 1
        assert f'href="{pages.url_of(link)}"' in text
        assert "12,50\xa0€ bezahlen" in text
    scripted = [text for text in given if "<script" in text]
    script = f'<script src="{configured.PUBLIC_URL}/embed.js" async></script>'
    assert [script in text for text in scripted] == [True, True, True]
    assert ["target=" in text for text in scripted] == [False, False, False]
    assert "once, by one customer" not in page


def test_the_look_is_the_very_button_and_runs_nothing(client: Client) -> None:
    link = make_link(terms=FREE, amount_minor=0)

    answer = client.get(
        to(link, "button"), {"size": "large", "label": "donate", "language": "fr"}
    )

    text = answer.content.decode()
    button = Button(pages.url_of(link), "#ffcc00", "fr", Label.DONATE)
    assert str(button.plain(Size.LARGE)) in text
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_nonsense_in_the_address_shows_the_usual(client: Client) -> None:
    link = make_link(terms=FREE, amount_minor=0)
    nonsense = {"size": "huge", "label": "<b>", "language": "xx"}

    text = client.get(to(link, "button"), nonsense).content.decode()

    assert buttons.words(Label.CHOOSE, "de") in text
    assert "<b>" not in text
    assert client.get(to(link), {"label": "pay_amount"}).status_code == 200


def test_one_for_one_customer_leads_to_one_like_it_for_many(client: Client) -> None:
    link = make_link(make_customer(), amount_minor=4200)

    page = client.get(to(link)).content.decode()
    form = client.get(ADD, {"like": str(link.pk)}).context["form"]

    assert "once, by one customer" in page
    assert f'href="{ADD}?like={link.pk}"' in page
    assert (form.values["reusable"], form.values["who"]) == ("on", "nobody")
    assert form.customer is None
    assert form.lines[0].values["unit_amount"] == "42.00"
    assert "Ada" not in str(form.values)
    assert PaymentLink.objects.count() == 1


@pytest.mark.parametrize("like", ["0", "x", "9" * 19, "9" * 40, "-1", "²"])
def test_nothing_is_like_a_link_that_is_not_there(client: Client, like: str) -> None:
    assert client.get(ADD, {"like": like}).status_code in (200, 404)


def test_a_draft_has_nothing_to_show_yet(client: Client) -> None:
    draft = make_link(draft=True)

    page = client.get(to(draft)).content.decode()

    assert pages.token_of(draft) not in page
    assert "This link is a draft" in page


def test_who_sees_only_own_links_sees_only_their_buttons(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    agent = make_user(Role.AGENT)
    own, other = make_link(actor=agent.actor()), make_link()
    client = Client()
    client.force_login(agent)

    assert client.get(to(own)).status_code == 200
    for name in ("website", "button", "code", "code_png"):
        assert client.get(to(other, name)).status_code == 404
    assert client.get(ADD, {"like": str(other.pk)}).status_code == 404


def test_pictures_come_in_sizes(client: Client) -> None:
    link = make_link(terms=MANY)

    answers = [client.get(to(link, "code_png"), {"size": s}) for s in qr.PNG_SCALES]
    odd = client.get(to(link, "code_png"), {"size": "../x"})

    widths = [int.from_bytes(answer.content[16:20]) for answer in answers]
    assert [width // widths[0] for width in widths] == [1, 3, 8]
    assert f'filename="{link.number}-large.png"' in answers[2]["Content-Disposition"]
    assert f'filename="{link.number}.png"' in odd["Content-Disposition"]


def test_the_script_is_small_cached_and_knows_nobody(settings: Any) -> None:
    client = Client()

    answer = client.get("/embed.js")
    again = client.get("/embed.js", headers={"if-none-match": answer["ETag"]})

    assert answer.status_code == 200
    assert len(answer.content) < 3000
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cache-Control"] == "public, max-age=604800"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Cookie" not in answer.get("Vary", "")
    assert client.cookies == {}
    assert (again.status_code, again.content) == (304, b"")
    assert client.post("/embed.js").status_code == 405
