"""Writes the good rows of an import as links: few statements for some hundred of them.

What `links.insert` and `links.activate_locked` write for one link; a test holds the two
to the same columns. Everything happens in the caller's transaction.
"""

import json
from datetime import datetime

from customers.services import importing
from customers.services.customers import zone_of
from customers.services.importing import Person
from merchant_portal.business.models import Business
from merchant_portal.lib import ids, signing
from merchant_portal.lib.bulk_rows import BulkRows, Cell, reserve_keys

from ..models import (
    Activity,
    LineItem,
    LinkImport,
    LinkStatus,
    NumberSeries,
    PaymentLink,
)
from .import_cells import Row, Wanted

_OF_LINK = (
    "id",
    "public_id",
    "number",
    "customer_id",
    "currency",
    "net_minor",
    "tax_minor",
    "amount_minor",
    "due_on",
    "note",
    "external_ref",
    "import_row",
    "allowed_providers",
    "token_sha256",
)
_OF_LINE = (
    "link_id",
    "description",
    "quantity_milli",
    "unit_amount_minor",
    "tax_bp",
    "net_minor",
    "tax_minor",
)
_OF_ACTIVITY = ("link_id", "kind", "detail")


class Writer:
    """For one import; `made` and `new_customers` count what it wrote."""

    def __init__(self, job: LinkImport, now: datetime) -> None:
        self.made = self.new_customers = 0
        self._year = now.astimezone(zone_of(None)).year
        self._key_version = signing.link_token("", 1).key_version
        self._customers = importing.Adding(now)
        self._links = BulkRows(
            PaymentLink,
            _OF_LINK,
            status=LinkStatus.ACTIVE,
            version=2,  # made, and made payable
            created_by_id=job.created_by_id,
            imported_in_id=job.pk,
            prices_include_tax=Business.objects.current().prices_include_tax,
            token_key_version=self._key_version,
            created_at=now,
            activated_at=now,
        )
        self._lines = BulkRows(LineItem, _OF_LINE, position=0)
        self._activities = BulkRows(
            Activity, _OF_ACTIVITY, at=now, actor=job.created_by.actor().id
        )
        self._detail = json.dumps({"import": job.public_id})

    def write(self, rows: list[Row], new: dict[int, Person]) -> None:
        """`rows`: good ones. `new`: negative key → customer that they are the first of."""
        used = {row.customer for row in rows}
        keys = self._customers.add(
            {key: person for key, person in new.items() if key in used}
        )
        self.new_customers += len(keys)
        good = [(row, row.wanted) for row in rows if row.wanted is not None]
        if not good:
            return
        first = NumberSeries.take_block("PL", self._year, len(good))
        links: list[tuple[Cell, ...]] = []
        lines: list[tuple[Cell, ...]] = []
        activities: list[tuple[Cell, ...]] = []
        for place, (pk, (row, wanted)) in enumerate(
            zip(reserve_keys(PaymentLink, len(good)), good, strict=True)
        ):
            number = f"PL-{self._year}-{first + place:06d}"
            customer = row.customer
            if customer is not None:
                customer = keys.get(customer, customer)
            links.append(self._link(pk, number, customer, row.number, wanted))
            lines.append(_line(pk, wanted))
            activities.append((pk, "link.created", self._detail))
            activities.append((pk, "link.activated", f'{{"number": "{number}"}}'))
        self._links.insert(links)
        self._lines.insert(lines)
        self._activities.insert(activities)
        self.made += len(links)

    def _link(
        self, pk: int, number: str, customer: int | None, row: int, wanted: Wanted
    ) -> tuple[Cell, ...]:
        public_id = ids.new("plk")
        return (
            pk,
            public_id,
            number,
            customer,
            wanted.currency,
            wanted.totals.net_minor,
            wanted.totals.tax_minor,
            wanted.totals.amount_minor,
            wanted.due_on,
            wanted.note,
            wanted.reference,
            row,
            json.dumps(wanted.providers) if wanted.providers else "[]",
            signing.link_token(public_id, 1, self._key_version).sha256,
        )


def _line(pk: int, wanted: Wanted) -> tuple[Cell, ...]:
    [line] = wanted.totals.lines
    return (
        pk,
        line.data.description,
        line.data.quantity_milli,
        line.data.unit_amount_minor,
        line.data.tax_bp,
        line.net_minor,
        line.tax_minor,
    )
