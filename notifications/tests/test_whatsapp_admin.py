"""Where owners enter approved texts, and where staff read what customers wrote."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import InboundMessage, WhatsAppTemplate

from .factories import NOON

pytestmark = pytest.mark.django_db
LIST = "/admin/notifications/whatsapptemplate/"
TEXTS = "/admin/notifications/inboundmessage/"
GOOD = {
    "kind": "reminder",
    "language": "de",
    "content_sid": "HX" + "a" * 32,
    "body": "{{1}}, {{2}} ist noch offen: {{3}}",
    "values": "greeting, balance, link_url",
}


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    Business.objects.current()


def signed_in(role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(f"{role}@x.example", role=role))
    return client


def save(client: Client, **changes: str) -> bytes:
    answer = client.post(f"{LIST}add/", GOOD | changes, follow=True)
    assert answer.status_code == 200
    return answer.content


def text(number: int = 1, **more: object) -> InboundMessage:
    values: dict[str, object] = {
        "channel": "sms",
        "address": f"+1415555{number:04d}",
        "text": f"Words {number}",
        "at": NOON,
        "looked_at": NOON,
    }
    return InboundMessage.objects.create(
        carrier_message_id=f"SM{number}", **(values | more)
    )


def test_an_owner_enters_an_approved_text_and_sees_what_goes_where() -> None:
    client = signed_in()

    save(client)

    template = WhatsAppTemplate.objects.get()
    assert template.placeholders == ["greeting", "balance", "link_url"]
    assert template.body == GOOD["body"]
    entry = AuditEntry.objects.get(action="whatsapp_template.created")
    assert entry.object_id == "reminder:de"
    page = client.get(f"{LIST}{template.pk}/change/").content.decode()
    assert "Guten Tag Ada, 125,00" in page
    assert "{{3}} <code>link_url</code>" in page
    assert "/p/ExampleExampleExample0/" in page


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("content_sid", "HX123", "HX and 32 digits"),
        ("content_sid", "HX" + "g" * 32, "HX and 32 digits"),
        ("content_sid", "<script>alert(1)</script>", "HX and 32 digits"),
        ("values", "greeting, nobody, link_url", "no value called nobody"),
        ("values", "greeting, balance", "Nothing fills {{3}}"),
        ("body", "Hello {{name}}", "Only {{1}}, {{2}} and so on"),
        ("body", "Hello {{0}} {{1}}", "Only {{1}}, {{2}} and so on"),
        ("body", "a" * 1025, "at most 1024"),
        ("kind", "password_reset", "not one of the available choices"),
        ("language", "tlh", "not one of the available choices"),
    ],
)
def test_what_cannot_be_is_refused_with_all_that_was_typed(
    field: str, value: str, says: str
) -> None:
    page = save(signed_in(), **{field: value}).decode()

    assert says in page
    assert "ist noch offen" in page or field == "body"
    assert "<script>alert" not in page
    assert not WhatsAppTemplate.objects.exists()


def test_one_text_for_a_kind_in_a_language() -> None:
    client = signed_in()

    save(client)
    page = save(client).decode()

    assert "already exists" in page
    assert WhatsAppTemplate.objects.count() == 1


def test_a_text_without_the_link_is_taken_with_a_warning() -> None:
    page = save(signed_in(), body="{{1}} hello", values="greeting").decode()

    assert "gets no link" in page
    assert WhatsAppTemplate.objects.exists()


def test_a_new_one_begins_with_our_own_words_and_is_removed_on_the_record() -> None:
    client = signed_in()
    page = client.get(f"{LIST}add/?kind=invitation&language=de").content.decode()

    assert "{{1}}, {{2}} bittet um {{3}}" in page
    assert "greeting, business_name, amount, description, link_url" in page
    save(client)
    pk = WhatsAppTemplate.objects.get().pk
    client.get(f"{LIST}{pk}/delete/")
    assert WhatsAppTemplate.objects.exists()
    client.post(f"{LIST}{pk}/delete/", {"post": "yes"})
    assert not WhatsAppTemplate.objects.exists()
    assert AuditEntry.objects.filter(action="whatsapp_template.removed").count() == 1


@pytest.mark.parametrize("query", ["kind=nobody", "language=tlh"])
def test_an_odd_address_gives_an_empty_form(query: str) -> None:
    assert signed_in().get(f"{LIST}add/?{query}").status_code == 200


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.FINANCE, Role.AUDITOR])
def test_only_owners_enter_them(role: Role) -> None:
    client = signed_in(role)

    assert client.get(LIST).status_code == 403
    assert client.post(f"{LIST}add/", GOOD).status_code == 403
    assert not WhatsAppTemplate.objects.exists()


def test_a_text_is_read_and_seen_to_once() -> None:
    client, row = signed_in(Role.MANAGER), text(text="<b>Hi</b>")

    page = client.get(f"{TEXTS}{row.pk}/change/").content.decode()
    assert "&lt;b&gt;Hi" in page
    assert client.get(f"{TEXTS}{row.pk}/close/").status_code == 405
    assert InboundMessage.objects.get().is_open
    client.post(f"{TEXTS}{row.pk}/close/")
    again = client.post(f"{TEXTS}{row.pk}/close/", follow=True).content.decode()

    assert "in the meantime" in again
    assert not InboundMessage.objects.get().is_open
    assert "0 results" not in client.get(TEXTS).content.decode()


@pytest.mark.parametrize(
    ("role", "reads", "closes"),
    [
        (Role.OWNER, 200, 302),
        (Role.AGENT, 403, 403),  # who sees only own links sees nobody's texts
        (Role.FINANCE, 200, 403),
        (Role.AUDITOR, 200, 403),
    ],
)
def test_who_may_read_and_see_to_texts(role: Role, reads: int, closes: int) -> None:
    client, row = signed_in(role), text()

    assert client.get(TEXTS).status_code == reads
    assert client.get(f"{TEXTS}{row.pk}/change/").status_code == reads
    assert client.post(f"{TEXTS}{row.pk}/close/").status_code == closes


def test_the_list_asks_as_often_for_many_as_for_few() -> None:
    client = signed_in()
    counts = []
    for number in (1, 30):
        for each in range(number):
            text(number * 100 + each)
        client.get(TEXTS)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"{TEXTS}?needs=person").status_code == 200
        counts.append(len(seen))

    assert counts[0] == counts[1]
