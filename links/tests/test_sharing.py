"""A link handed over by hand: what is noted, what it means, and what opens."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from customers.models import Customer
from links.admin import preview
from links.models import DueState, LinkStatus, PaymentLink
from links.services import (
    links,
    pages,
    reminding,
    sending,
    sharing,
    timeline,
)
from links.services.errors import LinkConflict, LinkError
from links.services.sharing import Way
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def client(settings: Any, owner: User) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def ada() -> Customer:
    return make_customer()


def to(link: PaymentLink, name: str = "share") -> str:
    return reverse(f"admin:links_paymentlink_{name}", args=[link.pk])


def words_of(link: PaymentLink) -> sharing.Words:
    return sharing.words_of(link, "Birthday cake")


def test_says_just_what_our_sms_would_say_in_the_customers_language() -> None:
    link = make_link(make_customer("Grace", language="de"))

    words = words_of(link)

    assert words.text == preview.of_link(link).sms.text
    assert words.subject == preview.of_link(link).email.subject
    assert words.language == "de"
    assert pages.url_of(link) in words.text
    assert "Grace" in words.text


def test_each_app_opens_with_the_words_and_whom_they_are_for(ada: Customer) -> None:
    link = make_link(ada)
    words, text = words_of(link), f"Hi & bye #1\n{pages.url_of(link)}"
    known = {"sms": "+14155550100", "email": "ada@example.com"}

    def opened(way: str) -> str:
        return sharing.address(way, text, words, known)

    whatsapp, telegram = urlsplit(opened("whatsapp")), urlsplit(opened("telegram"))
    assert (whatsapp.netloc, whatsapp.path) == ("wa.me", "/14155550100")
    assert parse_qs(whatsapp.query) == {"text": [text]}
    assert (telegram.netloc, telegram.path) == ("t.me", "/share/url")
    assert parse_qs(telegram.query)["url"] == [words.url]
    assert words.url not in parse_qs(telegram.query)["text"][0]
    assert opened("sms").startswith("sms:+14155550100?&body=Hi%20%26%20bye%20%231%0A")
    assert opened("email").startswith("mailto:ada@example.com?subject=")
    assert unquote(opened("email")).endswith(f"&body=Hi & bye #1\r\n{words.url}")
    assert opened("copy_text") == ""
    assert sharing.address("whatsapp", "x", words).startswith("https://wa.me/?text=x")


def test_is_noted_and_never_called_sent(ada: Customer, owner: User) -> None:
    link = make_link(ada)

    sharing.note(link, Way.WHATSAPP, actor=owner.actor())

    [entry] = [e for e in timeline.entries(link) if e.kind == "link.shared"]
    assert (entry.actor, entry.detail) == (owner.public_id, {"way": "whatsapp"})
    assert AuditEntry.objects.filter(action="link.shared").count() == 1
    assert link.last_sent_at is None
    assert link.shared_at is not None
    assert not Message.objects.exists()
    assert not link.reminders_due.exists()


def test_a_second_click_is_the_same_opening(ada: Customer, owner: User) -> None:
    link = make_link(ada)

    sharing.note(link, Way.SMS, actor=owner.actor())
    sharing.note(link, Way.SMS, actor=owner.actor())
    sharing.note(link, Way.EMAIL, actor=owner.actor())
    sharing.note(link, Way.SMS, actor=make_user().actor())

    assert link.activities.filter(kind="link.shared").count() == 3


def test_a_draft_becomes_payable_when_it_is_shared(ada: Customer) -> None:
    link = make_link(ada, draft=True)

    sharing.note(link, Way.COPY_LINK, actor=SYSTEM)

    assert link.status == LinkStatus.ACTIVE
    assert link.number


def test_what_asks_for_nothing_is_not_shared(ada: Customer) -> None:
    gone = make_link(ada)
    links.cancel(gone, actor=SYSTEM)
    late = make_link(ada, expires_at=clock.now() + timedelta(hours=1))
    PaymentLink.objects.filter(pk=late.pk).update(expires_at=clock.now())

    for link in (gone, late):
        with pytest.raises(LinkConflict):
            sharing.note(link, Way.SMS, actor=SYSTEM)
        assert not link.activities.filter(kind="link.shared").exists()
    with pytest.raises(LinkError):
        sharing.note(make_link(ada), "pigeon", actor=SYSTEM)


def test_reminders_go_only_where_somebody_ticked_it(ada: Customer) -> None:
    due_on = clock.now().date() + timedelta(days=10)
    quiet, told = make_link(ada, due_on=due_on), make_link(ada, due_on=due_on)

    sharing.note(quiet, Way.SMS, actor=SYSTEM)
    sharing.note(told, Way.SMS, actor=SYSTEM, remind=["email", "pigeon"])
    sharing.note(told, Way.EMAIL, actor=SYSTEM, remind=["sms"])

    assert not quiet.reminders_due.exists()
    assert told.last_channels == ["email"]  # it is asked once
    dues = told.reminders_due.filter(state=DueState.PLANNED)
    assert dues.count() == 3
    first = dues.earliest("due_at")
    PaymentLink.objects.update(shared_at=clock.now() - timedelta(days=3))
    told.reminders_due.filter(pk=first.pk).update(due_at=clock.now())
    reminding.enqueue_due()
    assert [m.channel for m in Message.objects.filter(kind="reminder")] == ["email"]


def test_nobody_is_reminded_on_the_day_on_which_it_was_shared(ada: Customer) -> None:
    link = make_link(ada, due_on=clock.now().date() + timedelta(days=10))
    sending.send(link, ["email"], actor=SYSTEM)
    PaymentLink.objects.update(last_sent_at=clock.now() - timedelta(days=3))
    due = link.reminders_due.filter(state=DueState.PLANNED).earliest("due_at")
    link.reminders_due.filter(pk=due.pk).update(due_at=clock.now())

    sharing.note(link, Way.WHATSAPP, actor=SYSTEM)
    reminding.enqueue_due()

    due.refresh_from_db()
    assert (due.state, due.reason) == ("dropped", "sent by hand within 24 hours")


def test_the_page_shows_the_words_and_real_links(
    client: Client,
    ada: Customer,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    link = make_link(ada)

    with django_assert_max_num_queries(46):
        page = client.get(to(link, "change")).content.decode()

    assert 'href="https://wa.me/14155550100?text=' in page
    assert 'href="https://t.me/share/url?url=' in page
    assert 'href="sms:+14155550100?&amp;body=' in page
    assert 'href="mailto:ada@example.com?subject=' in page
    assert words_of(link).text in page.replace("&#x27;", "'")


def test_without_a_script_the_form_notes_it_and_leads_on(
    client: Client, ada: Customer
) -> None:
    link = make_link(ada, draft=True)
    text = f"Dear Ada\n{pages.url_of(link)}"

    answer = client.post(to(link), {"way": "whatsapp", "text": text})

    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer["Location"]).query) == {"text": [text]}
    assert answer["Referrer-Policy"] == "no-referrer"
    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE
    page = client.get(to(link, "change"))
    assert "Opened to share by WhatsApp" in page.content.decode()
    policy = page["Content-Security-Policy"]
    assert "form-action 'self' https://wa.me https://t.me sms: mailto:" in policy


@pytest.mark.parametrize("text", ["Dear Ada", "x" * 1501])
def test_words_that_would_reach_nobody_come_back_as_typed(
    client: Client, ada: Customer, text: str
) -> None:
    link = make_link(ada)

    answer = client.post(to(link), {"way": "sms", "text": text})

    assert answer.status_code == 422
    assert text in answer.content.decode()
    assert not link.activities.filter(kind="link.shared").exists()


def test_a_script_is_told_how_it_went(client: Client, ada: Customer) -> None:
    link, gone = make_link(ada), make_link(ada)
    links.cancel(gone, actor=SYSTEM)
    json = {"accept": "application/json"}

    noted = client.post(to(link), {"way": "copy_text"}, headers=json)
    refused = client.post(to(gone), {"way": "copy_text"}, headers=json)
    unknown = client.post(to(link), {"way": "pigeon"}, headers=json)

    assert noted.status_code == 204
    assert (refused.status_code, unknown.status_code) == (409, 422)
    assert "nothing to share" in refused.json()["message"]


def test_only_who_may_send_may_share_and_agents_only_own_links(
    settings: Any, ada: Customer
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    agent, auditor = make_user(Role.AGENT), make_user(Role.AUDITOR)
    own, other = make_link(ada, actor=agent.actor()), make_link(ada)
    client = Client()

    client.force_login(agent)
    assert client.post(to(own), {"way": "copy_link"}).status_code == 302
    assert client.post(to(other), {"way": "copy_link"}).status_code == 404
    client.force_login(auditor)
    assert client.post(to(own), {"way": "copy_link"}).status_code == 403
    assert "data-share" not in client.get(to(own, "change")).content.decode()
    assert not other.activities.filter(kind="link.shared").exists()


def test_looking_shares_nothing(client: Client, ada: Customer) -> None:
    link = make_link(ada)

    assert client.get(to(link), {"way": "sms"}).status_code == 405
    assert not link.activities.filter(kind="link.shared").exists()
