import csv
import io
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook
from pytest_django.fixtures import Settings

from customers.models import Customer
from customers.tests.factories import make_customer
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import spreadsheets
from merchant_portal.staff.roles import Role
from notifications.admin import undelivered as screen
from notifications.models import Message, OptOut
from notifications.services import opt_outs

from .factories import Shop, message
from .mail_posts import Amazon, body, give, post, report
from .test_mailbox import signed_in

pytestmark = pytest.mark.django_db
LIST = "/admin/notifications/optout/"
DOWNLOAD = f"{LIST}download/"
WRITERS = (Role.OWNER, Role.MANAGER, Role.AGENT)


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> Client:
    return signed_in(Role.OWNER)


def stopped(
    address: str = "ada1@example.com",
    scope: str = "all",
    source: str = "bounce",
    detail: str = "smtp;550 5.1.1 no such user",
    of: Message | None = None,
) -> OptOut:
    opt_outs.store(
        "email", address, OptOut.Scope(scope), source=source, detail=detail, message=of
    )
    return OptOut.objects.get(address=address, scope=scope)


def rows_of(client: Client, query: str = "") -> list[list[str]]:
    answer = client.post(f"{DOWNLOAD}{query}")
    assert answer.status_code == 200
    text = answer.getvalue().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_the_list_says_who_why_what_and_when(shop: Shop, owner: Client) -> None:
    customer = make_customer(name="Ada Lovelace", email="ada1@example.com")
    row = message(recipient="ada1@example.com")
    stopped(of=row)

    page = owner.get(LIST).content.decode()

    for words in (
        "ada1<wbr>@example.com",
        reverse("admin:customers_customer_change", args=[customer.pk]),
        "Ada Lovelace",
        "Does not exist or refuses mail",
        "Nothing is sent",
        "smtp;550 5.1.1 no such user",
        reverse("admin:notifications_message_change", args=[row.pk]),
    ):
        assert words in page


def test_the_list_counts_nothing_and_costs_the_same_at_any_length(
    shop: Shop, owner: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(LIST).status_code == 200
        assert not any(
            "COUNT(" in q["sql"] and "notifications_optout" in q["sql"]
            for q in captured
        )
        return len(captured)

    def fill(number: int) -> None:
        address = f"ada{number}@example.com"
        make_customer(name=f"Ada {number}", email=address)
        stopped(address, of=message(number, recipient=address))

    fill(1)
    owner.get(LIST)
    first = queries()
    for number in range(2, 42):
        fill(number)

    assert queries() == first
    assert first <= 12


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"a", "b", "c", "d", "e"}),
        ("?why=bounced", {"a"}),
        ("?why=soft", {"b"}),
        ("?why=complained", {"c"}),
        ("?why=ended", {"d"}),
        ("?why=staff", {"e"}),
        ("?why=nonsense", {"a", "b", "c", "d", "e"}),
        ("?stops=all", {"a", "e"}),
        ("?stops=asking", {"c"}),
        ("?channel__exact=sms", set()),
        ("?q=b@", {"b"}),
        ("?why=bounced&q=b@", set()),
    ],
)
def test_filters_and_search_hold_for_the_list_and_the_download(
    owner: Client, query: str, found: set[str]
) -> None:
    for name, scope, source in (
        ("a", "all", "bounce"),
        ("b", "nothing", "soft bounce"),
        ("c", "asking", "complaint"),
        ("d", "reminders", "unsubscribe link"),
        ("e", "all", "staff"),
    ):
        stopped(f"{name}@example.com", scope, source)

    page = owner.get(f"{LIST}{query}").content.decode()
    rows = rows_of(owner, query)[1:]

    assert {name for name in "abcde" if f">{name}<wbr>@example.com<" in page} == found
    assert {row[0][0] for row in rows} == found


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"]
)
def test_no_cell_is_a_formula(owner: Client, evil: str) -> None:
    assert spreadsheets.cell(evil) == f"'{evil}"
    Customer.objects.filter(
        pk=make_customer(name="x", email="ada1@example.com").pk
    ).update(name=evil)
    stopped(detail=evil)

    [_title, row] = rows_of(owner)

    assert (row[2], row[5]) == (f"'{evil}", f"'{evil}")


def test_the_download_for_excel_holds_the_same(owner: Client) -> None:
    stopped(detail="=1+1")

    answer = owner.post(DOWNLOAD, {"kind": "xlsx"})

    book = load_workbook(io.BytesIO(answer.getvalue()))
    (row,) = list(book.worksheets[0].iter_rows(min_row=2))
    assert [cell.value for cell in row[:2]] == rows_of(owner)[1][:2]
    assert (row[5].data_type, row[5].value) == ("s", "=1+1")
    assert isinstance(row[7].value, datetime)
    assert owner.post(DOWNLOAD, {"kind": "exe"}).status_code == 400


def test_a_long_download_reads_a_few_rows_at_a_time(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "CHUNK", 3)
    for number in range(8):
        stopped(f"ada{number}@example.com")

    with CaptureQueriesContext(connection) as captured:
        rows = rows_of(owner)

    assert [row[0] for row in rows[1:]] == [
        f"ada{number}@example.com" for number in reversed(range(8))
    ]
    reads = [q for q in captured if 'FROM "notifications_optout"' in q["sql"]]
    assert len(reads) == 4
    assert AuditEntry.objects.filter(action="addresses.downloaded").count() == 1


