"""Links out of a file: what becomes of each row."""

import io
from datetime import date

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import FrozenClock
from customers.models import Customer
from customers.services import customers
from links.models import (
    Activity,
    ImportState,
    PaymentLink,
)
from links.services import (
    import_work,
    imports,
    links,
    pages,
)
from links.services.amounts import LineData
from links.services.import_fields import Setup
from links.services.links import LinkData
from merchant_portal.lib.tables.values import Days, Style
from merchant_portal.staff.models import User
from notifications.models import Message

from .factories import make_customer, make_link, make_user
from .import_files import HEAD, made, rows, start, taken

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(frozen: FrozenClock) -> User:
    return make_user()


def test_a_row_becomes_a_link_of_a_new_customer(owner: User) -> None:
    row = "A-1,Ada Lovelace,Ada@Example.com,+14155550100,10.00,EUR,Cake,2.5,19,2026-12-31,Thanks\n"
    job = made(taken(owner, HEAD + row))

    link = PaymentLink.objects.get()
    [line] = link.lines.all()
    assert (job.state, job.made) == (ImportState.DONE, 1)
    assert (link.status, link.number) == ("active", "PL-2026-000001")
    assert (link.net_minor, link.tax_minor, link.amount_minor) == (2500, 475, 2975)
    assert (line.quantity_milli, line.unit_amount_minor, line.tax_bp) == (
        2500,
        1000,
        1900,
    )
    assert (link.due_on, link.note, link.external_ref) == (
        date(2026, 12, 31),
        "Thanks",
        "A-1",
    )
    assert link.created_by == owner
    assert link.customer is not None
    assert customers.email_of(link.customer) == "ada@example.com"
    assert customers.phone_of(link.customer) == "+14155550100"
    assert list(customers.search("lovelace")) == [link.customer]
    assert pages.url_of(link).rpartition("/p/")[2]
    assert not Message.objects.exists()


def test_writes_what_the_create_screen_writes(owner: User) -> None:
    """Column by column, but for what names the link and the file."""
    customer = make_customer("Ada", "ada0@example.com", phone="")
    job = made(taken(owner, HEAD + rows(1)))
    [imported] = job.links.all()
    typed = links.create(
        LinkData(customer=customer, currency="EUR", lines=(LineData("Cake", 1250),)),
        actor=owner.actor(),
    )
    typed.refresh_from_db()

    own = {"id", "public_id", "number", "token_sha256", "external_ref", "imported_in_id", "import_row"}  # fmt: skip
    for field in PaymentLink._meta.concrete_fields:
        if field.attname not in own:
            assert getattr(imported, field.attname) == getattr(typed, field.attname), (
                field
            )
    a, b = imported.lines.get(), typed.lines.get()
    for field in a._meta.concrete_fields:
        if field.attname not in {"id", "link_id"}:
            assert getattr(a, field.attname) == getattr(b, field.attname), field
    kinds = Activity.objects.order_by("pk").values_list("kind", "actor", "at")
    assert list(kinds.filter(link=imported)) == list(kinds.filter(link=typed))
    assert imported.activities.get(kind="link.created").detail == {
        "import": job.public_id
    }
    assert typed.number == "PL-2026-000002"


def test_customers_are_found_again(owner: User) -> None:
    by_mail = make_customer("Ada", "ada@example.com", phone="")
    by_reference = customers.create(
        customers.CustomerData(name="Bo", source="crm", external_ref="7"),
        actor=owner.actor(),
    )
    text = "E-mail,Customer ID,Phone,Amount,Description\n"
    text += "ADA@example.com,,,1.00,Cake\n"  # known
    text += ",7,,1.00,Cake\n"  # known
    text += "new@example.com,,,1.00,Cake\nnew@example.com,,,1.00,Pie\n"  # one new
    text += ",,+14155550199,1.00,Cake\n"  # new
    text += ",,,1.00,Cake\n"  # of nobody
    job = taken(owner, text, source="crm")
    assert job.report["new_customers"] == 2
    assert job.report["with_customer"] == 5

    made(job)

    found = [link.customer for link in job.links.order_by("import_row")]
    assert found[:2] == [by_mail, by_reference]
    assert found[2] == found[3]
    assert found[2] is not None
    assert found[2].name == "new@example.com"
    assert found[5] is None
    assert Customer.objects.count() == 4


