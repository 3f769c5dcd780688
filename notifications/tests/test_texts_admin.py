"""The screens where words are changed: who may, what is refused, what is kept."""

from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from customers.models import Customer
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from notifications.models import Message, MessageContent, Template
from notifications.services import delivery, shipped, templates, wording
from notifications.services.shipped import Words

from .carriers import FakeCarrier
from .factories import NOON, Shop, message

pytestmark = pytest.mark.django_db
LIST = "/admin/notifications/template/"
PAGE = f"{LIST}text/invitation/en/"
MAIL = shipped.words("invitation", "email", "en")
SMS = shipped.words("invitation", "sms", "en")


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER, name="Olga", email="olga@shop.example")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(owner: User) -> Client:
    return signed_in(owner)


def typed(**words: str) -> dict[str, str]:
    return {
        "subject": MAIL.subject,
        "body": MAIL.body.replace("\n", "\r\n"),
        "text": "",
        "sms": SMS.text,
        "seen_email": "0",
        "seen_sms": "0",
        "act": "save",
    } | words


def post(client: Client, path: str = PAGE, **words: str) -> Any:
    return client.post(path, typed(**words))


def text_of(answer: Any) -> str:
    assert isinstance(answer, HttpResponse)
    return answer.content.decode()


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.OWNER, 200),
        (Role.MANAGER, 200),
        (Role.AGENT, 403),
        (Role.FINANCE, 403),
        (Role.AUDITOR, 403),
    ],
)
def test_owners_and_managers_change_words_and_nobody_else(
    role: Role, status: int
) -> None:
    client = signed_in(make_user(role))

    assert [
        client.get(LIST).status_code,
        client.get(PAGE).status_code,
        client.get(f"{PAGE}history/").status_code,
        client.post(f"{PAGE}preview/", typed()).status_code,
        client.post(f"{PAGE}mail/", typed()).status_code,
    ] == [status] * 5
    changed = client.post(PAGE, typed(subject="Cake {amount}"))
    assert changed.status_code == (302 if status == 200 else 403)
    assert Template.objects.count() == (1 if status == 200 else 0)
    assert client.post(
        f"{PAGE}restore/", {"channel": "email", "seen": "1"}
    ).status_code == (302 if status == 200 else 403)


@pytest.mark.parametrize("name", ["preview", "mail", "restore"])
def test_what_acts_is_no_get(client: Client, name: str) -> None:
    assert client.get(f"{PAGE}{name}/").status_code == 405


@pytest.mark.parametrize(
    "path", ["nothing/en/", "invitation/xx/", "test_message/en/", "password_reset/ja/"]
)
def test_a_text_that_there_is_not_is_a_404(client: Client, path: str) -> None:
    assert client.get(f"{LIST}text/{path}").status_code == 404


def test_saving_is_what_the_next_mail_says(
    client: Client, shop: Shop, carrier: FakeCarrier
) -> None:
    answer = post(client, subject="Cake for {amount}")

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert "Saved." in text_of(client.get(PAGE))
    assert list(Template.objects.values_list("channel", "subject", "version")) == [
        ("email", "Cake for {amount}", 1)
    ]
    message(1)
    delivery.deliver(delivery.claim(1))
    assert carrier.taken[0].subject == "Cake for €12.50"


def test_saving_what_is_sent_already_makes_no_version(client: Client) -> None:
    assert post(client).status_code == 302
    assert Template.objects.count() == 0


def test_a_refusal_says_why_and_keeps_everything_typed(client: Client) -> None:
    body = "Hello <i>you</i>\r\n\r\nSee https://evil.example/ now {amuont}"

    answer = post(client, subject="Mine", body=body, text="Own", sms="Short")

    page = text_of(answer)
    assert answer.status_code == 422
    assert "leads to another place" in page
    assert "Is it {amount}?" in page
    assert (
        "Hello &lt;i&gt;you&lt;/i&gt;\n\nSee https://evil.example/ now {amuont}" in page
    )
    assert 'value="Mine"' in page
    assert ">Own</textarea>" in page
    assert ">Short</textarea>" in page
    assert Template.objects.count() == 0