def test_looking_changes_nothing_and_a_download_is_no_get(owner: Client) -> None:
    row = stopped()
    page = reverse("admin:notifications_optout_lift", args=[row.pk])

    assert owner.get(DOWNLOAD).status_code == 405
    assert owner.get(page).status_code == 200

    assert OptOut.objects.get() == row


def test_lifting_wants_a_reason_and_is_kept(shop: Shop, owner: Client) -> None:
    row = stopped()
    page = reverse("admin:notifications_optout_lift", args=[row.pk])

    without = owner.post(page, {"reason": "because"})
    assert without.status_code == 400
    assert "Choose a reason" in without.content.decode()
    assert OptOut.objects.exists()

    assert owner.post(page, {"reason": "works"}).status_code == 302
    assert not OptOut.objects.exists()
    entry = AuditEntry.objects.get(action="address.lifted")
    assert entry.details == {"scope": "all", "source": "bounce", "reason": "works"}
    assert message(kind="reminder").state == "queued"


def test_an_old_report_does_not_stop_it_again_and_a_new_one_does(
    client: Client,
    sent_mail: Message,
    fetched: list[str],
    amazon: Amazon,
    owner: Client,
) -> None:
    report(client, "postmark", "bounced", sent_mail, amazon)
    row = OptOut.objects.get()
    page = reverse("admin:notifications_optout_lift", args=[row.pk])
    owner.post(page, {"reason": "works"})

    report(client, "postmark", "bounced", sent_mail, amazon)
    assert not OptOut.objects.exists()

    later = message(2, recipient="ada1@example.com")
    Message.objects.filter(pk=later.pk).update(state="sent")
    said = body("postmark", "bounced", later.public_id) | {"ID": 7}
    give(client, post("postmark", said, amazon=amazon))
    assert OptOut.objects.get().source == "bounce"


@pytest.mark.parametrize(
    "role", [role for role in Role if role != Role.AGENT]
)  # who sees only own ones
def test_who_may_do_what(role: Role) -> None:
    row = stopped()
    client = signed_in(role)
    page = reverse("admin:notifications_optout_lift", args=[row.pk])

    assert client.get(LIST).status_code == 200
    saved = 403 if role == Role.AUDITOR else 200
    assert client.post(DOWNLOAD).status_code == saved
    may_write = role in WRITERS
    assert (client.get(f"{LIST}add/").status_code == 200) is may_write
    shown = client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert (page in shown) is may_write
    assert (client.post(page, {"reason": "works"}).status_code == 302) is may_write
    assert OptOut.objects.exists() is not may_write


def test_strangers_see_nothing() -> None:
    stopped()
    for path in (LIST, DOWNLOAD):
        assert Client().post(path).status_code in {302, 403}


def test_staff_stop_an_address_themselves(shop: Shop, owner: Client) -> None:
    waiting = message(kind="reminder", recipient="ada1@example.com")
    form = {"channel": "email", "scope": "all", "detail": "Asked on the phone"}

    wrong = owner.post(f"{LIST}add/", {**form, "address": "no address"})
    assert wrong.status_code == 200
    assert "Asked on the phone" in wrong.content.decode()
    for _ in range(2):
        done = owner.post(f"{LIST}add/", {**form, "address": " ADA1@Example.com "})
        assert done.status_code == 302

    row = OptOut.objects.get()
    assert (row.address, row.source) == ("ada1@example.com", "staff")
    assert row.detail == "Asked on the phone"
    waiting.refresh_from_db()
    assert waiting.state == "suppressed"
    entries = AuditEntry.objects.filter(action="address.stopped")
    assert "ada1" not in str(list(entries.values_list("details", "object_id")))


def test_a_number_is_stopped_in_its_one_form(owner: Client) -> None:
    form = {"channel": "sms", "scope": "reminders", "detail": "Wrong number"}

    owner.post(f"{LIST}add/", {**form, "address": "+1 (415) 555-2671"})

    assert OptOut.objects.get().address == "+14155552671"


def test_the_customer_page_shows_it(owner: Client) -> None:
    customer = make_customer(name="Ada", email="ada1@example.com")
    page = reverse("admin:customers_customer_change", args=[customer.pk])
    assert "Does not exist" not in owner.get(page).content.decode()
    row = stopped()

    shown = owner.get(page).content.decode()

    assert "Does not exist or refuses mail" in shown
    assert reverse("admin:notifications_optout_change", args=[row.pk]) in shown


def test_sign_in_mails_of_colleagues_are_for_who_manages_staff(
    shop: Shop, owner: Client
) -> None:
    row = message(kind="password_reset", recipient="boss@shop.example")
    stopped("boss@shop.example", of=row)

    assert "boss<wbr>@shop.example" in owner.get(LIST).content.decode()
    manager = signed_in(Role.MANAGER)
    assert "boss<wbr>" not in manager.get(LIST).content.decode()
    assert len(rows_of(manager)) == 1
