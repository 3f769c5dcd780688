"""T1-T5: words that look like a program, and words that lead elsewhere."""

import pytest
from django.test import Client

from links.models import PaymentLink
from notifications.models import MessageContent
from notifications.services import delivery

from .doors import Doors, path_of

pytestmark = pytest.mark.django_db
LITERAL = {
    "T1-django": "{{ 7*7 }}",
    "T1-django-tag": "{% load i18n %}",
    "T1-comment": "{# x #}",
    "T2-format": "{0.__class__}",
    "T2-format-by-name": "{amount.__class__.__init__}",
    "T2-percent": "%(amount)s %s %n",
    "T3-dollar": "${x}",
    "T3-jinja-block": "{%- for x in y -%}",
    "T4-own-placeholder": "{amount}",
    "T4-secret-placeholder": "{link_url}",
    "T4-protected-placeholder": "{literal:link_url}",
    "T4-section": "{?note}x{/note}",
    "T4-unsubscribe": "{unsubscribe_url}",
}


def send(doors: Doors, **words: str) -> tuple[PaymentLink, dict[str, str]]:
    """The link and its messages as they were stored, by channel."""
    customer = doors.ask_customer(
        name=words.get("name", "Ana"), email="ana@example.com", phone="+14155550100"
    ).json()["id"]
    made = doors.ask_link(
        {"description": words.get("description", "Chair")},
        note=words.get("note", ""),
        customer=customer,
    ).json()
    sent = doors.api.post(f"links/{made['id']}/send", {"channels": ["email", "sms"]})
    assert sent.status_code == 202
    delivery.deliver(delivery.claim(10))
    contents = MessageContent.objects.select_related("message")
    return PaymentLink.objects.get(public_id=made["id"]), {
        content.message.channel: content.text for content in contents
    }


@pytest.mark.parametrize("typed", LITERAL.values(), ids=LITERAL)
def test_stays_what_it_is(doors: Doors, typed: str) -> None:
    link, texts = send(doors, name=typed, description=typed, note=typed)

    page = Client().get(path_of(link)).content.decode()
    mailbox = doors.browser.get(
        f"/admin/notifications/message/{link_message(link, 'email')}/change/"
    ).content.decode()

    assert page.count(typed) == 2, "the line and the note"
    assert typed in mailbox
    assert "49" not in texts["sms"].replace("2049", "")
    shown = doors.browser.get(
        f"/admin/notifications/message/{link_message(link, 'sms')}/change/"
    )
    assert shown.status_code == 200
    if typed not in ("{link_url}", "{literal:link_url}", "{unsubscribe_url}"):
        # those two are kept marked, and shown as typed
        assert texts["email"].count(typed) >= 2


def link_message(link: PaymentLink, channel: str) -> int:
    content = MessageContent.objects.get(
        message__reference=link.public_id, message__channel=channel
    )
    return int(content.pk)


def test_our_own_address_stands_once_whatever_is_typed(doors: Doors) -> None:
    """T4: a value that contains a placeholder is not expanded."""
    link, texts = send(doors, description="{link_url}", note="{link_url}")

    token = path_of(link).strip("/").removeprefix("p/")
    assert token not in "".join(texts.values())
    assert texts["sms"].count("{link_url}") == 1
    assert texts["email"].count("{link_url}") == 1
    assert texts["email"].count("{literal:link_url}") >= 1


LEADING = {
    "T5-https": "Pay at https://evil.example/pay?x=1 now",
    "T5-www": "Pay at www.evil.example now",
    "T5-other-scheme": "Pay at ftp://evil.example/ now",
    "T5-capitals": "Pay at HTTPS://EVIL.example now",
    "T5-script": "Pay javascript:alert(evil.example) now",
    "T5-telephone": "Pay tel:+4912345evil.example now",
    "T5-bare-host-with-path": "Pay at evil.example/pay now",
}


@pytest.mark.parametrize("typed", LEADING.values(), ids=LEADING)
def test_addresses_are_taken_out_of_what_goes_to_customers(
    doors: Doors, typed: str
) -> None:
    """T5: the only address in it is ours."""
    link, texts = send(doors, name=typed, description=typed, note=typed)
    doors.api.post(f"links/{link.public_id}/cancel", {"reason": typed})

    page = Client().get(path_of(link)).content.decode()

    kept = page + "".join(texts.values())
    assert "Pay" in page
    assert "evil.example" not in kept.lower()


@pytest.mark.parametrize(
    "typed", ["3 pcs. and/or more", "1.5/kg", "Dr.Smith", "e.g. a/b", "12/2026", "..."]
)
def test_ordinary_words_stay(doors: Doors, typed: str) -> None:
    """T5 must not eat what is no address."""
    made = doors.ask_link({"description": typed}, note=typed).json()

    assert made["lines"][0]["description"] == typed
    assert made["note"] == typed