def test_a_warning_is_read_before_it_is_saved(client: Client) -> None:
    words = {"subject": "Our lawyer asks for {amount}"}
    first = post(client, **words)
    page = text_of(first)
    assert first.status_code == 422
    assert "may sound like a threat: lawyer" in page
    assert "Save all the same" in page
    assert Template.objects.count() == 0
    mark = page.split('name="agreed" value="')[1].split('"')[0]

    other = post(client, subject="Police and {amount}", agreed=mark)
    assert other.status_code == 422, "other warnings have not been read yet"
    second = post(client, agreed=mark, **words)

    assert second.status_code == 302
    assert Template.objects.get().subject == words["subject"]


def test_languages_of_customers_that_lack_are_named_once(client: Client) -> None:
    Customer.objects.create(name="Ada", language="de", created_at=NOON, updated_at=NOON)
    Customer.objects.create(name="Bob", created_at=NOON, updated_at=NOON)

    page = text_of(post(client, subject="Cake {amount}"))
    assert "Customers who read German still get the words of the product" in page
    mark = page.split('name="agreed" value="')[1].split('"')[0]
    assert post(client, subject="Cake {amount}", agreed=mark).status_code == 302

    again = post(client, subject="Bread {amount}", seen_email="1")
    assert again.status_code == 302
    overview = text_of(client.get(LIST))
    assert "customers read it: German." in overview
    assert overview.count("<small>your words</small>") == 1


def test_the_second_of_two_is_told_and_loses_nothing(client: Client) -> None:
    mia = signed_in(make_user(Role.MANAGER, name="Mia"))
    assert post(mia, subject="Hers {amount}").status_code == 302

    answer = post(client, subject="Mine {amount}")

    page = text_of(answer)
    assert answer.status_code == 409
    assert "Mia has saved these words meanwhile" in page
    assert "Hers {amount}" in page
    assert 'value="Mine {amount}"' in page
    assert Template.objects.count() == 1
    assert 'name="seen_email" value="1"' in page
    assert post(client, subject="Mine {amount}", seen_email="1").status_code == 302
    assert Template.objects.get(is_current=True).subject == "Mine {amount}"


def test_what_another_saved_and_i_did_not_touch_stays(client: Client) -> None:
    mia = signed_in(make_user(Role.MANAGER, name="Mia"))
    hers = "{business_name}: {amount} {link_url} from Mia"
    assert post(mia, sms=hers).status_code == 302

    assert post(client, subject="Mine {amount}").status_code == 302

    used = templates.in_use("invitation", "en")
    assert used["sms"].words.text == hers
    assert used["email"].words.subject == "Mine {amount}"


def test_a_test_goes_to_oneself_with_the_words_under_edit(
    client: Client, owner: User, carrier: FakeCarrier
) -> None:
    answer = post(client, subject="Cake {amount}", act="test")

    assert answer.status_code == 200
    assert "A test is on its way to olga@shop.example." in text_of(answer)
    assert 'value="Cake {amount}"' in text_of(answer)
    delivery.deliver(delivery.claim(10))
    (taken,) = carrier.taken
    assert taken.recipient == "olga@shop.example"
    assert taken.subject.startswith("[Test] Cake $125.00")
    assert "/p/0000000000000000000000/" in taken.text
    assert Template.objects.count() == 0


def test_a_test_of_words_that_cannot_be_sent_is_refused(client: Client) -> None:
    answer = post(client, subject="{nothing}", act="test")

    assert answer.status_code == 422
    assert Message.objects.count() == 0


def test_preview_fills_in_the_words_as_they_are_typed(client: Client) -> None:
    answer = post(
        client,
        f"{PAGE}preview/",
        subject="Cake {amount} {oops}",
        sms="{amount} Erdő {link_url}",
    )

    page = text_of(answer)
    assert "Cake $125.00 {oops}" in page
    assert "There is no placeholder {oops}" in page
    assert "UCS-2" in page
    assert 'data-replace="ő" data-with="o"' in page


def test_the_mail_in_the_frame_runs_and_loads_nothing(client: Client) -> None:
    answer = post(
        client, f"{PAGE}mail/", body="<script>alert(1)</script>\r\n\r\n{note}"
    )

    assert "sandbox" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "<script" not in text_of(answer)
    assert "&lt;script&gt;" in text_of(answer)