def test_an_address_of_two_customers_is_asked_about(owner: User) -> None:
    for name in ("Ada", "Bo"):
        make_customer(name, "shared@example.com", phone="")

    job = taken(owner, HEAD + "A-1,,shared@example.com,,1.00,EUR,Cake,,,,\n")

    assert job.report["shown"] == [
        [2, "email", "Several customers have this address. Give their reference."]
    ]


def test_every_mistake_is_named_by_row_and_column(owner: User) -> None:
    row = "A-1,,no address,call me,12.505,EURO,,0,200,2026-02-30,\n"
    job = taken(owner, HEAD + rows(2) + row)

    assert (job.size, job.bad) == (3, 1)
    assert {(n, column) for n, column, _text in job.report["shown"]} == {
        (4, "email"),
        (4, "phone"),
        (4, "currency"),
        (4, "due_on"),
    }  # without a currency nobody knows what an amount may be
    job = taken(owner, HEAD + row.replace("EURO", "EUR"))
    assert [column for _n, column, _text in job.report["shown"]][2:] == [
        "amount",
        "description",
        "due_on",
    ]


def test_sums_are_said_by_currency(owner: User) -> None:
    more = "B-1,,,,7,JPY,Cake,,,,\nB-2,,,,nine,JPY,Cake,,,,\n"
    job = taken(owner, HEAD + rows(3) + more)

    assert job.report["sums"] == {"EUR": 3750, "JPY": 7}


def test_what_was_said_of_the_same_headings_is_remembered(owner: User) -> None:
    text = "Nr,Wer,Wieviel\n1,Ada,5.00\n"
    job = imports.take(io.BytesIO(text.encode()), "a.csv", by=owner)
    said = Setup(
        columns={"amount": 2, "name": 1},
        style=Style.PLAIN,
        currency="EUR",
        description="Club fee",
    )
    imports.set_up(job, said)

    colleague = imports.take(io.BytesIO(text.encode()), "b.csv", by=make_user())
    other = imports.take(io.BytesIO(b"Nr,Amount\n1,2"), "c.csv", by=owner)

    assert Setup.of(colleague.setup) == said
    assert Setup.of(other.setup).columns == {"amount": 1}


@pytest.mark.parametrize(
    "heads",
    ["Rechnungsnummer;E-Mail;Betrag;Fällig am", "Número de factura;Correo electrónico;Importe;Vencimiento", "Numéro de facture;Adresse e-mail;Montant;Échéance"],
)  # fmt: skip
def test_headings_of_the_screens_languages_are_known(owner: User, heads: str) -> None:
    job = imports.take(
        io.BytesIO(f"{heads}\nA;a@example.com;1;2026-01-01".encode()), "", by=owner
    )

    assert Setup.of(job.setup).columns == {
        "reference": 0,
        "email": 1,
        "amount": 2,
        "due_on": 3,
    }


def test_a_workbook_says_numbers_and_days_itself(owner: User) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Amount", "Due date", "Description"])
    sheet.append([0.1 + 0.2, date(2026, 12, 31), "Cake"])
    sheet.append([1250, None, "Cake"])
    file = io.BytesIO()
    book.save(file)
    job = imports.take(file, "a.xlsx", by=owner)
    imports.set_up(
        job, Setup.of({**job.setup, "style": Style.POINTS, "days": Days.DAY_FIRST})
    )
    import_work.work(job.pk)
    job.refresh_from_db()

    made(job)

    links = PaymentLink.objects.order_by("import_row")
    assert list(links.values_list("amount_minor", "due_on")) == [
        (30, date(2026, 12, 31)),
        (125_000, None),
    ]


def test_numbers_have_no_gap_beside_other_links(owner: User) -> None:
    make_link(make_customer())
    made(taken(owner, HEAD + rows(1200)))
    last = make_link(make_customer())

    numbers = PaymentLink.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [f"PL-2026-{n:06d}" for n in range(1, 1203)]
    assert last.number == "PL-2026-001202"


def test_takes_few_queries_for_many_rows(owner: User) -> None:
    job = taken(owner, HEAD + rows(1000))
    start(job)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        import_work.work(job.pk)

    assert job.links.count() == 1000
    assert len(seen) < 60
