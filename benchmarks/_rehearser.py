"""One shop with so many open links, each of a customer of its own, that were sent.

`python -m benchmarks._rehearser COUNT`; for `rehearse` and `read` on standard input it
answers how many seconds that took, and how many of them on the processor.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

PAGE = 1000


def main(count: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "merchant_portal.settings"
    django.setup()
    _fill(count)
    _say("ready")
    for line in sys.stdin:
        seconds = _seconds_of({"rehearse": _rehearse, "read": _read}[line.strip()])
        _say(" ".join(map(str, seconds)))


def _fill(count: int) -> None:
    """Copies of one link that was sent."""
    from django.db import connection

    from benchmarks import _rows
    from customers.models import ContactPoint, Customer
    from links.models import PaymentLink, ReminderDue
    from links.services import reminders, sending
    from merchant_portal.lib import clock
    from merchant_portal.lib.actors import SYSTEM

    reminders.default_plan()
    [link] = _rows.make_links(1)
    link.due_on = (clock.now() + timedelta(days=9)).date()
    link.save(update_fields=["due_on"])
    sending.send(link, ["email"], actor=SYSTEM)
    link.refresh_from_db()
    _rows.copy(
        Customer,
        {"public_id": "'cus_b' || n"},
        f"id = {link.customer_id}",
        f"generate_series(1, {count - 1}) n",
    )
    people = (
        "(SELECT id, row_number() OVER (ORDER BY id) - 1 AS n"
        " FROM customers_customer) made"
    )
    of_customer = {"customer_id": "made.id"}
    _rows.copy(
        ContactPoint,
        {**of_customer, "value": "'b' || made.n || '@example.com'"},
        f"customer_id = {link.customer_id}",
        people,
        "made.n > 0",
    )
    _rows.copy(
        PaymentLink,
        {
            **of_customer,
            "public_id": "'plk_b' || made.n",
            "number": "'B-' || made.n",
            "token_sha256": "encode(sha256(made.n::text::bytea), 'hex')",
            "creation_key": "NULL",
        },
        f"id = {link.pk}",
        people,
        "made.n > 0",
    )
    _rows.copy(
        ReminderDue,
        {"link_id": "made.id"},
        f"link_id = {link.pk}",
        "links_paymentlink made",
        f"made.id <> {link.pk}",
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _rehearse() -> int:
    from links.services import rehearsal

    return sum(1 for _each in rehearsal.rehearse())


def _read() -> int:
    """The rows that the rehearsal needs at least, as models, and nothing decided."""
    from links.models import PaymentLink

    count = 0
    links = PaymentLink.objects.select_related("customer").order_by("customer_id")
    page: list[Any] = []
    for link in links.iterator(PAGE):
        page.append(link)
        if len(page) == PAGE:
            count += _rest_of(page)
            page = []
    return count + _rest_of(page)


def _rest_of(page: list[Any]) -> int:
    from customers.models import ContactPoint
    from links.models import ReminderDue

    dues = list(ReminderDue.objects.filter(link__in=page))
    list(ContactPoint.objects.filter(customer__in=[each.customer_id for each in page]))
    return len(dues)


def _seconds_of(what: Callable[[], int]) -> tuple[float, float]:
    started, cpu = time.perf_counter(), time.process_time()
    if not what():
        raise ValueError("nothing was found")
    return time.perf_counter() - started, time.process_time() - cpu


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