def test_a_half_section_shows_nothing_and_breaks_nothing(client: Client) -> None:
    assert post(client, f"{PAGE}mail/", body="{?note}half").content == b""
    assert post(client, f"{PAGE}preview/", body="{?note}half").status_code == 200


def test_preview_of_a_message_that_was_really_written(
    client: Client, shop: Shop
) -> None:
    row = message(1)
    shop.values["customer_name"] = "Ada Lovelace"

    assert "PL-2026-000123 · Ada Lovelace · €12.50" in text_of(client.get(PAGE))
    page = text_of(post(client, f"{PAGE}preview/", example=row.public_id))
    assert "€12.50" in page
    full = text_of(post(client, f"{PAGE}preview/", example="full", body="{note}"))
    assert "[Your note]" in full


def test_history_shows_what_changed_and_the_way_back(client: Client) -> None:
    post(client, subject="Cake {amount}")
    post(client, subject="Bread {amount}", seen_email="1")
    first = Template.objects.get(version=1)

    page = text_of(client.get(f"{PAGE}history/"))
    assert "Cake {amount}</del>" in page
    assert "Bread {amount}</ins>" in page
    answer = client.post(
        f"{PAGE}restore/",
        {"channel": "email", "seen": "2", "version": first.public_id},
    )

    assert answer.status_code == 302
    used = templates.in_use("invitation", "en")["email"]
    assert (used.words.subject, used.version) == ("Cake {amount}", 3)


def test_restoring_after_another_saved_changes_nothing(client: Client) -> None:
    post(client, subject="Cake {amount}")
    post(client, subject="Bread {amount}", seen_email="1")

    client.post(f"{PAGE}restore/", {"channel": "email", "seen": "1", "version": ""})

    assert (
        templates.in_use("invitation", "en")["email"].words.subject == "Bread {amount}"
    )
    assert "Nothing was changed" in text_of(client.get(f"{PAGE}history/"))


def test_back_to_the_words_of_the_product(client: Client) -> None:
    post(client, subject="Cake {amount}")

    client.post(f"{PAGE}restore/", {"channel": "email", "seen": "1", "version": ""})

    assert templates.in_use("invitation", "en")["email"].words == MAIL
    assert wording.current().own == {}


def test_an_old_version_that_would_be_refused_now_is_opened_not_restored(
    client: Client, owner: User
) -> None:
    bad = Words(subject="Cake", body="See https://old.example/ {link_url} {amount}")
    row = templates.save(
        "invitation", "en", {"email": bad}, seen={"email": 0}, author=owner
    )[0]
    post(client, seen_email="1")

    answer = client.post(
        f"{PAGE}restore/", {"channel": "email", "seen": "2", "version": row.public_id}
    )

    assert answer["Location"] == f"{PAGE}?version={row.public_id}"
    page = text_of(client.get(answer["Location"]))
    assert "See https://old.example/" in page
    assert "leads to another place" in page
    assert Template.objects.count() == 2


@pytest.mark.parametrize(
    "data",
    [
        {"channel": "fax", "seen": "1"},
        {"channel": "email", "seen": "x"},
        {"channel": "email", "seen": "1", "version": "tpl_nothing"},
    ],
)
def test_nonsense_is_a_404(client: Client, data: dict[str, str]) -> None:
    assert client.post(f"{PAGE}restore/", data).status_code == 404
    assert client.post(PAGE, typed(seen_email="-1", seen_sms="x")).status_code in (
        302,
        409,
    )


@pytest.mark.parametrize("path", [LIST, PAGE, f"{PAGE}history/"])
def test_pages_ask_the_same_however_much_there_is(
    client: Client,
    owner: User,
    path: str,
    shop: Shop,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    post(client, subject="Cake {amount}")
    message(1)
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    few = len(asked)  # now: the next request empties the list
    for number in range(2, 8):
        post(client, subject=f"Cake {number} {{amount}}", seen_email=str(number - 1))
        message(number, kind="receipt")

    with django_assert_num_queries(few):
        client.get(path)
    assert MessageContent.objects.count() == 0
