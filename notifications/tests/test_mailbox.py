import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from notifications import visibility
from notifications.models import Message, MessageState
from notifications.services import delivery, outbox

from .factories import LINK_URL, Shop, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


@pytest.fixture
def owner() -> Client:
    return signed_in(Role.OWNER)


def url(row: Message, page: str = "change") -> str:
    return reverse(f"admin:notifications_message_{page}", args=[row.pk])


def send_all() -> None:
    delivery.deliver(delivery.claim(200))


LIST = "/admin/notifications/message/"


def test_list_shows_state_subject_and_recipient(shop: Shop, owner: Client) -> None:
    message()
    send_all()

    page = owner.get(LIST).content.decode()

    assert "Your payment of €12.50 to My shop" in page
    assert "ada1@example.com" in page
    assert "Kept here, not sent" in page


def test_list_counts_nothing_and_costs_the_same_at_any_length(
    shop: Shop, owner: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(LIST).status_code == 200
        assert not any(
            "COUNT(" in q["sql"] and "notifications_message" in q["sql"]
            for q in captured
        )
        return len(captured)

    message(1)
    send_all()
    owner.get(LIST)  # what is looked up once a process
    first = queries()
    for number in range(2, 42):
        message(number)
    send_all()

    assert queries() == first
    assert first <= 12


@pytest.mark.parametrize("query", ["ada7@example.com", "plk_7", "ADA7"])
def test_search_finds_by_address_and_link(
    shop: Shop, owner: Client, query: str
) -> None:
    message(7, reference="plk_7")
    message(8, reference="plk_8")
    send_all()

    page = owner.get(LIST, {"q": query}).content.decode()

    assert "ada7@example.com" in page
    assert "ada8@example.com" not in page


def test_filters_by_kind_state_and_channel(shop: Shop, owner: Client) -> None:
    message(1)
    message(2, kind="reminder", channel="sms")

    for query in ({"kind": "reminder"}, {"channel__exact": "sms"}):
        page = owner.get(LIST, query).content.decode()
        assert "+14155550002" in page
        assert "ada1@example.com" not in page
    page = owner.get(LIST, {"state__exact": "failed"}).content.decode()
    assert "ada1@example.com" not in page


def test_mail_is_shown_as_sent_with_a_link_that_works(
    shop: Shop, owner: Client
) -> None:
    row = message()
    send_all()

    page = owner.get(url(row)).content.decode()
    body = owner.get(url(row, "body"))

    assert f'src="{url(row, "body")}"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert LINK_URL in page  # the plain text part
    html = body.content.decode()
    assert f'<a href="{LINK_URL}"' in html
    assert '<base target="_blank">' in html
    assert body["X-Frame-Options"] == "SAMEORIGIN"
    policy = body["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert "script" not in policy
    assert "no-store" in body["Cache-Control"]


def test_sms_is_shown_with_its_parts(shop: Shop, owner: Client) -> None:
    row = message(channel="sms")
    send_all()

    page = owner.get(url(row)).content.decode()

    assert f'href="{LINK_URL}"' in page
    assert "GSM-7" in page
    assert owner.get(url(row, "body")).status_code == 404


def test_waiting_message_is_shown_and_not_stored(shop: Shop, owner: Client) -> None:
    row = message()

    assert LINK_URL in owner.get(url(row, "body")).content.decode()

    row.refresh_from_db()
    assert row.state == MessageState.QUEUED
    assert not hasattr(row, "content")


def test_hostile_words_are_harmless_in_the_mailbox(shop: Shop, owner: Client) -> None:
    shop.values["greeting"] = "<script>alert(1)</script>"
    row = message(recipient="x<b>@example.com")
    sms = message(2, channel="sms")
    send_all()

    for page in (
        owner.get(LIST),
        owner.get(url(row)),
        owner.get(url(row, "body")),
        owner.get(url(sms)),
    ):
        assert b"<script>alert" not in page.content
        assert b"x<b>" not in page.content


@pytest.mark.parametrize("role", list(Role))
def test_every_role_reads_and_nobody_changes(shop: Shop, role: Role) -> None:
    row = message(reference="usr_1")
    client = signed_in(role)

    assert client.get(LIST).status_code == 200
    assert client.get(url(row)).status_code == 200
    assert client.post(url(row), {"state": "sent"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/").status_code == 403
    row.refresh_from_db()
    assert row.state == "queued"


def test_stranger_is_sent_to_sign_in(shop: Shop, client: Client) -> None:
    row = message()
    for path in (LIST, url(row), url(row, "body"), url(row, "again")):
        assert client.get(path).status_code == 302
    assert client.post(url(row, "again")).status_code == 302


def test_app_above_narrows_what_is_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = message(1, reference="plk_own")
    foreign = message(2, reference="plk_foreign")
    Message.objects.update(state="failed")
    monkeypatch.setattr(
        visibility,
        "_NARROW",
        [lambda user, messages: messages.filter(reference="plk_own")],
    )
    agent = signed_in(Role.AGENT)

    assert agent.get(url(own)).status_code == 200
    assert agent.get(url(own, "body")).status_code == 200
    assert agent.get(url(foreign)).status_code == 302  # to the list, with a warning
    assert agent.get(url(foreign, "body")).status_code == 404
    assert agent.post(url(foreign, "again")).status_code == 404
    assert "ada2@example.com" not in agent.get(LIST).content.decode()
    assert Message.objects.count() == 2


def test_agent_sees_only_what_was_sent_about_own_links(shop: Shop) -> None:
    message(1, reference="plk_of_a_colleague")

    assert "ada1@" not in signed_in(Role.AGENT).get(LIST).content.decode()
    assert "ada1@" in signed_in(Role.MANAGER).get(LIST).content.decode()


def reset_mail(person: User) -> Message:
    row = outbox.enqueue(
        kind="password_reset",
        channel="email",
        recipient=person.email,
        language="en",
        reference=person.public_id,
        dedupe_key="r1",
    )
    assert row is not None
    return row


def test_sign_in_mail_is_for_the_owner_and_hides_its_link_once_sent(
    shop: Shop, owner: Client
) -> None:
    row = reset_mail(make_user(Role.AGENT, name="Ada"))
    send_all()

    assert signed_in(Role.MANAGER).get(url(row)).status_code == 302
    kept = owner.get(url(row, "body")).content.decode()
    assert "/accounts/password/reset/key/" in kept

    Message.objects.update(state="sent")
    sent = owner.get(url(row, "body")).content.decode()
    assert "/accounts/password/reset/key/" not in sent
    assert "https://hidden.invalid/" in sent


def test_failed_message_is_sent_again_by_post_once(shop: Shop, owner: Client) -> None:
    row = message()
    row.move_to(MessageState.FAILED)

    assert "Send again" in owner.get(url(row)).content.decode()
    assert owner.get(url(row, "again")).status_code == 405
    assert Message.objects.count() == 1
    first = owner.post(url(row, "again"))
    second = owner.post(url(row, "again"))

    new = Message.objects.exclude(pk=row.pk).get()
    assert first["Location"] == url(new)
    assert second["Location"] == url(row)


def test_send_again_needs_the_right_and_a_token(shop: Shop) -> None:
    row = message()
    row.move_to(MessageState.FAILED)
    auditor = signed_in(Role.AUDITOR)
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(make_user(Role.OWNER))

    assert "Send again" not in auditor.get(url(row)).content.decode()
    assert auditor.post(url(row, "again")).status_code == 403
    assert careful.post(url(row, "again")).status_code == 403
    assert Message.objects.count() == 1


def test_sent_message_offers_no_second_send(shop: Shop, owner: Client) -> None:
    row = message()
    send_all()

    assert "Send again" not in owner.get(url(row)).content.decode()
    owner.post(url(row, "again"))
    assert Message.objects.count() == 1
