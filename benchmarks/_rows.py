"""What the database holds while it is measured; imported once Django is set up."""

from datetime import date

from django.db import connection
from django.db.models import Model

from customers.models import Customer
from customers.services import customers
from links.models import LineItem, PaymentLink
from links.services import links
from links.services.amounts import LineData
from links.services.links import LinkData
from merchant_portal.lib.actors import SYSTEM


def make_customer(number: int = 0) -> Customer:
    data = customers.CustomerData(
        name="Ada Lovelace", email=f"ada{number}@example.com", language="en"
    )
    return customers.create(data, actor=SYSTEM)


def link_data(customer: Customer, number: int) -> LinkData:
    return LinkData(
        customer=customer,
        currency="EUR",
        lines=(LineData("Birthday cake", 1250 + number),),
        due_on=date(2030, 3, 12),
        note="Please bring the box back.",
    )


def make_links(count: int) -> list[PaymentLink]:
    """Payable links through the product's service, each over another amount."""
    customer = make_customer()
    return [
        links.create(link_data(customer, number), actor=SYSTEM)
        for number in range(count)
    ]


def multiply(wanted: int) -> None:
    """Copies of the first link with its line, until there are so many links.

    Of many days and of four states; by one statement, for a million takes long enough.
    """
    first = PaymentLink.objects.order_by("pk").first() or make_links(1)[0]
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    there = PaymentLink.objects.count()
    new = {
        "public_id": "'plk_bench' || n",
        "number": "'B-' || n",
        "token_sha256": "encode(sha256(n::text::bytea), 'hex')",
        "creation_key": "NULL",
        "amount_minor": "1000 + n % 9000",
        "net_minor": "1000 + n % 9000",
        "status": "(ARRAY['active','paid','expired','canceled'])[1 + n % 4]",
        "created_at": "created_at - n * interval '37 seconds'",
    }
    copy(PaymentLink, new, f"id = {first.pk}", f"generate_series({there}, {wanted}) n")
    copy(
        LineItem,
        {"link_id": "made.id"},
        f"link_id = {first.pk}",
        "links_paymentlink made",
        "NOT EXISTS (SELECT 1 FROM links_lineitem had WHERE had.link_id = made.id)",
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE links_paymentlink, links_lineitem")
        cursor.execute("RESET statement_timeout")


def copy(
    model: type[Model],
    new: dict[str, str],
    which: str,
    times: str,
    only: str = "true",
) -> None:
    """INSERT of the rows `which`, once for each of `times`, with `new` expressions."""
    columns = [
        field.attname for field in model._meta.concrete_fields if not field.primary_key
    ]
    values = ", ".join(new.get(name, f"source.{name}") for name in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(  # nothing in it comes from outside
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values}"  # noqa: S608
            f" FROM (SELECT * FROM {table} WHERE {which}) source, {times} WHERE {only}"
        )
