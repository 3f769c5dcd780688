"""Visits pages of the back-office in one process, as often as it is told on its input.

Runs the product's own code on DATABASE_URL; started by proofs/scenarios/sizes.py. One JSON
line in, one out:

    {"pages": true}   → {name: path}: every list, its filters, searches, deep pages, reports
    {"visit": path}   → {"status": 200, "ms": 41.2}
    {"look": path}    → {"status": 200, "bytes": 9120, "statements": [{sql, ms, blocks}]}

`ms` of a statement is PostgreSQL's own time, `blocks` are the pages of 8 kB that it read.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.test import Client

DEEP = 50
# hundred rows a page: half of the smallest size
OWNER = "owner@visits.example"


def signed_in() -> "Client":
    from django.test import Client

    from merchant_portal.staff.models import User
    from merchant_portal.staff.roles import Role

    owner = User.objects.filter(email=OWNER).first()
    if owner is None:
        owner = User.objects.create_user(OWNER, role=Role.OWNER)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner)
    return client


def pages(client: "Client") -> dict[str, str]:
    """Every page whose cost could grow with the number of links, by a name for people."""
    from django.contrib import admin

    found = {"front page": "/admin/"}
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label in ("links", "customers", "notifications"):
            found |= dict(_of_list(client, model_admin))
    return {**found, **dict(_searches()), **dict(_reports())}


def _of_list(
    client: "Client", model_admin: "ModelAdmin[Any]"
) -> Iterator[tuple[str, str]]:
    meta = model_admin.model._meta
    path, name = f"/admin/{meta.app_label}/{meta.model_name}/", meta.model_name
    answer = client.get(path)
    changes = (getattr(answer, "context_data", None) or {}).get("cl")
    if changes is None:
        return
    yield f"{name} list", path
    if len(changes.result_list) == changes.list_per_page:
        yield f"{name} list, page {DEEP}", f"{path}?p={DEEP}"
    for spec in changes.filter_specs:
        choices = [each for each in spec.choices(changes) if "query_string" in each]
        for choice in choices[1:]:
            words = f"{name} list, {spec.title}: {choice['display']}"
            yield words, path + choice["query_string"]


def _searches() -> Iterator[tuple[str, str]]:
    from customers.models import ContactPoint, Customer
    from links.models import PaymentLink

    link = PaymentLink.objects.filter(number__isnull=False).earliest("pk")
    customer = Customer.objects.earliest("pk")
    address = ContactPoint.objects.filter(kind="email").earliest("pk").value
    words = {
        "number": link.number,
        "e-mail": address,
        "part of a name": customer.name.split()[-1][:5],
        "two parts of a name": " ".join(each[:4] for each in customer.name.split()),
        "amount": f"{link.amount_minor / 100:.2f}",
        "what nobody has": "xyzzyqqq",
    }
    for table in ("links/paymentlink", "customers/customer"):
        for what, word in words.items():
            yield f"search {table}: {what}", f"/admin/{table}/?q={word}"


def _reports() -> Iterator[tuple[str, str]]:
    from links.reports.registry import REPORTS

    for name, report in REPORTS.items():
        for heading in report.by:
            yield (
                f"report {name} by {heading}",
                f"/admin/links/dailytotal/{name}/?by={heading}",
            )


def visit(client: "Client", path: str) -> dict[str, Any]:
    started = time.perf_counter()
    answer = client.get(path)
    ms = (time.perf_counter() - started) * 1000
    return {"status": answer.status_code, "ms": ms}


def look(client: "Client", path: str) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(path)  # what a process reads once it has read
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    read = [q["sql"] for q in captured if q["sql"].startswith(("SELECT", "WITH", "("))]
    return {
        "status": answer.status_code,
        "bytes": len(answer.content),
        "statements": [{"sql": each, **_cost(each)} for each in read],
    }


def _cost(statement: str) -> dict[str, float]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        (plan,) = cursor.fetchone()[0]
    root = plan["Plan"]
    return {
        "ms": plan["Planning Time"] + plan["Execution Time"],
        "blocks": root["Shared Hit Blocks"] + root["Shared Read Blocks"],
    }


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
    django.setup()
    client = signed_in()
    for line in sys.stdin:
        asked = json.loads(line)
        if "pages" in asked:
            answer: dict[str, Any] = pages(client)
        elif "visit" in asked:
            answer = visit(client, asked["visit"])
        else:
            answer = look(client, asked["look"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
