"""Customers out of files: who is meant by a row, and many new ones at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from merchant_portal.business.models import Business
from merchant_portal.lib import clock, ids
from merchant_portal.lib.bulk_rows import BulkRows, Cell, reserve_keys

from ..models import ContactKind, ContactPoint, Customer
from . import customers
from .customers import CustomerData, CustomerError

NAMES: dict[str, tuple[str, ...]] = {
    "name": (
        "name", "customer", "customer name", "full name", "client", "company", "kunde",
        "kundenname", "firma", "nombre", "cliente", "nombre del cliente", "empresa", "nom",
        "client nom", "nom du client", "entreprise", "societe",
    ),
    "email": (
        "email", "e-mail", "email address", "e-mail address", "mail", "customer email",
        "e-mail-adresse", "mailadresse", "correo", "correo electronico",
        "correo electrónico", "courriel", "adresse e-mail", "adresse mail",
    ),
    "phone": (
        "phone", "phone number", "mobile", "telephone", "cell", "customer phone",
        "telefon", "telefonnummer", "handy", "mobil", "mobilnummer", "telefono", "movil",
        "celular", "numero de telefono", "portable", "numero de telephone",
    ),
    "language": ("language", "sprache", "idioma", "langue", "lang"),
    "external_ref": (
        "customer id", "customer reference", "customer number", "customer no",
        "client id", "kundennummer", "kunden-nr", "kundennr", "kunden-id",
        "numero de cliente", "id de cliente", "codigo de cliente", "numero client",
        "code client", "reference client",
    ),
}  # fmt: skip
# What the column of a field may be called in a file, in the languages of the screens.
CustomerKey = int
# Of a customer who is there their primary key; of one to come a negative number.


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a row, in canonical form, as `customers.checked` gives them."""

    fields: Mapping[str, object]
    addresses: Mapping[ContactKind, str]

    @property
    def reference(self) -> str:
        return str(self.fields["external_ref"])

    @property
    def email(self) -> str:
        return self.addresses[ContactKind.EMAIL]

    @property
    def phone(self) -> str:
        return self.addresses[ContactKind.PHONE]

    @property
    def mark(self) -> str:
        """By what they are known again in the same file; empty: by nothing."""
        if self.reference:
            return f"ref:{self.reference}"
        return self.email or self.phone


def read(data: CustomerData) -> tuple[Person | None, list[CustomerError]]:
    """A person, or everything that is wrong with what is said of them."""
    try:
        return Person(*customers.checked(data)), []
    except CustomerError:
        return None, customers.problems(data)


@dataclass(slots=True)
class Placed:
    """Who the people of some rows are.

    `keys`: one for each person; None where several customers have the address. `new`:
    negative key → the person of the first row that means them.
    """

    keys: list[CustomerKey | None] = field(default_factory=list)
    new: dict[CustomerKey, Person] = field(default_factory=dict)


def place(people: Sequence[Person], source: str) -> Placed:
    """Three queries. The reference of `source` decides, else the e-mail address, else the
    phone number: of what is given only the first. An address finds nobody whom another
    reference names.
    """
    books = _books(people, source)
    placed = Placed()
    for person in people:
        found = books.find(person)
        if found is None:
            key = -1 - len(placed.new)
            placed.new[key] = person
            books.add(key, person.reference, person.email, person.phone)
            found = [key]
        placed.keys.append(found[0] if len(found) == 1 else None)
    return placed


@dataclass(slots=True)
class _Books:
    references: dict[str, CustomerKey] = field(default_factory=dict)
    addresses: dict[str, dict[CustomerKey, str]] = field(default_factory=dict)
    # address → customers who have it, with their reference

    def add(self, key: CustomerKey, reference: str, *addresses: str) -> None:
        if reference:
            self.references[reference] = key
        for address in addresses:
            if address:
                self.addresses.setdefault(address, {})[key] = reference

    def find(self, person: Person) -> list[CustomerKey] | None:
        if person.reference in self.references:
            return [self.references[person.reference]]
        known = self.addresses.get(person.email or person.phone, {})
        fitting = [
            key
            for key, reference in known.items()
            if not (person.reference and reference)
        ]
        return fitting or None


def _books(people: Sequence[Person], source: str) -> _Books:
    books = _Books()
    alive = Customer.objects.filter(erased_at__isnull=True)
    if wanted := {person.reference for person in people if person.reference}:
        for pk, reference in alive.filter(
            source=source, external_ref__in=wanted
        ).values_list("pk", "external_ref"):
            books.add(pk, reference)
    for kind in ContactKind:
        values = {person.addresses[kind] for person in people} - {""}
        if not values:
            continue
        for value, pk, reference in ContactPoint.objects.filter(
            kind=kind,
            value__in=values,
            is_primary=True,
            customer__erased_at__isnull=True,
        ).values_list("value", "customer_id", "customer__external_ref"):
            books.addresses.setdefault(value, {})[pk] = reference
    return books


@dataclass
class Adding:
    """Writes new customers with their addresses, in the caller's transaction, which also
    keeps one entry of all of them in the audit log."""

    now: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        is_sample = Business.objects.current().is_sample
        self._customers = BulkRows(
            Customer, _COLUMNS, created_at=self.now, updated_at=self.now,
            is_sample=is_sample,
        )  # fmt: skip
        self._points = BulkRows(
            ContactPoint, ("customer_id", "kind", "value"), created_at=self.now
        )

    def add(self, new: Mapping[CustomerKey, Person]) -> dict[CustomerKey, int]:
        """Negative key → primary key of the new customer."""
        if not new:
            return {}
        keys = reserve_keys(Customer, len(new))
        rows: list[tuple[Cell, ...]] = []
        points: list[tuple[Cell, ...]] = []
        for pk, person in zip(keys, new.values(), strict=True):
            text = customers.search_text(person.fields, person.addresses)
            rows.append((pk, ids.new("cus"), text, *_cells(person)))
            points += [
                (pk, str(kind), value)
                for kind, value in person.addresses.items()
                if value
            ]
        self._customers.insert(rows)
        self._points.insert(points)
        return dict(zip(new, keys, strict=True))


_TEXTS = (
    "name",
    "language",
    "time_zone",
    "country",
    "preferred_channel",
    "source",
    "external_ref",
    "note",
    "address",
    "tax_id",
)
_COLUMNS = ("id", "public_id", "search_text", *_TEXTS, "tags")


def _cells(person: Person) -> tuple[Cell, ...]:
    texts = [str(person.fields[name]) for name in _TEXTS]
    return (*texts, json.dumps(person.fields["tags"]))
