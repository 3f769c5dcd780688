"""Customers out of a whole file: looked at row by row, then added all or none."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import tables
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.tables import Shape, TableError, headings
from merchant_portal.lib.tables.seen import Seen

from ..models import Customer
from . import customers, importing
from .customers import CustomerData
from .importing import Person

CHUNK = 500
NAMES: dict[str, tuple[str, ...]] = {
    **importing.NAMES,
    "country": ("country", "land", "pais", "pays"),
    "time_zone": ("time zone", "zeitzone", "zona horaria", "fuseau horaire"),
    "address": ("address", "postal address", "adresse", "anschrift", "direccion"),
    "tax_id": ("tax number", "tax id", "vat number", "ust-idnr", "steuernummer", "nif", "siret"),
    "tags": ("tags", "schlagworte", "etiquetas", "etiquettes"),
    "note": ("note", "notes", "notiz", "bemerkung", "nota", "remarque"),
}  # fmt: skip
_CHANGING = tuple(name for name in NAMES if name not in {"external_ref", "tags"})


@dataclass(frozen=True, slots=True)
class Mistake:
    row: int
    column: str
    message: str


@dataclass(slots=True)
class Outcome:
    """What came of a file, or would: nothing was written while `is_written` is False."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # headings of no field
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    data: CustomerData
    person: Person


def import_file(
    file: BinaryIO, *, source: str, good_only: bool, actor: Actor
) -> Outcome:
    """Add who is new and change who is known, in one transaction; an empty cell changes
    nothing. With a mistake in any row nothing happens, unless `good_only`.

    `source`: the system whose numbers the references are. TableError for no table.
    """
    shape = tables.look(file)
    outcome = Outcome()
    for _rows in _chunks(file, shape, source, outcome):
        pass
    if outcome.mistakes and not good_only:
        return outcome
    written = Outcome(ignored=outcome.ignored, is_written=True)
    with transaction.atomic(), audit.recorded_last():
        adding = importing.Adding()
        for rows in _chunks(file, shape, source, written):
            _write(rows, source, adding, written, actor)
        audit.record(
            actor.id,
            "customers.imported",
            source or "file",
            added=written.added,
            changed=written.changed,
        )
    return written


def _chunks(
    file: BinaryIO, shape: Shape, source: str, outcome: Outcome
) -> Iterator[list[_Row]]:
    """The good rows; counts all of them and keeps the mistakes in `outcome`."""
    with closing(tables.rows(file, shape)) as raw, Seen() as seen:
        titles = next(raw, (1, ()))[1]
        columns = headings.propose(titles, NAMES)
        if not {"name", "email", "phone", "external_ref"} & columns.keys():
            raise TableError(
                _("No column is called name, e-mail, phone or customer number.")
            )
        outcome.ignored = [
            title for place, title in enumerate(titles) if place not in columns.values()
        ]
        while some := list(islice(raw, CHUNK)):
            rows = [
                row
                for number, cells in some
                if (row := _read(number, cells, columns, source, outcome))
            ]
            yield _once_each(rows, seen, outcome)


def _read(
    number: int,
    cells: Sequence[str],
    columns: dict[str, int],
    source: str,
    outcome: Outcome,
) -> _Row | None:
    outcome.rows += 1
    said = {
        name: str(cells[place]) if place < len(cells) else ""
        for name, place in columns.items()
    }
    tags = [tag.strip() for tag in said.pop("tags", "").split(",")]
    said["language"] = said.get("language", "").lower()
    said["country"] = said.get("country", "").upper()
    said["name"] = said.get("name") or said.get("email") or said.get("phone") or ""
    data = CustomerData(source=source, tags=tags, **said)
    person, problems = importing.read(data)
    outcome.mistakes += [Mistake(number, one.field, str(one)) for one in problems]
    return None if person is None else _Row(number, data, person)


def _once_each(rows: list[_Row], seen: Seen, outcome: Outcome) -> list[_Row]:
    """Without those who stand in an earlier row already."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.person.mark, row.number)
    met = seen.note({mark: number for mark, number in first.items() if mark})
    kept = []
    for row in rows:
        before = met.get(row.person.mark, row.number)
        if before == row.number:
            kept.append(row)
        else:
            message = _("Row %d is about the same customer.") % before
            outcome.mistakes.append(Mistake(row.number, "", message))
    return kept


def _write(
    rows: list[_Row],
    source: str,
    adding: importing.Adding,
    outcome: Outcome,
    actor: Actor,
) -> None:
    placed = importing.place([row.person for row in rows], source)
    outcome.added += len(adding.add(placed.new))
    known = {
        key: row
        for key, row in zip(placed.keys, rows, strict=True)
        if key is not None and key > 0
    }
    found = Customer.objects.filter(pk__in=known).prefetch_related("contact_points")
    for customer in found:
        before = customer.updated_at
        wanted = _merged(customer, known[customer.pk].data)
        outcome.changed += (
            customers.update(customer, wanted, actor=actor).updated_at != before
        )
    outcome.mistakes += [
        Mistake(row.number, "email", _("Several customers have this address."))
        for key, row in zip(placed.keys, rows, strict=True)
        if key is None
    ]


def _merged(customer: Customer, said: CustomerData) -> CustomerData:
    """What is known of them, and what the file says anew."""
    has = {name: getattr(customer, name, "") for name in _CHANGING}
    has["email"] = customers.email_of(customer)
    has["phone"] = customers.phone_of(customer)
    new = {name: getattr(said, name) for name in _CHANGING if getattr(said, name)}
    if new.get("name") in {said.email, said.phone}:
        del new["name"]  # nobody said one
    reference = said.external_ref or customer.external_ref
    return CustomerData(
        **{**has, **new},
        source=said.source if said.external_ref else customer.source,
        external_ref=reference,
        preferred_channel=customer.preferred_channel,
        tags=list(dict.fromkeys([*customer.tags, *filter(None, said.tags)])),
    )
