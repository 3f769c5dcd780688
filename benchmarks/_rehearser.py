"""A process whose database holds so many open links with their customers and moments.

Answers `rehearse` and `read` on its input with the seconds that took.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup()

from django.db import connection  # noqa: E402

from benchmarks import _rows  # noqa: E402
from customers.models import ContactPoint, Customer  # noqa: E402
from links.models import PaymentLink, ReminderDue  # noqa: E402
from links.services import rehearsal, reminders, sending  # noqa: E402
from merchant_portal.lib import clock  # noqa: E402
from merchant_portal.lib.actors import SYSTEM  # noqa: E402

PAGE = 1000


def fill(count: int) -> None:
    """Copies of one link that was sent, each of a customer of its own."""
    reminders.default_plan()
    [link] = _rows.make_links(1)
    link.due_on = (clock.now() + timedelta(days=9)).date()
    link.save(update_fields=["due_on"])
    sending.send(link, ["email"], actor=SYSTEM)
    link.refresh_from_db()
    numbers = f"generate_series(1, {count - 1}) n"
    unlike = {"public_id": "'cus_b' || n"}
    _rows.copy(Customer, unlike, f"id = {link.customer_id}", numbers)
    ordered = (
        "(SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM customers_customer)"
    )
    of_customer = {"customer_id": "made.id"}
    _rows.copy(
        ContactPoint,
        {**of_customer, "value": "'b' || made.n || '@example.com'"},
        f"customer_id = {link.customer_id}",
        f"{ordered} made",
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
        f"{ordered} made",
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


def rehearse() -> int:
    return sum(1 for _each in rehearsal.rehearse())


def read() -> int:
    """The rows that the rehearsal needs at least, as models, and nothing decided."""
    count = 0
    links = PaymentLink.objects.select_related("customer").order_by("customer_id")
    page: list[PaymentLink] = []
    for link in links.iterator(PAGE):
        page.append(link)
        if len(page) == PAGE:
            count += _rest_of(page)
            page = []
    return count + _rest_of(page)


def _rest_of(page: list[PaymentLink]) -> int:
    dues = list(ReminderDue.objects.filter(link__in=page))
    customers = [link.customer_id for link in page]
    list(ContactPoint.objects.filter(customer__in=customers))
    return len(dues)


def seconds_of(what: Callable[[], int]) -> float:
    started = time.perf_counter()
    if not what():
        raise SystemExit("nothing was found")
    return time.perf_counter() - started


def main() -> None:
    fill(int(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        print(
            seconds_of({"rehearse": rehearse, "read": read}[line.strip()]), flush=True
        )


if __name__ == "__main__":
    main()
